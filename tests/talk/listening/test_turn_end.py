"""When a speaker has finished: the table, and conversations on virtual time with a scripted judge."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import anyio
import pytest

from nexus_voice.core import events
from nexus_voice.core.audio import Pcm, Transcript
from nexus_voice.core.errors import Busy
from nexus_voice.engines.fake.engines import FakeStt
from nexus_voice.ports import Stt
from nexus_voice.talk.listening.endpointing import MAX_GAP_S, STABLE_PAUSE_S
from nexus_voice.talk.listening.turn_end import (
    MAX_SILENCE_S,
    MIN_SILENCE_S,
    SILENCES,
    Evidence,
    silence_to_wait,
)
from nexus_voice.text.turn_taking import Completeness
from talk.stage import FRAME, Client, Script, engines, perform, session

FINAL_DELAY_S = 0.1
PRE_ROLL_S = 0.3
QUESTION = "What time is it?"


@dataclass
class Judge:
    """Says `likely`, one for each question in turn and then the last again, after `delay`."""

    likely: Sequence[float | Exception] = (0.95,)
    delay: float = 0.08
    asked: list[float] = field(default_factory=list)
    """Seconds of sound of each question."""
    answering: int = 0
    most: int = 0
    """Questions at a time, at most."""

    async def finished(self, speech: Pcm) -> float:
        answer = self.likely[min(len(self.asked), len(self.likely) - 1)]
        self.asked.append(speech.seconds)
        self.answering += 1
        self.most = max(self.most, self.answering)
        try:
            await anyio.sleep(self.delay)
        finally:
            self.answering -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Looks:
    """A recogniser that looks at the utterance at times: (seconds heard, text); each takes `delay`."""

    looks: Sequence[tuple[float, str]]
    delay: float = 0.1
    name: str = "looks"
    early_words: bool = False

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        looks, heard, text = list(self.looks), 0.0, ""
        async for pcm in audio:
            heard += pcm.seconds
            if looks and heard >= looks[0][0] + PRE_ROLL_S:
                text = looks.pop(0)[1]
                await anyio.sleep(self.delay)
                yield Transcript(text, False, until=heard)
        yield Transcript(text or "nothing", True)


def turns(judge: Judge | None, stt: Stt, *speech: tuple[float, float], silence: float = 0.5) -> Client:
    return perform(
        Script(until=speech[-1][1] + 5, speech=speech), session(engines(stt=stt, turn=judge), silence=silence)
    )


def waited(judge: Judge | None, stt: Stt, silence: float = 0.5) -> float:
    """Seconds from the end of a speech of 1.5 s to its final text."""
    client = turns(judge, stt, (1.0, 2.5), silence=silence)
    return client.when(events.Final) - 2.5


def about(seconds: float) -> object:
    return pytest.approx(seconds, abs=FRAME + 0.001)


def unwritten() -> FakeStt:
    """A recogniser that gives no words before the end."""
    return FakeStt("what time is it", final_delay=FINAL_DELAY_S)


# --- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize("usual", [0.0, 0.1, 0.32, 0.5, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("words", ["", "tell me about the", "The weather tomorrow", "fine weather", QUESTION])
@pytest.mark.parametrize("finished", [None, 0.0, 0.5, 1.0])
def test_the_silence_is_bounded(words: str, finished: float | None, usual: float) -> None:
    wait = silence_to_wait(Evidence(words, finished=finished), usual)
    assert MIN_SILENCE_S <= wait <= max(MAX_SILENCE_S, usual)


def test_more_signs_of_an_end_never_wait_longer() -> None:
    assert set(SILENCES) == set(Completeness)
    for row in SILENCES.values():
        assert list(row) == sorted(row, reverse=True)
    order = Completeness.unfinished, Completeness.open, Completeness.plain, Completeness.complete
    for column in range(3):
        heard = [SILENCES[one][column] for one in order]
        assert heard == sorted(heard, reverse=True)


def test_without_words_and_judge_the_usual_silence_ends_a_turn() -> None:
    assert silence_to_wait(Evidence(), 0.5) == 0.5
    assert silence_to_wait(Evidence("fine weather"), 0.5) == 0.5


# --- in conversation ------------------------------------------------------------------------------


def test_a_question_that_sounds_finished_is_answered_sooner() -> None:
    heard_out = Looks([(1.55, QUESTION)], delay=0.1)
    assert waited(None, heard_out) == about(0.35)
    assert waited(Judge([0.95]), heard_out) == about(0.26), "as soon as its words are known"


def test_a_voice_that_sounds_unfinished_is_waited_for() -> None:
    assert waited(Judge([0.05]), Looks([(1.55, QUESTION)])) == about(0.8)
    assert waited(Judge([0.05]), unwritten()) == about(0.8 + FINAL_DELAY_S)


def test_however_finished_it_sounds_words_that_are_on_their_way_are_waited_for() -> None:
    assert waited(Judge([0.95]), Looks([(1.2, QUESTION)], delay=0.1)) == about(0.8)
    assert waited(Judge([0.95]), unwritten()) == about(0.5 + FINAL_DELAY_S)


def test_words_that_end_before_the_silence_prove_nothing() -> None:
    assert waited(None, Looks([(1.0, "I would like to")], delay=0.7)) == about(0.8)
    assert waited(None, Looks([(1.0, "Stop.")], delay=0.7)) == about(0.8)
    assert waited(None, Looks([(1.0, "Stop. I"), (1.55, "Stop. I mean it.")], delay=0.5)) == about(0.7)


@pytest.mark.parametrize("late", [0.4, 0.6])
def test_an_answer_is_used_when_it_comes(late: float) -> None:
    judge = Judge([0.95], delay=late - STABLE_PAUSE_S)
    assert waited(judge, FakeStt("fine weather", FINAL_DELAY_S, partials=True)) == about(
        min(late, 0.5) + FINAL_DELAY_S
    )
    judge = Judge([0.05], delay=late - STABLE_PAUSE_S)
    assert waited(judge, Looks([(1.55, "Fine weather")], delay=0.1)) == about(1.0)


def test_the_setting_scales_the_table() -> None:
    assert waited(Judge([0.5]), unwritten(), silence=0.8) == about(0.8 + FINAL_DELAY_S)
    assert waited(Judge([0.05]), unwritten(), silence=0.8) == about(1.28 + FINAL_DELAY_S)


def test_a_telephone_number_with_pauses_stays_one_turn() -> None:
    groups = [(1.0, 2.0), (2.65, 3.65), (4.3, 5.3)]
    looks = [(1.05, "Call 415."), (2.7, "Call 415-555."), (4.35, "Call 415-555-0123.")]
    judge = Judge([0.95])
    client = turns(judge, Looks(looks, delay=0.15), *groups)
    assert [final.text for _, final in client.all(events.Final)] == ["Call 415-555-0123."]
    assert len(judge.asked) == 3


def test_one_question_at_a_time_and_an_old_answer_is_not_used() -> None:
    judge = Judge([0.05], delay=0.9)
    client = turns(judge, unwritten(), (1.0, 1.5), (1.8, 2.3), (2.6, 3.1))
    assert client.when(events.Final) == about(3.1 + 0.5 + FINAL_DELAY_S)
    assert judge.most == 1
    assert len(judge.asked) == 2


def test_the_judge_hears_the_last_eight_seconds() -> None:
    judge = Judge()
    turns(judge, unwritten(), (1.0, 2.0), (2.3, 22.0))
    assert judge.asked[0] == pytest.approx(PRE_ROLL_S + 1.0 + STABLE_PAUSE_S, abs=0.07)
    assert judge.asked[1] == 8.0


@pytest.mark.parametrize("error", [Busy("no"), RuntimeError("broken")])
def test_a_judge_that_cannot_say_leaves_it_to_the_words(error: Exception) -> None:
    assert waited(Judge([error]), Looks([(1.55, QUESTION)], delay=0.1)) == about(0.35)
    assert waited(Judge([error]), unwritten()) == about(0.5 + FINAL_DELAY_S)


def test_with_the_talk_button_nobody_is_asked() -> None:
    judge = Judge()
    script = Script(
        until=8,
        speech=[(1.0, 2.0), (3.5, 4.0)],
        says=[(0.9, events.TalkStart()), (5.0, events.TalkEnd())],
    )
    client = perform(script, session(engines(stt=unwritten(), turn=judge)))
    assert len(client.all(events.Final)) == 1
    assert client.when(events.Final) == about(5.0 + FINAL_DELAY_S)
    assert judge.asked == []


@dataclass
class Arrivals:
    """A recogniser that notes when it had heard how much, and never says a word before the end."""

    heard: list[tuple[float, float]] = field(default_factory=list)
    name: str = "arrivals"
    early_words: bool = False

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        began, heard = anyio.current_time(), 0.0
        async for pcm in audio:
            heard += pcm.seconds
            self.heard.append((anyio.current_time() - began, heard - PRE_ROLL_S))
            yield Transcript("What time", False, until=1.0)
        yield Transcript(QUESTION, True)


def test_in_a_gap_the_recogniser_gets_all_sound_at_once() -> None:
    """These may have been the last words. A recogniser that was busy must not wait for the next block."""
    stt = Arrivals()
    assert waited(None, stt) == about(0.8)
    in_the_gap = [(at, heard) for at, heard in stt.heard if heard > 1.5 + MAX_GAP_S - FRAME]
    steps = [after - before for (_, before), (_, after) in pairwise(in_the_gap)]
    assert in_the_gap[0][1] == about(1.5 + MAX_GAP_S)
    assert max(steps) <= 0.064 + FRAME, "pieces are as long as the ear works on at a time"
