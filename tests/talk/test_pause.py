"""A reply that is spoken over pauses, and goes on unless the words want the floor. On virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from nexus_voice.core import events
from nexus_voice.core.audio import Pcm, Transcript
from nexus_voice.engines.fake.engines import FakeLlm, FakeStt, FakeTts
from nexus_voice.talk.session import Session

from .stage import Anyone, Client, Script, engines, perform, session

QUESTION = "what will the weather be like tomorrow"
ANSWER = "It will be sunny all day. Take a hat with you."
ASKED = (1.0, 2.5)
"""The answer's audio begins at about 3.43 s and lasts 4 s."""


def talk(
    said: str, speech: tuple[float, float], partials: bool = True, likelihood: float = 1.0, **parts: Any
) -> tuple[Client, Session]:
    """`said` over the answer, to a client that can pause. The first word comes 0.45 s after the voice."""
    stt = FakeStt([QUESTION, said], partials=partials, words_per_second=1.4)
    made = session(engines(stt=stt, overlaps=Anyone(likelihood), **{"tts": FakeTts(marks=True), **parts}))
    made.client_pauses = True
    return perform(Script(until=13, speech=[ASKED, speech]), made, playback=True), made


def played(client: Client) -> bytes:
    """What the user hears, as a client that obeys plays it: nothing twice, nothing missing."""
    out, at, open_ = bytearray(), 0, True
    start, rate = client.when(Pcm), 24_000
    for _, message in client.got:
        if isinstance(message, Pcm) and open_:
            out += message.data
        elif isinstance(message, events.Resume):
            at = 2 * round(message.at_ms * rate / 1e3)
            del out[at:]
            open_ = True
        elif isinstance(message, events.Pause | events.Flush):
            open_ = False
    assert start
    return bytes(out)


def test_a_backchannel_pauses_the_answer_which_then_goes_on() -> None:
    client, made = talk("mm-hm", (4.4, 4.9))
    assert 4.4 < client.when(events.Duck) < 4.46
    assert 4.592 <= client.when(events.Pause) <= 4.65
    assert client.when(events.Resume) < 4.4 + 0.95
    assert not client.all(events.Flush)
    assert not client.audio_between(client.when(events.Pause) + 1e-6, client.when(events.Resume))
    assert client.one(events.Final, 1) == events.Final("mm-hm", 0)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)
    assert made.chat.exchanges[0].heard == ANSWER


def test_it_goes_on_at_the_word_that_was_cut_and_misses_nothing() -> None:
    undisturbed = perform(Script(until=9, speech=[ASKED]))
    client, _ = talk("mm-hm", (4.4, 4.9))
    began, paused = client.when(Pcm), client.when(events.Pause)
    heard = paused - began
    resumed = client.one(events.Resume).at_ms / 1e3
    words = [2.0 * len(ANSWER[:25][:n]) / 25 for n in (0, 2, 7, 10, 16, 20, 25)]
    assert resumed == pytest.approx(max(word for word in words if word <= heard), abs=0.001)
    assert played(client) == played(undisturbed)
    lost = client.when(events.Resume) - paused + heard - resumed
    assert client.when(events.AudioEnd) == pytest.approx(began + 4.0 + lost, abs=0.06)


def test_words_that_want_the_floor_take_it() -> None:
    client, made = talk("no wait I meant today", (4.4, 6.5))
    assert client.when(events.Pause) < 4.65
    assert client.when(events.Flush) <= 4.4 + 0.9
    assert not client.all(events.Resume)
    ended = client.one(events.Ended)
    assert ended.outcome == "interrupted"
    assert ended.heard == "It will"
    assert 192 <= client.one(events.Metrics).clocks["barge_in"] <= 250
    assert client.one(events.Final, 1) == events.Final("no wait I meant today", 2)
    assert made.chat.exchanges[1].heard == ANSWER


