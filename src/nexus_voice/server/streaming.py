"""Work that ends when the client goes away: a vanished client costs nothing more."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

SLOWEST = 30.0
"""Seconds a client may take to accept one piece of a stream."""


async def hang_up(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel `scope` once the client is gone; its body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def while_connected(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """What `work()` returns or raises; cancelled, with `ClientDisconnect`, when the client leaves first."""
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
    """A body sent as it is made. An error after its first piece breaks the connection off, so that no
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
                with anyio.fail_after(SLOWEST):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})


async def begun(body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """`body` with its first piece made already: what fails before that is still an ordinary answer."""
    first = await anext(body, b"")

    async def rest() -> AsyncGenerator[bytes]:
        async with aclosing(body):
            if first:
                yield first
            async for piece in body:
                yield piece

    return rest()
