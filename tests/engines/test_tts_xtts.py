"""XTTS as far as it goes without torch: licence, model files, samples, the missing package.

The last test runs the adapter's own code on a double of the few names of coqui-tts that it uses.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from nexus_voice.domain.audio import Pcm, Voice
from nexus_voice.domain.errors import BadInput, EngineError
from nexus_voice.engines.tts_xtts import FILES, RATE, XttsTts
from nexus_voice.engines.voice_sample import read_sample, samples_in
from nexus_voice.engines.xtts import XttsModel

pytestmark = pytest.mark.anyio
PLAIN = Voice()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with the model's files; what is in them is no model."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    return folder


def record(
    file: Path, seconds: float = 8.0, level: float = 0.2, rate: int = 24_000, channels: int = 1
) -> Path:
    time = np.arange(int(seconds * rate)) / rate
    sound = np.clip(level * np.sin(2 * np.pi * 150 * time), -1, 1)
    soundfile.write(file, np.stack([sound] * channels, axis=1), rate)
    return file


@pytest.fixture
async def tts(model: Path, samples: Path) -> AsyncIterator[XttsTts]:
    record(samples / "ada.wav")
    record(samples / "bob.flac")
    async with XttsTts(model, samples=samples, licence_accepted=True) as tts:
        yield tts


async def spoken(tts: XttsTts, text: str = "Hello.", voice: Voice = PLAIN) -> list[Pcm]:
    async with aclosing(tts.speak(text, voice)) as pieces:
        return [piece async for piece in pieces]


def test_the_licence_must_be_accepted(model: Path, samples: Path) -> None:
    with pytest.raises(EngineError, match=r"non-commercial.*NEXUS_TTS__LICENCE_ACCEPTED=true") as error:
        XttsTts(model, samples=samples)
    assert (error.value.code, error.value.retryable) == ("licence_not_accepted", False)


def test_a_missing_model_and_a_wrong_language_say_what_to_do(model: Path, samples: Path) -> None:
    with pytest.raises(BadInput, match="en, es, fr"):
        XttsTts(model, samples=samples, licence_accepted=True, language="tlh")
    (model / "vocab.json").unlink()
    with pytest.raises(EngineError, match=r"lacks vocab.json: pull it") as error:
        XttsTts(model, samples=samples, licence_accepted=True)
    assert error.value.code == "model_missing"


async def test_voices_are_the_samples_that_are_there_now(tts: XttsTts, samples: Path) -> None:
    (samples / "notes.txt").write_text("no sound")
    assert await tts.voices() == ["ada", "bob"]
    record(samples / "aaron.ogg")
    assert await tts.voices() == ["aaron", "ada", "bob"]
    with pytest.raises(BadInput, match="There are: aaron, ada, bob") as error:
        await spoken(tts, voice=Voice("../model/config"))
    assert error.value.code == "unknown_voice"
    for file in samples_in(samples).values():
        file.unlink()
    with pytest.raises(BadInput, match="put a recording of 6 to 30 s") as error:
        await tts.ready()
    assert error.value.code == "no_sample"
    assert samples_in(samples / "nowhere") == {}


async def test_the_missing_package_is_named(
    tts: XttsTts, model: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the real process, whether or not coqui-tts is installed here."""
    for package in ("torch", "TTS"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(
            f"raise ModuleNotFoundError('No module named {package}')"
        )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with XttsTts(model, samples=samples, licence_accepted=True) as tts:
        for attempt in (tts.ready(), spoken(tts)):
            with pytest.raises(EngineError, match=r"pip install 'nexus-voice\[xtts\]' torch") as error:
                await attempt
            assert (error.value.code, error.value.retryable) == ("engine_not_installed", False)
        with pytest.raises(BadInput) as refused:
            await spoken(tts, "a" * 2_001)
        assert refused.value.code == "text_too_long"
        assert await spoken(tts, " ") == []


async def test_a_bad_sample_is_refused_before_the_model_is_loaded(tts: XttsTts, samples: Path) -> None:
    record(samples / "short.wav", 3.0)
    with pytest.raises(BadInput, match=r"short.wav is 3.0 s long: record 6 to 30 s") as error:
        await spoken(tts, voice=Voice("short"))
    assert error.value.code == "bad_sample"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seconds": 31.0}, "31.0 s long"),
        ({"seconds": 5.9}, "5.9 s long"),
        ({"level": 0.01}, r"too quiet \(-43 dB\): speak closer"),
        ({"level": 0.0}, "too quiet"),
        ({"level": 3.0}, "distorted: record again with less gain"),
        ({"rate": 8_000}, "has only 8000 Hz"),
    ],
)
def test_samples_are_checked(changes: dict[str, Any], says: str, samples: Path) -> None:
    with pytest.raises(BadInput, match=says):
        read_sample(record(samples / "voice.wav", **changes))