@pytest.mark.parametrize(
    ("until", "stopped"), [(5.0, False), (5.15, False), (6.5, True)], ids=["short", "longer", "goes on"]
)
def test_without_words_only_speech_that_goes_on_takes_the_floor(until: float, stopped: bool) -> None:
    client, _ = talk("", (4.4, until), partials=False)
    decided = client.when(events.Flush if stopped else events.Resume)
    assert decided == pytest.approx(4.4 + 0.9, abs=0.06)
    assert bool(client.all(events.Flush)) is stopped
    assert client.all(events.Ended)[0][1].outcome == ("interrupted" if stopped else "done")


def test_late_words_are_not_lost() -> None:
    """The recogniser needs longer than the pause; then the words take the floor all the same."""
    client, _ = talk("stop it", (4.4, 4.9), partials=False)
    assert client.when(events.Resume) < client.when(events.Flush)
    assert client.one(events.Ended).outcome == "interrupted"
    assert client.one(events.Final, 1) == events.Final("stop it", 2)


def test_the_assistants_own_words_do_not_end_its_answer() -> None:
    client, _ = talk("it will be sunny all day", (3.6, 5.2))
    assert not client.all(events.Flush)
    assert client.one(events.Final, 1).turn == 0
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_a_sound_that_is_no_speech_does_not_even_pause_it() -> None:
    client, _ = talk("", (4.4, 5.4), likelihood=0.05)
    assert not client.all(events.Pause)
    assert client.one(events.Ended).outcome == "done"


@pytest.mark.parametrize("partials", [True, False])
@pytest.mark.parametrize("seconds", [0.16, 0.5])
@pytest.mark.parametrize("made_up", ["Thank you.", "you", "but the"])
def test_words_made_up_from_a_noise_are_not_answered(made_up: str, seconds: float, partials: bool) -> None:
    client, _ = talk(made_up, (4.4, 4.4 + seconds), partials, likelihood=0.05)
    assert not client.all(events.Flush)
    assert client.one(events.Final, 1) == events.Final(made_up, 0)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_a_backchannel_that_ends_after_the_answer_is_not_answered() -> None:
    client, _ = talk("mm-hm", (6.3, 7.6), partials=False, likelihood=0.05)
    assert client.one(events.Final, 1) == events.Final("mm-hm", 0)
    assert client.when(events.Ended) < client.when(events.Final, 1)
    assert [ended.turn for _, ended in client.all(events.Ended)] == [1]


def test_the_reply_goes_on_being_made_while_it_is_paused_within_bounds() -> None:
    long = " ".join(f"This is sentence number {n} of many." for n in range(200))
    llm, tts = FakeLlm(long, token_gap=0.001), FakeTts(speed=50, marks=True)
    stt = FakeStt([QUESTION, "hm"], partials=False)
    made = session(engines(stt=stt, llm=llm, tts=tts))
    made.client_pauses = True
    client = perform(Script(until=6.2, speech=[ASKED, (4.4, 4.9)]), made)
    first, last = client.when(events.Pause), client.when(events.Resume)
    written = [when for when, _ in client.all(events.Delta)]
    assert any(first < when < last for when in written) or written[-1] < first
    assert tts.calls < 5, "the voice waits for its listener"
    assert client.audio_between(last, last + 0.02) > 0.9


@pytest.mark.parametrize(
    "event", [events.Hush(), events.Text(text="no, the day after"), events.TalkStart()], ids=lambda e: e.type
)
def test_buttons_and_typing_end_a_paused_answer_at_once(event: events.ClientEvent) -> None:
    made = session(engines(stt=FakeStt([QUESTION, "hm"])))
    made.client_pauses = True
    client = perform(Script(until=9, speech=[ASKED, (4.4, 4.9)], says=[(4.8, event)]), made)
    assert client.when(events.Pause) < 4.8
    assert client.when(events.Flush) == pytest.approx(4.8, abs=0.001)
    assert not client.all(events.Resume)
    assert client.one(events.Ended).outcome == "interrupted"


