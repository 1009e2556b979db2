"""Piper in its process, through its real loader, on voices of steady tones that these tests build."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from models_tiny.piper import tiny_voice
from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.piper.tts import PiperTts
from nexus_voice.engines.piper.worker import MAX_VOICES, Piper
from nexus_voice.engines.voice_orders import MAX_TEXT

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PLAIN = Voice()
TEXT = "The quick brown fox jumps over the lazy dog again."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="module")
async def tts(folder: Path) -> AsyncIterator[PiperTts]:
    english = tiny_voice(folder)
    german = tiny_voice(folder / "german", "de_DE-tiny-low", language="de", tone=11)
    brazilian = tiny_voice(folder / "pt", "pt_BR-tiny-low", language="pt-br", tone=20)
    voices = {"de_DE-tiny-low": german.parent, "pt_BR-tiny-low": brazilian}
    async with PiperTts(english, voices=voices) as tts:
        await tts.ready()
        yield tts


async def spoken(tts: PiperTts, text: str = TEXT, voice: Voice = PLAIN) -> list[Pcm]:
    async with aclosing(tts.speak(text, voice)) as pieces:
        return [piece async for piece in pieces]


def seconds(audio: list[Pcm]) -> float:
    return sum(pcm.seconds for pcm in audio)


def pitch(audio: list[Pcm]) -> float:
    """The strongest frequency, Hz."""
    samples = np.frombuffer(b"".join(pcm.data for pcm in audio), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples))
    return float(spectrum.argmax() * audio[0].rate / len(samples))


async def test_a_sentence_arrives_in_small_even_pieces(tts: PiperTts) -> None:
    audio = await spoken(tts)
    assert tts.name == "piper:en_US-tiny-medium"
    assert {pcm.rate for pcm in audio} == {22_050}
    assert all(0 < pcm.seconds <= 0.06 for pcm in audio)
    assert 2 < seconds(audio) < 8
    peak = max(np.abs(np.frombuffer(pcm.data, "<i2").astype(int)).max() for pcm in audio)
    assert 20_000 < peak <= 32_767


async def test_rate_is_a_factor_of_the_length(tts: PiperTts) -> None:
    slow, normal, fast, wild = [await spoken(tts, voice=Voice(rate=rate)) for rate in (0.5, 1, 2, 99)]
    assert seconds(slow) == pytest.approx(2 * seconds(normal), rel=0.01)
    assert seconds(fast) == pytest.approx(seconds(normal) / 2, rel=0.01)
    assert seconds(wild) == pytest.approx(seconds(fast))
    assert pitch(slow) == pytest.approx(pitch(normal), rel=0.02)


@pytest.mark.parametrize(("factor", "rate"), [(0.5, 1.0), (1.5, 1.0), (2.0, 0.5)])
async def test_pitch_keeps_the_length(tts: PiperTts, factor: float, rate: float) -> None:
    plain = await spoken(tts, voice=Voice(rate=rate))
    changed = await spoken(tts, voice=Voice(rate=rate, pitch=factor))
    assert seconds(changed) == pytest.approx(seconds(plain), rel=0.01)
    assert pitch(changed) == pytest.approx(factor * pitch(plain), rel=0.02)
    assert {pcm.rate for pcm in changed} == {22_050}


@pytest.mark.parametrize(
    ("voice", "like"),
    [
        (Voice("de_DE-tiny-low"), "de_DE-tiny-low"),
        (Voice("de_DE-tiny-low", language="en"), "de_DE-tiny-low"),
        (Voice(language="de"), "de_DE-tiny-low"),
        (Voice(language="de-AT"), "de_DE-tiny-low"),
        (Voice(language="pt-BR"), "pt_BR-tiny-low"),
        (Voice(language="en"), "en_US-tiny-medium"),
        (Voice(language="e"), "en_US-tiny-medium"),
        (Voice(language="fi"), "en_US-tiny-medium"),
    ],
)
async def test_a_voice_by_name_or_by_language(tts: PiperTts, voice: Voice, like: str) -> None:
    heard, wanted = await spoken(tts, "Hallo Welt.", voice), await spoken(tts, "Hallo Welt.", Voice(like))
    assert heard == wanted
    lowest = {"en_US-tiny-medium": 2, "de_DE-tiny-low": 11, "pt_BR-tiny-low": 20}[like]
    assert lowest - 0.5 < pitch(heard) / (22_050 / 256) < lowest + 4.5


async def test_voices_are_listed_and_an_unknown_one_is_refused(tts: PiperTts) -> None:
    assert await tts.voices() == ["en_US-tiny-medium", "de_DE-tiny-low", "pt_BR-tiny-low"]
    for name in ("fr_FR-nobody", "../../etc/passwd", "de"):
        with pytest.raises(BadInput, match="Installed: en_US-tiny-medium, de_DE-tiny-low") as error:
            await spoken(tts, voice=Voice(name))
        assert error.value.code == "unknown_voice"


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_nothing_to_say_is_silence(tts: PiperTts, text: str) -> None:
    assert await spoken(tts, text) == []


async def test_text_is_only_text_and_has_a_limit(tts: PiperTts) -> None:
    """Phoneme notation is read out, not obeyed; bytes that cannot be sent harm nobody."""
    notation, plain = await spoken(tts, "[[h@l'oU]]"), await spoken(tts, "hello")
    assert seconds(notation) > 1.5 * seconds(plain)
    assert await spoken(tts, "a\x00b \ud800 \U0001f600 c")
    with pytest.raises(BadInput, match="at most") as error:
        await spoken(tts, "a" * (MAX_TEXT + 1))
    assert error.value.code == "text_too_long"


async def test_a_slow_listener_holds_nobody_up_and_leaving_early_is_fine(tts: PiperTts) -> None:
    long = "This sentence goes on and on. " * 20
    whole = seconds(await spoken(tts, long))
    async with aclosing(tts.speak(long, Voice())) as slow:
        first = await anext(slow)
        with anyio.fail_after(10):
            for _ in range(3):
                assert await spoken(tts, "Quick.")
        assert first.seconds + sum([piece.seconds async for piece in slow]) == pytest.approx(whole)
    for _ in range(5):
        async with aclosing(tts.speak(long, Voice())) as pieces:
            await anext(pieces)
    assert seconds(await spoken(tts, long)) == pytest.approx(whole)


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def _not_json(path: Path) -> None:
    Path(f"{path}.json").write_text("<html>not found</html>")


def _no_settings(path: Path) -> None:
    Path(f"{path}.json").unlink()


def _another_network(path: Path) -> None:
    import onnx

    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), path
    )


@pytest.mark.parametrize("damage", [_cut_short, _not_json, _no_settings, _another_network])
async def test_a_broken_voice_says_so(damage: Callable[[Path], None], folder: Path, tmp_path: Path) -> None:
    broken = tiny_voice(tmp_path, "fr_FR-broken-low")
    damage(broken)
    async with PiperTts(tiny_voice(folder), voices={"fr_FR-broken-low": broken}) as tts:
        with pytest.raises(EngineError, match=r"fr_FR-broken-low.onnx.*models pull") as error:
            await spoken(tts, voice=Voice(language="fr"))
        assert (error.value.code, error.value.retryable) == ("model_broken", False)
        assert await spoken(tts)  # the others go on


async def test_ready_tells_of_a_broken_default_voice(tmp_path: Path) -> None:
    broken = tiny_voice(tmp_path)
    _cut_short(broken)
    async with PiperTts(broken) as tts:
        with pytest.raises(EngineError) as error, anyio.fail_after(20):
            await tts.ready()
    assert error.value.code == "model_broken"


@pytest.mark.parametrize("path", ["nothing", "nothing.onnx", "."])
async def test_a_missing_voice_says_how_to_get_one(path: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="models pull") as error:
        PiperTts(tmp_path / path)
    assert error.value.code == "model_missing"


def test_a_missing_package_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    engine = Piper({"a": str(tiny_voice(folder))})
    with pytest.raises(EngineError, match="pip install nexus-voice") as error:
        engine.setup(iter(["a"]), lambda _: None)
    assert error.value.code == "engine_not_installed"


def test_only_a_few_voices_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []

    def load(file: Path) -> Any:
        loads.append(file.name)
        return file

    monkeypatch.setattr("nexus_voice.engines.piper.worker.loaded", load)
    engine = Piper({name: name for name in "abcdef"})
    for name in "abcabdabcd":
        engine.setup(iter([name]), lambda _: None)
    assert "".join(loads) == "abcdcd"
    assert len(engine._loaded) == MAX_VOICES
