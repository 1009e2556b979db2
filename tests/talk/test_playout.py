"""The ledger of what was heard, as a pure function of time."""

from __future__ import annotations

import anyio
import numpy as np
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_voice.core import events
from nexus_voice.core.audio import Mark, Pcm
from nexus_voice.core.events import ServerEvent
from nexus_voice.talk.client_line import ClientLine
from nexus_voice.talk.clocks import Clocks
from nexus_voice.talk.playout import Playout, Span, whole_words

RATE = 8_000
TEXT = "It will be sunny all day."


def test_whole_pieces_then_whole_words() -> None:
    span = Span(TEXT, TEXT, start=1.0, end=3.0)
    assert span.heard(0.5, 3.0) == ""
    assert span.heard(2.0, 3.0) == "It will be"
    assert span.heard(3.0, 3.0) == TEXT


def test_word_times_are_exact_where_the_voice_gives_them() -> None:
    marks = [Mark(0.2, 2), Mark(0.9, 7), Mark(1.0, 10)]
    span = Span(TEXT, TEXT, start=1.0, end=3.0, marks=marks)
    assert span.heard(1.1, 3.0) == ""
    assert span.heard(1.3, 3.0) == "It"
    assert span.heard(1.95, 3.0) == "It will"


def test_a_sentence_still_being_synthesised_has_no_known_length() -> None:
    """Its length is what there is, or 14 characters a second, whichever is more."""
    span = Span(TEXT, TEXT, start=0.0)
    assert span.heard(0.9, known=0.9) == "It will be"
    assert span.heard(1.0, known=99.0) == ""


@pytest.mark.parametrize("length", range(30))
def test_a_cut_word_was_not_heard(length: int) -> None:
    part = whole_words(TEXT, length)
    assert TEXT.startswith(part)
    assert part == TEXT or TEXT[len(part)].isspace() or not part


class Recorder:
    """A client that plays what it is told to, and nothing else."""

    def __init__(self) -> None:
        self.audio = bytearray()
        self.quiet = False

    async def send(self, message: ServerEvent | Pcm) -> None:
        await anyio.lowlevel.checkpoint()
        match message:
            case Pcm(data):
                assert not self.quiet, "sound during a pause"
                self.audio += data
            case events.Pause():
                self.quiet = True
            case events.Resume(at_ms=at):
                self.quiet = False
                del self.audio[2 * round(at * RATE / 1e3) :]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["pause", "resume", "report"]), st.floats(0.01, 1.2)), max_size=12
    ),
    marks=st.booleans(),
    flushed=st.floats(0.1, 9),
)
def test_whatever_pauses_the_ledger_holds_what_was_heard_once_and_in_order(
    steps: list[tuple[str, float]], marks: bool, flushed: float
) -> None:
    """Random pauses, resumptions, reports and an end. Positions never fall; no sound is lost or doubled."""
    texts = ["It will be sunny all day.", " Take a hat with you.", " Or an umbrella, to be on the safe side."]
    whole = "".join(texts)

    async def scene() -> None:
        client = Recorder()
        playout = Playout(ClientLine(client), 1, 0.5, None, Clocks(0.0))

        async def speak() -> None:
            sample = 0
            for text in texts:
                playout.begin(text, text)
                for chunk in range(15):
                    x = np.arange(sample, sample + RATE // 10) % 30_000
                    await playout.add(Pcm(x.astype("<i2").tobytes(), RATE))
                    sample += len(x)
                    if marks:
                        await playout.add(Mark((chunk + 1) / 10, (chunk + 1) * len(text) // 15))
                playout.finish()
            await playout.drained()

        async def disturb() -> None:
            heard, position = "", 0.0
            for what, seconds in steps:
                await anyio.sleep(seconds)
                if what == "pause":
                    await playout.pause()
                elif what == "resume" and playout.paused:
                    await playout.resume()
                elif what == "report":
                    playout.report(await playout.position(0.0))
                now = await playout.position(0.0)
                assert now >= position
                assert playout.heard(now).startswith(heard)
                assert whole.startswith(playout.heard(now))
                position, heard = now, playout.heard(now)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak)
            with anyio.move_on_after(flushed):
                await disturb()
                await anyio.sleep_forever()
            playout.stop(None)
            at = await playout.position(0.0)
            assert whole.startswith(playout.heard(at))
            x = np.frombuffer(bytes(client.audio), "<i2")
            assert len(x) >= round(at * RATE) - 1
            assert (x == np.arange(len(x)) % 30_000).all(), "in order, nothing twice, nothing missing"
            tasks.cancel_scope.cancel()

    trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
