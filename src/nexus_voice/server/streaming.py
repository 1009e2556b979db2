"""Work for a client that is cancelled when the client goes away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

EVENT_STREAM = "text/event-stream"
"""Media type of server-sent events."""
EVENT_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}
"""No proxy may keep an event or hold it back."""

SEND_TIMEOUT_S = 30.0
"""Seconds that a client may take to accept one piece of a stream."""


async def hang_up(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel `scope` once the client is gone. The request's body must have been read before."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def while_connected(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """Do the work and return its result. When the client leaves first, the work is cancelled and
    `ClientDisconnect` raised."""
    outcome: T | Exception = ClientDisconnect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hang_up, request.receive, tasks.cancel_scope)
        try:
            outcome = await work()
        except Exception as error:
            outcome = error
        tasks.cancel_scope.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class Stream(Response):
    """Sends a body as it is made. An error after the first piece breaks the connection off, so that no
    client takes half an answer for a whole one."""

    def __init__(self, body: AsyncGenerator[bytes], media_type: str, headers: dict[str, str]) -> None:
        super().__init__(None, 200, {"x-accel-buffering": "no", **headers}, media_type)
        del self.headers["content-length"]
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks, aclosing(self._body):
            tasks.start_soon(hang_up, receive, tasks.cancel_scope)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in self._body:
                with anyio.fail_after(SEND_TIMEOUT_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})


def event_stream(body: AsyncGenerator[bytes], headers: Mapping[str, str] | None = None) -> Stream:
    """Send server-sent events as they are made."""
    return Stream(body, EVENT_STREAM, {**EVENT_HEADERS, **(headers or {})})


async def begun(body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """`body`, whose first piece is made now: an error until then still becomes an ordinary answer."""
    first = await anext(body, b"")

    async def rest() -> AsyncGenerator[bytes]:
        async with aclosing(body):
            if first:
                yield first
            async for piece in body:
                yield piece

    return rest()
