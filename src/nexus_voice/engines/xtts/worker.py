"""XTTS v2 through coqui-tts, in the worker process of `tts.py`."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ...core.errors import BadInput, EngineError
from ...workers.worker import Emit
from ..voice_orders import parts
from .tts import MAX_SAMPLE_S, MIN_SAMPLE_S, RATE

CHUNK_BYTES = 2 * RATE * 60 // 1000
"""One piece of sound, 60 ms."""
MAX_VOICES = 16
"""Analysed voices kept in memory."""
MAX_PART, MAX_PART_CJK = 150, 70
"""Characters spoken at once; the model loses the thread past 150 (Hindi) to 270, past 71 in Japanese."""
MIN_SAMPLE_RATE = 16_000
"""Hz of a recording."""
MIN_SAMPLE_DB = -40.0
"""Loudness of a recording below full scale, root mean square of the whole."""
MAX_CLIPPED = 0.005
"""Share of samples at full scale above which a recording is distorted."""
HINDI_DIGITS = ("शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ")
"""The digits from 0 to 9."""


class XttsModel:
    def __init__(self, folder: str, device: str) -> None:
        self._folder, self._device = Path(folder), device
        self._loaded: Any = None
        self._voices: OrderedDict[tuple[str, float], Any] = OrderedDict()

    def setup(self, items: Iterator[Any], emit: Emit) -> None:
        """Load the model and the voice of that sample, and begin to speak: the first time is slower."""
        voice = self._voice(Path(next(items)))
        next(self._model.inference_stream("Hello.", "en", *voice))

    def speak(self, items: Iterator[Any], emit: Emit) -> None:
        """One `{text, sample, language, rate, pitch}` -> PCM16 bytes at 24,000 Hz, and empty ones.

        Raises `EngineError` with code `engine_not_installed` for a language that needs one more package.
        """
        order = next(items)
        voice = self._voice(Path(order["sample"]))
        try:
            self._speak(order, voice, emit)
        except ImportError as error:
            language = order["language"]
            raise EngineError(
                f"XTTS needs one more Python package for the language {language!r} ({error}): "
                f"pip install 'coqui-tts[{language}]'",
                code="engine_not_installed",
            ) from error

    def _speak(self, order: dict[str, Any], voice: Any, emit: Emit) -> None:
        def at_every_token(*_: Any) -> bool:
            """Never stops the sentence, but lets `emit` see whether the host has: a chunk takes seconds."""
            emit(b"")
            return False

        pitch = min(2.0, max(0.5, order["pitch"]))
        speed = min(2.0, max(0.5, order["rate"])) / pitch  # a higher voice is spoken slower, played faster
        resample = soxr.ResampleStream(RATE * pitch, RATE, 1, dtype="float32") if pitch != 1.0 else None
        longest = MAX_PART_CJK if order["language"] in ("zh", "ja", "ko") else MAX_PART
        for part in filter(str.strip, parts(sayable(order["text"], order["language"]), longest)):
            for chunk in self._model.inference_stream(
                part, order["language"], *voice, speed=speed, stopping_criteria=[at_every_token]
            ):
                sound = np.atleast_1d(chunk.cpu().numpy()).astype(np.float32)
                send(resample.resample_chunk(sound) if resample else sound, emit)
        if resample:
            send(resample.resample_chunk(np.zeros(0, np.float32), last=True), emit)

    @property
    def _model(self) -> Any:
        if self._loaded is None:
            self._loaded = loaded(self._folder, self._device)
        return self._loaded

    def _voice(self, sample: Path) -> Any:
        """(GPT latent, speaker embedding) of a recording, as `Xtts.get_conditioning_latents` makes them."""
        try:
            key = str(sample), sample.stat().st_mtime
        except OSError:
            key = str(sample), 0.0  # `read_sample` says what is wrong
        if key not in self._voices:
            samples, rate = read_sample(sample)  # torchaudio would need one more package to read a file
            model, torch = self._model, import_module("torch")
            audio = torch.from_numpy(soxr.resample(samples, rate, 22_050))[None].to(model.device)
            config = model.config
            latent = model.get_gpt_cond_latents(
                audio, 22_050, length=config.gpt_cond_len, chunk_length=config.gpt_cond_chunk_len
            )
            while len(self._voices) >= MAX_VOICES:
                self._voices.popitem(last=False)
            self._voices[key] = latent, model.get_speaker_embedding(audio, 22_050)
        self._voices.move_to_end(key)
        return self._voices[key]


def read_sample(file: Path) -> tuple[NDArray[np.float32], int]:
    """The recording as mono samples (-1..1) and its rate in Hz.

    Raises `BadInput` with code `bad_sample` and advice when it cannot be read, is not 6 to 30 s
    long, has less than 16 kHz, is too quiet, or is distorted.
    """
    import soundfile

    try:
        with soundfile.SoundFile(file) as sound:
            rate, seconds = int(sound.samplerate), sound.frames / sound.samplerate
            if not MIN_SAMPLE_S <= seconds <= MAX_SAMPLE_S:
                raise _bad(
                    file, f"is {seconds:.1f} s long: record {MIN_SAMPLE_S:g} to {MAX_SAMPLE_S:g} s of speech"
                )
            if rate < MIN_SAMPLE_RATE:
                raise _bad(file, f"has only {rate} Hz: record with {MIN_SAMPLE_RATE} Hz or more, best 24000")
            samples = sound.read(dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.SoundFileError, OSError, ZeroDivisionError) as error:
        raise _bad(file, "cannot be read: save it as WAV or FLAC") from error
    loudness = 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12)
    if loudness < MIN_SAMPLE_DB:
        raise _bad(file, f"is too quiet ({loudness:.0f} dB): speak closer to the microphone")
    if np.mean(np.abs(samples) > 0.999) > MAX_CLIPPED:
        raise _bad(file, "is distorted: record again with less gain")
    return samples, rate


def _bad(file: Path, why: str) -> BadInput:
    return BadInput(f"The voice sample {file.name} {why}.", code="bad_sample")


def loaded(folder: Path, device: str) -> Any:
    """The model on its device. Raises `EngineError` with `engine_not_installed` or `model_broken`."""
    try:
        torch, xtts = import_module("torch"), import_module("TTS.tts.models.xtts")
        configs, shared = map(import_module, ("TTS.tts.configs.xtts_config", "TTS.config.shared_configs"))
    except Exception as error:  # beside another kind of torch torchaudio raises OSError or RuntimeError
        raise EngineError(
            "XTTS needs the Python packages coqui-tts, torch and a torchaudio of the same make, CPU or CUDA, "
            f"as torch ({reason(error)}): pip install 'nexus-voice[xtts]'",
            code="engine_not_installed",
        ) from error
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        config = configs.XttsConfig()
        config.load_json(str(folder / "config.json"))
        model = xtts.Xtts(config)
        # The published model.pth also holds its settings, of classes that have moved since. If torch did not
        # take them, coqui-tts would write the file anew without them, and its checksum would be wrong.
        moved = [(configs.XttsArgs, f"{xtts.__name__}.XttsArgs")]
        moved += [(configs.XttsAudioConfig, f"{xtts.__name__}.XttsAudioConfig")]
        with torch.serialization.safe_globals([configs.XttsConfig, shared.BaseDatasetConfig, *moved]):
            model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
        model.to(device)
    except Exception as error:  # whatever a damaged file, or too small a device, makes torch raise
        raise EngineError(
            f"The XTTS model could not be loaded on {device} ({reason(error)}): pull it again with "
            "`nexus-voice models pull`, or choose another device.",
            code="model_broken",
        ) from error
    return model


def reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def sayable(text: str, language: str) -> str:
    """`text` with its figures as coqui-tts can say them.

    Numbers of more than twenty digits make it fail, and in Hindi all do: these are said digit by digit. A
    full stop after a number makes it an ordinal in some languages: wrong at the end, and in Czech it fails.
    """
    text = re.sub("[0-9]{20,}", lambda found: " ".join(found[0]), text)
    if language == "hi":
        return re.sub("[0-9]", lambda found: f" {HINDI_DIGITS[int(found[0])]} ", text)
    if language in ("cs", "de", "hu", "tr"):
        return re.sub(r"(?<=[0-9])\.(?=\s|$)" if language == "cs" else r"(?<=[0-9])\.(?=\s*$)", " .", text)
    return text


def send(sound: Any, emit: Emit) -> None:
    data = np.clip(np.rint(sound * 32767), -32768, 32767).astype("<i2").tobytes()
    for at in range(0, len(data), CHUNK_BYTES):
        emit(data[at : at + CHUNK_BYTES])