def test_a_microphone_that_goes_dead_does_not_keep_it_paused() -> None:
    made = session(engines(stt=FakeStt([QUESTION, "hm"])))
    made.client_pauses = True

    async def scene() -> Client:
        client = Client(Script(until=4.7, speech=[ASKED, (4.4, 9.0)]))
        client.stays = 8.0
        return await client.play(made)

    import trio
    import trio.testing

    client = trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
    assert client.when(events.Resume) == pytest.approx(4.4 + 0.9, abs=0.06)
    assert client.one(events.Ended).outcome == "done"


def test_a_client_that_leaves_a_paused_answer_leaves_nothing_running() -> None:
    made = session(engines(stt=FakeStt([QUESTION, "hm"])))
    made.client_pauses = True
    client = perform(Script(until=9, speech=[ASKED, (4.4, 4.9)], leaves=4.8), made)
    assert client.all(events.Pause)
    parts = (made.engines.stt, made.engines.llm, made.engines.tts)
    assert [engine.running for engine in parts] == [0, 0, 0]  # type: ignore[attr-defined]
    assert made.chat.exchanges[0].outcome == "interrupted"


def test_a_pause_before_the_first_sound_holds_it_back() -> None:
    llm = FakeLlm(ANSWER, first_token=1.5)
    stt = FakeStt([QUESTION, "mm-hm"], partials=True)
    made = session(engines(stt=stt, llm=llm))
    made.client_pauses = True
    client = perform(Script(until=12, speech=[ASKED, (4.3, 4.9)]), made)
    assert client.one(events.Resume) == events.Resume(1, 0.0)
    assert client.when(Pcm) >= client.when(events.Resume)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_a_client_that_cannot_pause_is_flushed_as_before() -> None:
    client = perform(Script(until=9, speech=[ASKED, (4.4, 4.9)]))
    assert not client.all(events.Pause)
    assert 4.592 <= client.when(events.Flush) <= 4.65


class Unsure:
    """A recogniser that hears `first`, is not sure of it, and then hears `second` in the same sound."""

    name, early_words = "unsure", True

    def __init__(self, first: str, second: str) -> None:
        self._looks = [(first, False), (second, True)]
        self._asked = False

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncIterator[Transcript]:
        looks, heard = list(self._looks) if self._asked else [], 0.0
        text = looks[-1][0] if looks else QUESTION
        self._asked = True
        async for pcm in audio:
            heard += pcm.seconds
            if looks and heard >= 0.6 + 0.3 * (2 - len(looks)):
                words, sure = looks.pop(0)
                yield Transcript(words, False, until=heard, sure=sure)
        yield Transcript(text, True)


@pytest.mark.parametrize(("second", "stopped"), [("Yeah, yeah.", False), ("Stop it.", True)])
def test_words_that_are_unsure_wait_for_a_second_look(second: str, stopped: bool) -> None:
    made = session(engines(stt=Unsure("Be happy.", second)))
    made.client_pauses = True
    client = perform(Script(until=13, speech=[ASKED, (4.4, 4.9)]), made, playback=True)
    assert bool(client.all(events.Flush)) is stopped
    decided = client.when(events.Flush if stopped else events.Resume)
    assert client.when(events.Pause) < 4.65
    assert 4.9 < decided < 4.4 + 0.95


@pytest.mark.parametrize(("until", "waited"), [(9.0, 0.7), (4.9, 1.2)], ids=["goes on", "short"])
def test_words_that_stay_unsure_are_believed_in_the_end(until: float, waited: float) -> None:
    class Never(Unsure):
        def __init__(self) -> None:
            super().__init__("", "")
            self._looks = [("What about Sunday", False)]

    made = session(engines(stt=Never()))
    made.client_pauses = True
    client = perform(Script(until=13, speech=[ASKED, (4.4, until)]), made, playback=True)
    assert client.when(events.Flush) - client.when(events.Pause) == pytest.approx(waited, abs=0.12)
