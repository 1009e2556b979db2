"""Whole conversations in a room with sound: the real front end, detectors and overlap judgement.

The recogniser is scripted; coughs, hums, echo and words are sound.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import numpy as np
import pytest
import trio
import trio.testing

import clips
from nexus_voice.core import events
from nexus_voice.core.audio import RATE, Pcm, Voice
from nexus_voice.core.events import ServerEvent
from nexus_voice.engines.fake.engines import FakeLlm, FakeStt
from nexus_voice.engines.silero.vad import SileroVad
from nexus_voice.talk.listening.front_end import MicrophoneFrontEnds
from nexus_voice.talk.listening.overlap import OverlapDetectors

from .stage import FRAME, Client, Script, engines, session

ANSWER = "Refunds are available within thirty days of purchase, as long as the item is unused."
QUESTION = "how long do refunds take"
ASKED = 1.0
"""When the question begins."""
DISTURBED = 5.0
"""When the assistant is in the middle of its answer."""


class RealVoice:
    name = "clips"

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm]:
        spoken = clips.say(sentence, "en-us+f3")
        for at in range(0, len(spoken.data), 3200):
            await anyio.lowlevel.checkpoint()
            yield Pcm(spoken.data[at : at + 3200], RATE)


class Room(Client):
    """The microphone hears `near`, and the loudspeaker `echo` dB down, 80 ms late."""

    def __init__(self, near: Pcm, echo: float | None) -> None:
        super().__init__(Script(until=near.seconds))
        self.near = np.frombuffer(near.data, "<i2").astype(float)
        self.gain = 0.0 if echo is None else 10 ** (echo / 20)
        self.far = np.zeros(len(self.near) + 60 * RATE)
        self.played_until = 0

    async def send(self, message: ServerEvent | Pcm) -> None:
        await super().send(message)
        if isinstance(message, Pcm):
            begin = max(self.played_until, round((self.now + 0.08) * RATE))
            self.played_until = begin + message.samples
            self.far[begin : self.played_until] = np.frombuffer(message.data, "<i2")
        elif isinstance(message, events.Flush):
            self.far[round((self.now + 0.08) * RATE) :] = 0
            self.played_until = 0

    async def _speak(self) -> None:
        size = round(FRAME * RATE)
        for frame in range(len(self.near) // size):
            await anyio.sleep_until(self.start + (frame + 1) * FRAME)
            here = slice(frame * size, (frame + 1) * size)
            heard = self.near[here] + self.gain * self.far[here]
            await self._feed.send(np.clip(np.rint(heard), -32768, 32767).astype("<i2").tobytes())
        self._feed.close()


def perform(disturbance: Pcm | None, said: str, echo: float | None = None) -> Room:
    parts = [clips.noise(12.0, -62, 0.7), clips.say(QUESTION)]
    if disturbance:
        parts.append(disturbance)
    near = clips.mix(*parts, at=(0, ASKED, DISTURBED)[: len(parts)])
    real: dict[str, Any] = {
        "vad": SileroVad(),
        "front_ends": MicrophoneFrontEnds(),
        "overlaps": OverlapDetectors(),
        "stt": FakeStt([QUESTION, said, said, said]),  # over an echo it begins afresh
        "llm": FakeLlm(ANSWER, first_token=0.05, token_gap=0.01),
        "tts": RealVoice(),
    }

    async def scene() -> Room:
        room = Room(near, echo)
        await room.play(session(engines(**real)))
        return room

    return trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (clips.cough(1), "huh"),
        (clips.cough(3), ""),
        (clips.hum(0.6, 130), "mm-hm"),
        (clips.hum(0.5, 200), "uh-huh"),
        (clips.clicks(0.6), ""),
    ],
    ids=["cough", "unheard cough", "hum", "high hum", "keyboard"],
)
def test_noises_of_a_listener_do_not_end_the_answer(sound: Pcm, said: str) -> None:
    room = perform(sound, said)
    assert not room.all(events.Flush)
    assert room.one(events.Ended) == events.Ended(1, "done", ANSWER)
    assert len(room.all(events.Ended)) == 1
    assert len(room.all(events.Duck)) == len(room.all(events.Unduck)), "the voice came back"


@pytest.mark.parametrize("level", [-30.0, -18.0, -9.0])
def test_the_assistants_own_echo_does_not_end_its_answer(level: float) -> None:
    room = perform(None, "refunds are available within thirty days", echo=level)
    assert not room.all(events.Flush)
    assert room.one(events.Ended) == events.Ended(1, "done", ANSWER)
    assert len(room.all(events.Ended)) == 1


@pytest.mark.parametrize("words", ["no wait", "could you say that again", "stop"])
@pytest.mark.parametrize("echo", [None, -18.0])
def test_the_users_words_do(words: str, echo: float | None) -> None:
    room = perform(clips.say(words), words, echo)
    assert room.one(events.Ended).outcome == "interrupted"
    assert room.one(events.Ended).heard in ANSWER
    assert room.when(events.Duck) - DISTURBED < 0.15
    # 192 ms of speech, the window that shows it, and what the judgement waits for
    assert room.when(events.Flush) - DISTURBED < (0.3 if echo is None else 0.6)
    assert room.one(events.Final, 1).text == words
