"""Whisper understands the voice, and the bench counts the words that it does not."""

import pytest
from bench.intelligibility import heard, spoken, words_wrong

from nexus_voice.engines.piper.tts import PiperTts
from nexus_voice.engines.whisper.stt import WhisperStt
from weights import weights

SENTENCES = (
    "The warranty covers every part of the pump for two years.",
    "Our office is closed on Saturdays, Sundays and public holidays.",
    "Never open the cover while the machine is running.",
    "You can return the product within thirty days of delivery.",
)
MAX_WRONG = 0.1
"""Share of the words; the voice is never twice the same."""


@pytest.mark.slow
@pytest.mark.anyio
async def test_whisper_understands_the_voice() -> None:
    async with PiperTts(weights("en_US-joe-medium")) as tts, WhisperStt(weights("whisper-base")) as stt:
        understood = [await heard(stt, await spoken(tts, sentence)) for sentence in SENTENCES]
    assert words_wrong(SENTENCES, understood) <= MAX_WRONG


@pytest.mark.parametrize(
    ("said", "understood", "share"),
    [
        ("It is 20 °C.", "it is twenty degrees celsius", 0),
        ("Henry VIII in 1945", "Henry the eighth in nineteen forty-five", 0),
        ("the cat sat", "the cat sat down", 1 / 3),
        ("the cat sat on a mat", "the hat on a mat", 1 / 3),
    ],
)
def test_words_are_counted_that_were_not_understood(said: str, understood: str, share: float) -> None:
    assert words_wrong([said], [understood]) == pytest.approx(share)
