"""A stage for scripted conversations on virtual time: who says what when, and what the client gets.

Times are seconds from the start. The microphone sends a 20 ms frame at the end of each 20 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np
import trio
import trio.testing

from nexus_voice.core import events
from nexus_voice.core.audio import Pcm
from nexus_voice.core.events import ClientEvent, ServerEvent
from nexus_voice.engines.fake.engines import FakeLlm, FakeStt, FakeTts, FakeVad
from nexus_voice.talk.session import Engines, Session, Tuning
from nexus_voice.talk.turn import converse

FRAME = 0.02
RATE = 16_000
_loud = np.where(np.arange(320) % 80 < 40, 4000, -4000).astype("<i2").tobytes()
_quiet = bytes(640)


class PlainFrontEnds:
    """No clean-up: what the microphone says is what the detector sees."""

    def open(self, rate: int) -> Callable[[bytes], Pcm]:
        return lambda data: Pcm(data, RATE)


@dataclass
class Anyone:
    """Overlap detection that calls everything the user's own speech (or nothing)."""

    likelihood: float = 1.0
    fars: list[tuple[float, float]] = field(default_factory=list)

    def open(self) -> Anyone:
        return self

    def far(self, pcm: Pcm, at: float) -> None:
        self.fars.append((at, pcm.seconds))

    def cut(self, at: float) -> None: ...

    def near(self, pcm: Pcm, at: float) -> None: ...

    def speech(self, since: float) -> float:
        return self.likelihood


def engines(**replaced: Any) -> Engines:
    parts: dict[str, Any] = {
        "vad": FakeVad(),
        "stt": FakeStt("what will the weather be like tomorrow"),
        "llm": FakeLlm("It will be sunny all day. Take a hat with you."),
        "tts": FakeTts(),
        "front_ends": PlainFrontEnds(),
        "overlaps": Anyone(),
    }
    return Engines(**{**parts, **replaced})


def session(parts: Engines | None = None, **tuning: Any) -> Session:
    return Session("test", parts or engines(), Tuning(**tuning))


@dataclass
class Script:
    """What one client does. `speech`: stretches (from, to) of sound; `says`: (when, event)."""

    until: float
    speech: Sequence[tuple[float, float]] = ()
    says: Sequence[tuple[float, ClientEvent]] = ()
    microphone: bool = True
    slow: tuple[float, float] | None = None
    """The client takes no message during this stretch."""
    leaves: float | None = None


class Client:
    """A scripted client: the conversation's wire, and a record of all that was sent to it."""

    def __init__(self, script: Script, playback: bool = False) -> None:
        self.script = script
        self.got: list[tuple[float, ServerEvent | Pcm]] = []
        self._playback = playback
        self.stays = 0.0
        """Seconds that the connection outlasts the microphone."""
        self._played_from: float | None = None
        self._played: float | None = None
        """Milliseconds that had been played when it fell silent."""
        self.start = anyio.current_time()
        self._feed, self._mail = anyio.create_memory_object_stream[bytes | ClientEvent](1000)

    def close(self) -> None:
        self._feed.close()
        self._mail.close()

    async def play(self, parts: Session) -> Client:
        """Run the script against a conversation, to its end."""
        self.start = anyio.current_time()
        async with self._feed, self._mail, anyio.create_task_group() as tasks:
            tasks.start_soon(self._speak)
            for when, event in self.script.says:
                tasks.start_soon(self._say, when, event)
            await converse(self, parts, RATE)
            tasks.cancel_scope.cancel()
        return self

    # --- the wire ------------------------------------------------------------------------------

    async def receive(self) -> bytes | ClientEvent:
        return await self._mail.receive()

    async def send(self, message: ServerEvent | Pcm) -> None:
        if self.script.slow and self.script.slow[0] <= self.now < self.script.slow[1]:
            await anyio.sleep_until(self.start + self.script.slow[1])
        await anyio.lowlevel.checkpoint()
        self.got.append((self.now, message))
        if self._playback and isinstance(message, Pcm):
            self._played_from = self.now if self._played_from is None else self._played_from
        if self._playback and isinstance(message, events.Resume):
            self._played_from, self._played = self.now - message.at_ms / 1e3, None
        if (
            self._playback
            and isinstance(message, events.Pause | events.Flush)
            and self._played_from is not None
        ):
            if self._played is None:
                self._played = (self.now - self._played_from) * 1e3
            self._feed.send_nowait(events.Playback(turn=message.turn, played_ms=self._played))
            if isinstance(message, events.Flush):
                self._played_from = self._played = None

    # --- the script ----------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return round(anyio.current_time() - self.start, 4)

    async def _say(self, when: float, event: ClientEvent) -> None:
        await anyio.sleep_until(self.start + when)
        await self._feed.send(event)

    async def _speak(self) -> None:
        end = self.script.until if self.script.leaves is None else self.script.leaves
        for frame in range(1, round(end / FRAME) + 1):
            await anyio.sleep_until(self.start + frame * FRAME)
            if self.script.microphone:
                middle = (frame - 0.5) * FRAME
                loud = any(begin <= middle < end for begin, end in self.script.speech)
                await self._feed.send(_loud if loud else _quiet)
        await anyio.sleep(self.stays)
        self._feed.close()

    async def push(self, message: bytes | ClientEvent) -> None:
        await self._feed.send(message)

    # --- what came of it -----------------------------------------------------------------------

    def all(self, kind: type[Any]) -> list[tuple[float, Any]]:
        return [(when, message) for when, message in self.got if isinstance(message, kind)]

    def when(self, kind: type[Any], nth: int = 0) -> float:
        return self.all(kind)[nth][0]

    def one(self, kind: type[Any], nth: int = 0) -> Any:
        return self.all(kind)[nth][1]

    def story(self) -> list[str]:
        """Kinds of messages in the order in which they first came."""
        return list(dict.fromkeys("audio" if isinstance(m, Pcm) else m.type for _, m in self.got))

    def audio_between(self, begin: float, end: float) -> float:
        """Seconds of audio that arrived in a stretch of time."""
        return sum(pcm.seconds for when, pcm in self.all(Pcm) if begin <= when < end)


def perform(script: Script, parts: Session | None = None, playback: bool = False) -> Client:
    """One scripted conversation on virtual time; takes milliseconds."""

    async def scene() -> Client:
        return await Client(script, playback).play(parts or session())

    return trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
