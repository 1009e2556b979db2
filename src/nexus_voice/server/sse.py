"""One typed turn as server-sent events: the same conversation, over a response instead of a socket."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..conversations.sessions import Kept
from ..core import events
from ..core.audio import Pcm
from ..core.errors import NexusError
from ..core.events import ClientEvent, ServerEvent
from ..talk.client_line import Line
from ..talk.session import Session
from ..talk.turn import converse
from .services import State
from .streaming import SLOWEST, hang_up
from .voice.wire import encode


class SessionBusy(NexusError):
    code = "session_busy"
    status = 409


def event(message: ServerEvent) -> bytes:
    """One server-sent event, named by the message's type."""
    return f"event: {message.type}\ndata: {encode(message)}\n\n".encode()


class OneTurn:
    """A wire whose client types one text and hangs up when its turn has ended."""

    def __init__(self, text: str, send: Send, note: Callable[[object], None]) -> None:
        self._text: str | None = text
        self._send = send
        self._note = note
        self._ended = anyio.Event()

    async def receive(self) -> bytes | ClientEvent:
        if self._text is not None:
            text, self._text = self._text, None
            return events.Text(text=text)
        await self._ended.wait()
        raise anyio.EndOfStream

    async def send(self, message: ServerEvent | Pcm) -> None:
        if isinstance(message, Pcm):
            return
        self._note(message)
        with anyio.move_on_after(SLOWEST) as patience:
            await self._send({"type": "http.response.body", "body": event(message), "more_body": True})
        if isinstance(message, events.Ended) or patience.cancelled_caught:
            self._ended.set()


class TurnStream(Response):
    """Streams a turn; a client that goes away cancels it."""

    media_type = "text/event-stream"

    def __init__(self, state: State, kept: Kept[Session], text: str, first: ServerEvent) -> None:
        super().__init__()
        self._state = state
        self._kept = kept
        self._text = text
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._kept.leave:
            raise SessionBusy("This conversation is open in another connection.")
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        wire = OneTurn(self._text, send, self._state.note)
        async with (
            anyio.create_task_group() as tasks,
            self._state.sessions.hold(self._kept, tasks.cancel_scope.cancel),
        ):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await wire.send(self._first)
            tasks.start_soon(hang_up, receive, tasks.cancel_scope)
            await converse(Line(wire), self._kept.value, 16_000)
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})
