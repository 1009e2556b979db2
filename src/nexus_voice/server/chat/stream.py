"""One typed turn as server-sent events: the same conversation, over a response instead of a socket."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...conversations.sessions import Kept
from ...core.audio import Pcm
from ...core.errors import Busy, NexusError
from ...core.events import ServerEvent
from ...talk.session import Session
from ...talk.turn import answer_typed
from ..services import Services
from ..sse import event
from ..streaming import EVENT_HEADERS, EVENT_STREAM, SEND_TIMEOUT_S, hang_up


class SessionBusy(NexusError):
    code = "session_busy"
    status = 409


class EventSender:
    """Sends events to a client as server-sent events; `hang_up` is called when it is too slow."""

    def __init__(self, send: Send, note: Callable[[object], None], hang_up: Callable[[], None]) -> None:
        self._send, self._note, self._hang_up = send, note, hang_up

    async def send(self, message: ServerEvent | Pcm) -> None:
        if isinstance(message, Pcm):
            return
        self._note(message)
        with anyio.move_on_after(SEND_TIMEOUT_S) as patience:
            await self._send({"type": "http.response.body", "body": event(message), "more_body": True})
        if patience.cancelled_caught:
            self._hang_up()


class TurnStream(Response):
    """Streams a turn; a client that goes away cancels it. Raises `Busy` while it can still be refused."""

    media_type = EVENT_STREAM

    def __init__(self, services: Services, kept: Kept[Session], text: str, first: ServerEvent) -> None:
        super().__init__(headers=EVENT_HEADERS)
        del self.headers["content-length"]
        self._services, self._kept, self._text, self._first = services, kept, text, first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._kept.leave:
            raise SessionBusy("This conversation is open in another connection.")
        refusal: Busy | None = None
        async with anyio.create_task_group() as tasks:
            leave = tasks.cancel_scope.cancel
            tasks.start_soon(hang_up, receive, tasks.cancel_scope)
            try:
                async with (
                    self._services.queues["llm"].place(),
                    self._services.sessions.hold(self._kept, leave),
                ):
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    client = EventSender(send, self._services.note, leave)
                    await client.send(self._first)
                    await answer_typed(client, self._kept.value, self._text)
            except Busy as error:
                refusal = error
            tasks.cancel_scope.cancel()
        if refusal:
            raise refusal
        await send({"type": "http.response.body", "body": b""})
