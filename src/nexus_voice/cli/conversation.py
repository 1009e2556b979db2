"""Asks one question over the WebSocket as a browser does: at the pace of a microphone, and with reports of
what was played.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import anyio
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from ..core.audio import Pcm
from ..core.errors import BadInput, NexusError
from .nearby import Address
from .player import Player

FRAME_S = 0.02
"""Length of the audio in one message."""
LEADING_SILENCE_S = 0.2
"""Silence before the recording: a microphone is open before anybody speaks."""
SETTLE_S = 2.0
"""How long after the end of the recording its last words may still start a turn."""
RECOGNITION_TIMEOUT_S = 15.0
"""How long after the end of the recording the first turn may begin."""
REPORT_INTERVAL_S = 0.25
"""Time between two reports of what was played."""


class Unanswered(NexusError):
    code = "unanswered"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, spoken when there is `audio` and typed otherwise. `speak` asks for a spoken answer;
    `collections` are ids."""

    text: str = ""
    audio: Pcm | None = None
    speak: bool = False
    mode: str | None = None
    knowledge: bool | None = None
    voice: str | None = None
    collections: Sequence[str] = ()

    def hello(self) -> dict[str, Any]:
        wanted = {
            "rate": self.audio.rate if self.audio else 16_000,
            "speak": self.speak,
            "hands_free": True,
            "pauses": True,
            "mode": self.mode,
            "knowledge": self.knowledge,
            "voice": self.voice,
            "collections": self.collections or None,
        }
        return {"type": "hello"} | {key: value for key, value in wanted.items() if value is not None}


@dataclass(slots=True)
class Answer:
    """What is known of the answer so far."""

    question: str = ""
    """As it was typed or recognised."""
    answer: str = ""
    heard: str = ""
    """The part of the answer that was played."""
    sources: list[dict[str, Any]] = field(default_factory=list)
    clocks: dict[str, float] = field(default_factory=dict)
    outcome: str = ""
    engines: dict[str, str] = field(default_factory=dict)
    error: str = ""
    saved: str | None = None
    turn: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Show = Callable[[dict[str, Any], Answer], None]
"""Called after every event with what is known of the answer."""


