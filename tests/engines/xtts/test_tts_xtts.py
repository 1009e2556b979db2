"""XTTS as far as it goes without torch: licence, model files, samples, the missing package.

The last tests run the adapter's own code on a double of the few names of coqui-tts that it uses, which
behaves as `scripts/try_xtts.py` shows the real one to.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.xtts.tts import MODEL_FILES, RATE, XttsTts, samples_in
from nexus_voice.engines.xtts.worker import XttsModel, read_sample, sayable

pytestmark = pytest.mark.anyio
PLAIN = Voice()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with the model's files; what is in them is no model."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in MODEL_FILES:
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


@pytest.mark.parametrize(
    "fault",
    [
        "ModuleNotFoundError('No module named torch')",
        "OSError('Could not load this library: _torchaudio.so')",  # where it was built for another torch
    ],
)
async def test_the_missing_package_is_named(
    fault: str, tts: XttsTts, model: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the real process, whether or not coqui-tts is installed here."""
    for package in ("torch", "TTS"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"raise {fault}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with XttsTts(model, samples=samples, licence_accepted=True) as tts:
        for attempt in (tts.ready(), spoken(tts)):
            with pytest.raises(EngineError, match=r"torch.*pip install 'nexus-voice\[xtts\]'") as error:
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

    known: Sequence[Any] = ()
    """What torch may unpickle at the moment."""

    def __init__(self, config: Any) -> None:
        self.config, self.analysed = config, list[float]()

    def load_checkpoint(self, config: Any, checkpoint_dir: str, eval: bool = True) -> None:
        file = Path(checkpoint_dir, "model.pth")
        if "broken" in file.read_text():
            raise RuntimeError("PytorchStreamReader failed reading zip archive")
        if (SimpleNamespace, "TTS.tts.models.xtts.XttsArgs") not in self.known:
            file.write_text("saved anew, without the settings")

    def to(self, device: str) -> None:
        self.device = device

    def get_gpt_cond_latents(self, audio: Tensor, sr: int, length: int = 30, chunk_length: int = 6) -> Tensor:
        assert (length, chunk_length) == (30, 4)
        self.analysed.append(audio.array.shape[1] / sr)
        return Tensor([len(self.analysed)])

    def get_speaker_embedding(self, audio: Tensor, sr: int) -> Tensor:
        return Tensor([sr])

    def inference_stream(
        self,
        text: str,
        language: str,
        gpt_cond_latent: Tensor,
        speaker_embedding: Tensor,
        speed: float = 1.0,
        *,
        stopping_criteria: Sequence[Callable[[Any, Any], bool]] = (),
    ) -> Iterator[Tensor]:
        """Criteria are asked after every token."""
        if language == "ja":
            raise ModuleNotFoundError("No module named 'cutlet'")
        samples = int(len(text) * 0.1 * RATE / speed)
        tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(samples) / RATE).astype(np.float32)
        for piece in np.array_split(tone, 3):
            for _ in range(20):
                assert not any(criterion(None, None) for criterion in stopping_criteria)
            yield Tensor(piece)


@pytest.fixture
def coqui(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def safe_globals(known: Sequence[Any]) -> Iterator[None]:
        Xtts.known = known
        yield
        Xtts.known = ()

    torch: Any = ModuleType("torch")
    torch.from_numpy, torch.cuda = Tensor, SimpleNamespace(is_available=lambda: False)
    torch.serialization = SimpleNamespace(safe_globals=safe_globals)
    modules: dict[str, Any] = {"torch": torch}
    for name in ("TTS", "TTS.config", "TTS.tts", "TTS.tts.configs", "TTS.tts.models"):
        modules[name] = ModuleType(name)
    config = SimpleNamespace(load_json=lambda path: None, gpt_cond_len=30, gpt_cond_chunk_len=4)
    modules["TTS.config.shared_configs"] = SimpleNamespace(BaseDatasetConfig=SimpleNamespace)
    modules["TTS.tts.configs.xtts_config"] = SimpleNamespace(
        XttsConfig=lambda: config, XttsArgs=SimpleNamespace, XttsAudioConfig=SimpleNamespace
    )
    modules["TTS.tts.models.xtts"] = SimpleNamespace(__name__="TTS.tts.models.xtts", Xtts=Xtts)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def order(
    sample: str, text: str, language: str = "pt", rate: float = 1.0, pitch: float = 1.0
) -> Iterator[Any]:
    yield {"text": text, "sample": sample, "language": language, "rate": rate, "pitch": pitch}


@pytest.mark.usefixtures("coqui")
def test_the_adapter_on_a_double_of_coqui_tts(model: Path, samples: Path) -> None:
    sample = str(record(samples / "ada.wav", 7.0, rate=48_000))
    engine = XttsModel(str(model), "auto")

    def speak(text: str, **changes: Any) -> bytes:
        said: list[bytes] = []
        engine.speak(order(sample, text, **changes), said.append)
        assert all(len(piece) <= 2 * RATE * 0.06 for piece in said)
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
    assert (model / "model.pth").read_text() == "{}"
    with pytest.raises(EngineError, match=r"language 'ja' .*cutlet.*pip install 'coqui-tts\[ja\]'") as error:
        speak("はい。", language="ja")
    assert error.value.code == "engine_not_installed"


@pytest.mark.usefixtures("coqui")
def test_it_can_be_stopped_at_every_token(model: Path, samples: Path) -> None:
    said: list[bytes] = []

    def emit(piece: bytes) -> None:
        if len(said) == 5:
            raise InterruptedError
        said.append(piece)

    sample = str(record(samples / "ada.wav"))
    with pytest.raises(InterruptedError):
        XttsModel(str(model), "cpu").speak(order(sample, "Olá, mundo."), emit)
    assert said == [b""] * 5


@pytest.mark.usefixtures("coqui")
def test_a_broken_model_says_so(model: Path, samples: Path) -> None:
    (model / "model.pth").write_text("broken")
    sample = str(record(samples / "ada.wav"))
    with pytest.raises(EngineError, match=r"could not be loaded on cpu \(PytorchStreamReader") as error:
        XttsModel(str(model), "auto").speak(order(sample, "a"), lambda _: None)
    assert error.value.code == "model_broken"


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "Call 112. It is 3.", "Call 112. It is 3."),
        ("en", "9" * 20 + "!", " ".join("9" * 20) + "!"),
        ("de", "Am 3. Mai sind es 42.", "Am 3. Mai sind es 42 ."),
        ("cs", "1. a 3,5 a 2.", "1 . a 3,5 a 2 ."),
        ("hi", "10", " एक  शून्य "),
    ],
)
def test_figures_are_written_so_that_the_model_can_say_them(language: str, text: str, said: str) -> None:
    assert sayable(text, language) == said
