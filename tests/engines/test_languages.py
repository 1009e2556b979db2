"""Ten languages: heard by Whisper, and answered by a voice that speaks them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

import clips
from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.engines.chain.fallback import Fallback, Policy
from nexus_voice.engines.espeak.tts import EspeakTts
from nexus_voice.engines.piper.tts import PiperTts
from nexus_voice.engines.whisper.model import WhisperDecoder
from nexus_voice.text.turn_taking import words
from weights import weights

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SPOKEN = {
    "cs": ("Dobré ráno, jak se dnes máte?", "ráno, jak se"),
    "de": ("Wo ist hier der nächste Bahnhof, bitte? Ich möchte nach Berlin.", "ich möchte nach berlin"),
    "en": ("Where is the next train station, please?", "next train station"),
    "es": ("¿Dónde está la estación de tren? Quiero ir a Madrid mañana.", "quiero ir a madrid"),
    "fi": ("yksi, kaksi, kolme, neljä, viisi, kuusi, seitsemän", "yksi, kaksi, kolme"),
    "hu": ("Hol van az állomás? Holnap Budapestre szeretnék menni.", "hol van az állomás"),
    "it": ("uno, due, tre, quattro, cinque, sei, sette", "1, 2, 3, 4, 5, 6, 7"),
    "ja": ("おはようございます。", "おはようございます"),
    "pl": ("Gdzie jest dworzec? Jutro chcę jechać do Warszawy.", "jutro chcę jechać"),
    "ro": ("Bună dimineața, ce mai faci astăzi?", "ce mai faci"),
}
"""Language -> what espeak-ng says, and the words of it that Whisper base, used to people, understands."""


@pytest.fixture(scope="module")
def whisper() -> WhisperDecoder:
    return WhisperDecoder(
        str(weights("whisper-base")), device="cpu", compute="auto", language="", threads=1, beam=1, sharers=1
    )


@pytest.fixture(scope="module")
async def voices() -> AsyncIterator[Fallback]:
    async with PiperTts(weights("en_US-joe-medium")) as piper, EspeakTts() as espeak:
        await piper.ready()
        yield Fallback(piper, espeak, policy=Policy(first_result=0))  # however busy this machine is


@pytest.mark.parametrize("language", SPOKEN)
async def test_a_language_is_heard_and_answered(
    whisper: WhisperDecoder, voices: Fallback, language: str
) -> None:
    text, wanted = SPOKEN[language]
    heard = whisper.decode(
        clips.say(text, "en-us" if language == "en" else language, speed=140).data, "", "", "", False
    )
    assert heard["language"] == language
    assert " ".join(words(wanted)) in " ".join(words(heard["text"]))  # it puts commas as it likes
    speakers: list[str] = []
    async with aclosing(
        voices.noting(speakers.append).speak(text, Voice(language=heard["language"]))
    ) as said:
        assert sum([piece.seconds async for piece in said if isinstance(piece, Pcm)]) > 0.5
    assert speakers == ["piper:en_US-joe-medium" if language == "en" else "espeak-ng"]