def test_good_samples_are_read(samples: Path) -> None:
    sound, rate = read_sample(record(samples / "voice.wav", 6.0, 0.9, 44_100, channels=2))
    assert (sound.shape, rate) == ((6 * 44_100,), 44_100)
    assert np.abs(sound).max() == pytest.approx(0.9, abs=0.01)
    (samples / "broken.wav").write_bytes(b"RIFF....WAVEjunk")
    for name in ("broken.wav", "none.wav"):
        with pytest.raises(BadInput, match="cannot be read: save it as WAV"):
            read_sample(samples / name)


class Tensor:
    """As much of torch.Tensor as the adapter touches."""

    def __init__(self, array: Any) -> None:
        self.array, self.device = np.asarray(array), "cpu"

    def __getitem__(self, key: None) -> "Tensor":
        return Tensor(self.array[key])

    def to(self, device: str) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return self

    def numpy(self) -> Any:
        return self.array


class Xtts:
    """The methods of coqui-tts' class of that name, with its signatures: 0.1 s of a tone per character."""

    analysed: list[float]

    @staticmethod
    def init_from_config(config: Any) -> "Xtts":
        model = Xtts()
        model.config, model.analysed = config, []
        return model

    def load_checkpoint(self, config: Any, checkpoint_dir: str, eval: bool = True) -> None:
        if "broken" in Path(checkpoint_dir, "model.pth").read_text():
            raise RuntimeError("PytorchStreamReader failed reading zip archive")

    def to(self, device: str) -> None:
        self.device = device

    def get_gpt_cond_latents(self, audio: Tensor, sr: int, length: int = 30, chunk_length: int = 6) -> Tensor:
        assert (length, chunk_length) == (30, 4)
        self.analysed.append(audio.array.shape[1] / sr)
        return Tensor([len(self.analysed)])

    def get_speaker_embedding(self, audio: Tensor, sr: int) -> Tensor:
        return Tensor([sr])

    def inference_stream(
        self, text: str, language: str, gpt_cond_latent: Tensor, speaker_embedding: Tensor, speed: float = 1.0
    ) -> Iterator[Tensor]:
        assert language == "pt"
        samples = int(len(text) * 0.1 * RATE / speed)
        tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(samples) / RATE).astype(np.float32)
        yield from map(Tensor, np.array_split(tone, 3))


def test_the_adapter_on_a_double_of_coqui_tts(
    model: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SimpleNamespace(load_json=lambda path: None, gpt_cond_len=30, gpt_cond_chunk_len=4)
    torch: Any = ModuleType("torch")
    torch.from_numpy, torch.cuda = Tensor, SimpleNamespace(is_available=lambda: False)
    modules: dict[str, Any] = {"torch": torch}
    for name in ("TTS", "TTS.tts", "TTS.tts.configs", "TTS.tts.models"):
        modules[name] = ModuleType(name)
    modules["TTS.tts.configs.xtts_config"] = SimpleNamespace(XttsConfig=lambda: config)
    modules["TTS.tts.models.xtts"] = SimpleNamespace(Xtts=Xtts)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    sample = str(record(samples / "ada.wav", 7.0, rate=48_000))
    engine = XttsModel(str(model), "auto")

    def speak(text: str, rate: float = 1.0, pitch: float = 1.0) -> bytes:
        said: list[bytes] = []
        order = {"text": text, "sample": sample, "language": "pt", "rate": rate, "pitch": pitch}
        engine.speak(iter([order]), said.append)
        assert all(0 < len(piece) <= 2 * RATE * 0.06 for piece in said)
        return b"".join(said)

    engine.setup(iter([sample]), lambda _: None)
    text = "Olá, mundo."
    plain, fast, high = speak(text), speak(text, rate=2.0), speak(text, pitch=1.5)
    assert len(plain) == 2 * RATE * 11 // 10
    assert len(fast) == len(plain) // 2
    assert len(high) == pytest.approx(len(plain), rel=0.01)
    assert len(speak("word " * 100)) == pytest.approx(2 * RATE * 50, rel=0.01)  # in several parts
    assert engine._model.device == "cpu"
    assert engine._model.analysed == [pytest.approx(7.0, abs=0.01)]  # once, and kept
    (model / "model.pth").write_text("broken")
    with pytest.raises(EngineError, match=r"could not be loaded on cpu \(PytorchStreamReader") as error:
        XttsModel(str(model), "auto").speak(
            iter([{"text": "a", "sample": sample, "language": "pt", "rate": 1, "pitch": 1}]), lambda _: None
        )
    assert error.value.code == "model_broken"
