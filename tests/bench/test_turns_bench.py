"""The moments that `bench turns` looks at, and how it follows the product's rule through a silence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import pytest
from bench.turn_moments import SAID, Moment, Recording, spoken
from bench.turns import RULES, Known, both, cut_off, fixed, sound_alone, waits, words_alone

import clips
from nexus_voice.core.audio import RATE, Pcm, Transcript, Voice, Word, silence
from nexus_voice.engines.silero.vad import SileroVad

FIRST, SECOND = clips.say("How do I start the pump?"), clips.say("I mean the blue one.")


class Reader:
    """A voice that says a second for each comma-separated part, with a tenth of silence between them."""

    name = "reader"

    async def speak(self, sentence: str, voice: Voice) -> AsyncIterator[Pcm]:
        for part in sentence.split(","):
            yield clips.tone(1.0, [300], level=-20)
            if not part.endswith("."):
                yield silence(0.1)


def known(words: str, finished: float, pause: float | None, words_at: float = 0.3) -> Known:
    return Known(Moment("", "clip", b"", b"", pause), words, words_at, finished, 0.25)


@pytest.mark.anyio
async def test_a_recordings_pauses_and_its_end_are_found() -> None:
    sound = clips.join(FIRST, silence(0.6), SECOND)
    recording = await Recording.of("two", np.frombuffer(sound.data, "<i2"), SileroVad())
    pause, end = recording.silences("clip")
    assert (pause.kind, end.kind, end.pause) == ("clip: pause", "clip: end", None)
    assert pause.pause == pytest.approx(0.6, abs=0.15)
    assert len(pause.heard(0.16).data) == len(pause.sound) + 2 * round(0.16 * RATE)
    assert pause.sound == end.sound[: len(pause.sound)]
    assert pause.heard(0.2).seconds == pytest.approx(0.3 + FIRST.seconds + 0.2, abs=0.15)


@pytest.mark.anyio
async def test_cuts_between_words_keep_away_from_the_speakers_own_pauses() -> None:
    sound = clips.join(FIRST, silence(0.6), SECOND)
    recording = await Recording.of("two", np.frombuffer(sound.data, "<i2"), SileroVad())
    at = [begin / 10 for begin in range(round(10 * sound.seconds))]
    words = tuple(Word("w", 0.5 + begin, 0.55 + begin) for begin in at)
    ends = {len(moment.sound) for moment in recording.word_gaps(Transcript("", True, "", words))}
    own = [len(moment.sound) for moment in recording.silences("clip")]
    assert ends
    assert all(abs(end - pause) > 0.1 * 2 * RATE for end in ends for pause in own)


@pytest.mark.anyio
async def test_a_pause_is_put_where_its_comma_is() -> None:
    x = await spoken(Reader(), "I would, um, |0.8| like two.")
    loud = np.flatnonzero(np.abs(x) > 100)
    gaps = [(int(a), int(b - a)) for a, b in pairwise(loud) if b - a > RATE // 20]
    assert [round(begin / RATE, 1) for begin, _ in gaps] == [1.0, 2.1]
    assert [round(length / RATE, 1) for _, length in gaps] == [0.1, 0.8]


def test_every_pause_that_is_said_has_a_length() -> None:
    for sentences in SAID.values():
        for sentence in sentences:
            assert all(0.3 <= float(pause) <= 1.5 for pause in sentence.split("|")[1::2])


def test_the_rules_follow_the_answers_as_they_come() -> None:
    question, number = known("What time is it?", 0.95, None), known("Call 415.", 0.95, 0.65)
    assert (fixed(question, 0.5), words_alone(question, 0.5)) == (0.5, 0.35)
    assert (sound_alone(question, 0.5), both(question, 0.5)) == (0.3, 0.3)
    late = known("What time is it?", 0.95, None, words_at=0.45)
    assert both(late, 0.5) == 0.45
    assert both(known("What time is it?", 0.95, None, words_at=0.9), 0.5) == 0.8, "they came too late"
    assert cut_off([question, number], fixed, 0.5) == 1.0
    assert cut_off([question, number], both, 0.5) == 0.0
    assert waits([question, number], both, 0.5) == [0.3]
    assert set(RULES) == {"fixed window", "words alone", "sound alone", "words and sound"}
