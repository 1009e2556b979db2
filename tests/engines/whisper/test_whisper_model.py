"""A Whisper model in this process: languages, guards, and folders that are not what they should be."""

from pathlib import Path
from typing import Any

import pytest

import clips
from models_tiny.whisper import tiny_whisper
from nexus_voice.core.audio import Pcm, silence
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.whisper.model import WhisperDecoder

SPEECH = clips.say("How do I start the pump today?")


def decoder(path: Path, **options: Any) -> WhisperDecoder:
    usual = {"device": "auto", "compute": "auto", "language": "", "threads": 1, "beam": 1, "sharers": 1}
    return WhisperDecoder(path=str(path), **usual | options)


def decoded(model: WhisperDecoder, pcm: Pcm = SPEECH, language: str = "", **options: Any) -> dict[str, Any]:
    expected, before = options.get("expected", ""), options.get("before", "")
    return model.decode(pcm.data, language, expected, before, options.get("final", True))


def test_the_words_and_where_the_speech_is(tmp_path: Path) -> None:
    model = decoder(tiny_whisper(tmp_path, "two words"))
    result = decoded(model, clips.join(silence(1), SPEECH, silence(1)))
    assert result["text"] == " two words"
    assert [word for word, _, _ in result["words"]] == [" two", " words"]
    assert result["speech"] == pytest.approx((1, 1 + SPEECH.seconds), abs=0.2)
    assert result["words"][0][1] >= 0.7
    assert result["words"][-1][2] <= 1.4 + SPEECH.seconds
    assert (result["language"], result["certain"]) == ("en", True)
    assert decoded(model, before="What was said before.")["text"] == " two words"
    assert decoded(model, final=False) == decoded(model) | {"words": []}
    assert model.running == "cpu (int8_float32)"
    assert model.measured() > 0


@pytest.mark.parametrize("pcm", [silence(0), silence(0.001), silence(1), clips.noise(1, -20)])
def test_nothing_is_decoded_without_speech(tmp_path: Path, pcm: Pcm) -> None:
    assert decoded(decoder(tiny_whisper(tmp_path)), pcm) == {}


def test_the_language_is_detected_or_given(tmp_path: Path) -> None:
    model = decoder(tiny_whisper(tmp_path, "wie spät ist es", languages={"de": 9.0, "nl": 3.0}))
    result = decoded(model)
    assert (result["text"], result["language"]) == (" wie spät ist es", "de")
    assert decoded(model, language="fr")["language"] == "fr"
    assert decoded(model, expected="fr")["language"] == "fr"  # too short to tell another
    assert decoded(model, expected="multi")["language"] == "de"
    assert decoded(model, clips.join(SPEECH, SPEECH), expected="fr")["language"] == "de"


def test_a_language_that_the_model_does_not_know(tmp_path: Path) -> None:
    tiny_whisper(tmp_path)
    with pytest.raises(EngineError, match="choose a multilingual one") as raised:
        decoder(tmp_path, language="de")
    assert raised.value.code == "unsupported_language"


def test_words_that_the_model_itself_doubts_are_dropped(tmp_path: Path) -> None:
    doubtful = decoder(tiny_whisper(tmp_path / "doubtful", sure=4.0))
    assert decoded(doubtful)["text"]
    assert "text" not in decoded(decoder(tiny_whisper(tmp_path / "silent", sure=4.0, silent=20.0)))


def test_a_phrase_that_is_often_made_up_counts_only_when_it_was_said(tmp_path: Path) -> None:
    model = decoder(tiny_whisper(tmp_path, "Thanks for watching!"))
    assert decoded(model)["text"] == " Thanks for watching!"
    assert "text" not in decoded(model, clips.say("How do I start the pump today?", level=-56))
    assert "text" not in decoded(model, clips.say("no"))


@pytest.mark.parametrize("file", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
@pytest.mark.parametrize("fault", ["missing", "empty", "cut", "garbage"])
def test_a_broken_folder_says_what_to_do(tmp_path: Path, file: str, fault: str) -> None:
    path = tiny_whisper(tmp_path / "tiny") / file
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "garbage": b"\x93" * 999}.get(fault, b""))
    if fault == "missing":
        path.unlink()
    with pytest.raises(EngineError, match="models pull") as raised:
        decoder(path.parent)
    assert raised.value.code == "model_broken"
    assert "tiny" in raised.value.message