class Conversation:
    """One question over one connection. A speaker who pauses may cause several turns."""

    def __init__(
        self,
        socket: ClientConnection,
        question: Question,
        show: Show,
        settle: float = SETTLE_S,
        recognition_timeout: float = RECOGNITION_TIMEOUT_S,
    ) -> None:
        self.answer = Answer(question=question.text)
        self.player = Player()
        self._socket = socket
        self._question = question
        self._show = show
        self._settle = settle
        self._recognition_timeout = recognition_timeout
        self.said_at: float | None = None
        """When the last sound of the recording was sent."""

    async def hold(self) -> None:
        """Talk from the hello to the end of the answer. Raises `NexusError` when there will be no answer."""
        await self._send(self._question.hello())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._report)
            if self._question.audio:
                tasks.start_soon(self._speak, self._question.audio, tasks.cancel_scope)
            async for message in self._socket:
                if isinstance(message, bytes):
                    self.player.add(message)
                    continue
                event = orjson.loads(message)
                await self._take(event)
                self._show(event, self.answer)
                if event["type"] == "ended" and self._question.text:
                    break
            tasks.cancel_scope.cancel()
        if not self.answer.outcome:
            raise Unanswered("The server closed the connection before the answer was complete.")

    async def _take(self, event: dict[str, Any]) -> None:
        """Add one event to the answer."""
        answer = self.answer
        match event:
            case {"type": "ready", "engines": engines}:
                answer.engines = engines
                if self._question.text:
                    await self._send({"type": "text", "text": self._question.text})
            case {"type": "final", "text": text, "turn": int(turn)} if turn:
                self.answer = Answer(question=text, engines=answer.engines, turn=turn)
            case {"type": "delta", "text": text}:
                answer.answer += text
            case {"type": "sources", "sources": sources}:
                answer.sources = sources
            case {"type": "audio_start", "turn": turn, "rate": rate}:
                self.player.start(turn, rate)
            case {"type": "pause" | "flush", "turn": turn}:
                self.player.flush(turn)
                await self._tell_played()
            case {"type": "resume", "turn": turn, "at_ms": at}:
                self.player.resume(turn, at / 1e3)
            case {"type": "metrics", "clocks": clocks, "engines": engines}:
                answer.clocks, answer.engines = clocks, engines or answer.engines
            case {"type": "ended", "outcome": outcome, "heard": heard}:
                answer.outcome, answer.heard = outcome, heard
            case {"type": "error", "code": code, "message": text, "turn": turn}:
                if not turn:
                    raise Unanswered(text, code=code)
                answer.error = text

    async def _speak(self, speech: Pcm, over: anyio.CancelScope) -> None:
        """Send the recording at the pace of a microphone, then silence until the answer has ended."""
        size = 2 * round(speech.rate * FRAME_S)
        silent = bytes(size)
        lead = round(LEADING_SILENCE_S / FRAME_S)
        due, at = anyio.current_time(), 0
        while not self._over():
            if lead > 0:
                frame, lead = silent, lead - 1
            else:
                frame = speech.data[at : at + size].ljust(size, b"\0") or silent
                at += size
                if at >= len(speech.data) and self.said_at is None:
                    self.said_at = anyio.current_time()
            await self._socket.send(frame)
            due += FRAME_S
            await anyio.sleep_until(due)
        over.cancel()

    def _over(self) -> bool:
        """Whether the recording has ended, nothing more is recognised, and the last turn has ended."""
        if self.said_at is None:
            return False
        since = anyio.current_time() - self.said_at
        if not self.answer.turn and since > self._recognition_timeout:
            raise BadInput(
                "Nothing was understood in this recording. Speak clearly, near the microphone, and without "
                "music in the background.",
                code="nothing_understood",
            )
        return bool(self.answer.outcome) and since > self._settle

    async def _report(self) -> None:
        """Report regularly how much was played, and once more when it ends."""
        playing = False
        while True:
            await anyio.sleep(REPORT_INTERVAL_S)
            was, playing = playing, self.player.playing
            if was or playing:
                await self._tell_played()

    async def _tell_played(self) -> None:
        if self.player.turn:
            played = round(self.player.played * 1e3, 1)
            await self._send({"type": "playback", "turn": self.player.turn, "played_ms": played})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(orjson.dumps(message).decode())


@asynccontextmanager
async def connected(server: Address) -> AsyncIterator[ClientConnection]:
    """Connect to the server's WebSocket. Errors of the connection become `NexusError`s."""
    try:
        socket = await connect(
            server.socket, compression=None, max_size=None, open_timeout=10, close_timeout=1,
            proxy=None if server.local else True,
        )  # fmt: skip
        try:
            yield socket
        finally:
            with anyio.move_on_after(2, shield=True):  # also when the time has run out
                await socket.close()
    except Exception as error:
        raise explained(error, server) from None


def explained(error: BaseException, server: Address) -> BaseException:
    """Explain an error of a connection; any other error is returned as it is, taken out of its group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case ConnectionClosed(rcvd=received):
            why = received.reason if received and received.reason else "the connection was lost"
            return Unanswered(f"The server at {server.http} hung up: {why}")
        case InvalidHandshake() | InvalidURI():
            return Unanswered(f"The server at {server.http} refuses the connection: {error}")
        case OSError() | TimeoutError():
            return Unanswered(f"The server at {server.http} cannot be reached: {error}")
    return error


async def ask(
    server: Address,
    question: Question,
    show: Show,
    within: float,
    settle: float = SETTLE_S,
    recognition_timeout: float = RECOGNITION_TIMEOUT_S,
) -> tuple[Answer, Pcm]:
    """The answer and its audio. Raises `NexusError` when there is none `within` so many seconds."""
    with anyio.move_on_after(within):
        async with connected(server) as socket:
            conversation = Conversation(socket, question, show, settle, recognition_timeout)
            await conversation.hold()
            return conversation.answer, conversation.player.audio
    raise Unanswered(f"No complete answer within {within:g} s. Allow more with --timeout.", code="timeout")
