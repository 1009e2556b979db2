"""Text to speech by Coqui XTTS v2: seventeen languages, in a voice cloned from a short recording.

Needs the optional package `coqui-tts` with torch, the weights (1.9 GB) and, to be of use in a
conversation, a GPU. `scripts/try_xtts.py` has run it through coqui-tts 0.28 on a processor, with random
weights; it has not been run with the real ones or on a GPU.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from anyio import to_thread

from ...core.audio import Pcm, Voice
from ...core.errors import BadInput, EngineError
from ...workers.in_workers import InWorkers
from ...workers.pool import Workers
from ...workers.process import given
from ..voice_orders import MAX_WAITING_CHUNKS, sound, speaking_order

RATE = 24_000
"""Hz, the model's own rate."""
LANGUAGES = (
    "en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh", "hu", "ko", "ja", "hi",
)  # fmt: skip
SAMPLE_FORMATS = (".wav", ".flac", ".ogg", ".mp3")
MIN_SAMPLE_S, MAX_SAMPLE_S = 6.0, 30.0
"""Length of a recording of a voice to be cloned."""
MODEL_FILES = ("config.json", "model.pth", "vocab.json")
LICENCE = (
    "XTTS v2 is under the Coqui Public Model License 1.0.0. In short: the model and everything that it "
    "speaks may be used for non-commercial purposes only (yourself, research, teaching, trying it out), by "
    "anyone; who gets a copy of either from you must get these terms too; there is no warranty, and the "
    "licence ends for those who break it. The full text is LICENSE.txt of coqui/XTTS-v2."
)
"""What a user must accept before the first use."""


class XttsTts(InWorkers):
    """Implements `ports.Tts`; enter it before use. It gives no marks, since XTTS does not say where a word
    begins.

    `path` is the model's folder. `samples` is a folder of recordings, 6 to 30 s of one speaker each;
    a file's name without its ending is the voice's name, the first one is the default. `device` is
    "auto", "cpu", "cuda" or "cuda:1". Each of `workers` processes holds the model, some 2-3 GB.

    Raises `EngineError` with code `licence_not_accepted` unless `licence_accepted`, or `model_missing`.
    """

    name = "xtts-v2"

    def __init__(
        self,
        path: Path,
        *,
        samples: Path,
        licence_accepted: bool = False,
        device: str = "auto",
        language: str = "en",
        workers: int = 1,
        queue: int = 16,
    ) -> None:
        if not licence_accepted:
            raise EngineError(
                f"{LICENCE} To accept it, set NEXUS_TTS__LICENCE_ACCEPTED=true.", code="licence_not_accepted"
            )
        if missing := [name for name in MODEL_FILES if not (path / name).is_file()]:
            raise EngineError(
                f"The XTTS model in {path} lacks {', '.join(missing)}: "
                "pull it with `nexus-voice models pull`.",
                code="model_missing",
            )
        if language not in LANGUAGES:
            raise BadInput(f"XTTS speaks {', '.join(LANGUAGES)}, not {language!r}.", code="bad_setting")
        worker = "nexus_voice.engines.xtts.worker:XttsModel"
        kwargs = {"folder": str(path.absolute()), "device": device}
        super().__init__(Workers(worker, workers, kwargs, name=self.name, queue=queue))
        self._samples, self._language = samples, language

    async def ready(self) -> None:
        """Wait until every process has the model loaded and has begun to speak in the default voice.

        Raises `EngineError` with code `model_broken` or `engine_not_installed`, and `BadInput` for a
        sample that will not do.
        """
        await self._workers.setup(str(await self._sample("")))

    async def voices(self) -> list[str]:
        """Names for `Voice.name`, the default one first; a new sample is there at once."""
        return list(await to_thread.run_sync(samples_in, self._samples))

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm]:
        """Audio at 24,000 Hz in pieces of at most 60 ms, as it is generated.

        A language that XTTS lacks is spoken as the engine's own. Raises `BadInput` for a voice without
        a sample, for a sample that will not do, and for more than 2,000 characters; `EngineError` with
        code `engine_not_installed` for Chinese or Japanese without the package that they need.
        """
        language = voice.language.replace("_", "-").partition("-")[0].lower()
        order = speaking_order(
            sentence, voice, language=language if language in LANGUAGES else self._language
        )
        sample = await self._sample(voice.name)
        if order is None:
            return
        order["sample"] = str(sample)
        spoken = self._workers.call("speak", given(order), buffer=MAX_WAITING_CHUNKS, parse=sound)
        async with aclosing(spoken) as pieces:
            async for piece in pieces:
                if piece:  # an empty one only says that the process is at work
                    yield Pcm(piece, RATE)

    async def _sample(self, name: str) -> Path:
        """The recording of that voice, or of the default one."""
        samples = await to_thread.run_sync(samples_in, self._samples)
        if not samples:
            raise BadInput(
                f"XTTS needs a voice to clone: put a recording of {MIN_SAMPLE_S:g} to {MAX_SAMPLE_S:g} s "
                f"({', '.join(SAMPLE_FORMATS)}) into {self._samples}.",
                code="no_sample",
            )
        if name and name not in samples:
            raise BadInput(
                f"There is no voice sample {name!r}. There are: {', '.join(samples)}.", code="unknown_voice"
            )
        return (samples[name] if name else next(iter(samples.values()))).absolute()


def samples_in(folder: Path) -> dict[str, Path]:
    """Name of the voice -> its recording, in order of name; empty when there is no such folder."""
    if not folder.is_dir():
        return {}
    files = sorted(
        file for file in folder.iterdir() if file.suffix.lower() in SAMPLE_FORMATS and file.is_file()
    )
    return {file.stem: file for file in files}
