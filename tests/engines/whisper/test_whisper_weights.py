"""Whisper base itself: what it is given to encode, what it makes of sounds, and languages."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

import clips
from nexus_voice.core.audio import Pcm, silence
from nexus_voice.engines.whisper.model import WhisperDecoder
from weights import weights

pytestmark = pytest.mark.slow

QUESTION = clips.say("Where is the next train station, please?")


@pytest.fixture(scope="module")
def model() -> WhisperDecoder:
    return WhisperDecoder(
        str(weights("whisper-base")), device="cpu", compute="auto", language="", threads=1, beam=1, sharers=1
    )


def decoded(model: WhisperDecoder, pcm: Pcm, *, final: bool = False, **given: str) -> dict[str, Any]:
    language, expected, before = (given.get(name, "") for name in ("language", "expected", "before"))
    return model.decode(pcm.data, language, expected, before, final)


def test_a_question_is_heard_for_half_of_what_the_whole_window_costs(model: WhisperDecoder) -> None:
    began = process_time()
    heard = decoded(model, QUESTION, final=True)
    between = process_time()
    decoded(model, QUESTION, final=True, before="Where are you?")
    assert "where is the next train station" in heard["text"].lower()
    assert (heard["language"], heard["certain"]) == ("en", True)
    assert between - began < 0.5 * (process_time() - between)


@pytest.mark.parametrize(
    "sound",
    [clips.noise(3, -30, 1), clips.tone(3, [50, 100, 150]), clips.music(3), clips.cough(), silence(3)],
    ids=["noise", "mains hum", "music", "cough", "silence"],
)
def test_nothing_is_made_up(model: WhisperDecoder, sound: Pcm) -> None:
    assert not decoded(model, clips.join(silence(0.3), sound, silence(0.3)), final=True).get("text")


def test_a_short_utterance_stays_in_the_language_of_the_conversation(model: WhisperDecoder) -> None:
    heard = decoded(model, clips.say("Ja, bitte.", "de"), expected="de")
    assert (heard["language"], heard["certain"]) == ("de", False)


def test_a_longer_one_may_be_in_another(model: WhisperDecoder) -> None:
    heard = decoded(model, QUESTION, expected="de")
    assert (heard["language"], heard["certain"]) == ("en", True)
