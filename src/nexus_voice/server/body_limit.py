"""How large a request body may be, and how slowly it may come."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import anyio
import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..core.errors import BadInput
from . import errors

BODY_TIMEOUT_S = 30.0
"""Seconds that may pass between two pieces of a body: a client that stalls would keep its place."""
DRAIN_S = 2.0
"""Seconds for which a refused upload is still read, so that the client gets to see the answer."""


class MaxBody(NamedTuple):
    """The bytes that a request body may have, and the setting that says so."""

    bytes: int
    setting: str


class BodyLimit:
    """ASGI middleware: refuses too large a body with 413, by its header or as soon as it grows too large, and
    with 408 a body that stalls.

    `by_path` has the limits of single paths, `usual` that of all others.
    """

    def __init__(self, app: ASGIApp, usual: MaxBody, by_path: Mapping[str, MaxBody]) -> None:
        self._app, self._usual, self._by_path = app, usual, by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = self._by_path.get(scope["path"], self._usual)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limit.bytes:
            return await self._refuse(scope["path"], _too_large(limit), receive, send)
        return await self._watch(scope, limit, receive, send)

    async def _watch(self, scope: Scope, limit: MaxBody, receive: Receive, send: Send) -> None:
        received = 0
        complete = started = refused = False

        async def watched() -> Message:
            nonlocal received, complete, refused
            if refused:
                return {"type": "http.disconnect"}
            problem = _TOO_SLOW
            with anyio.move_on_after(math.inf if complete else BODY_TIMEOUT_S):
                message = await receive()
                complete = not message.get("more_body")
                received += len(message.get("body", b""))
                if received <= limit.bytes:
                    return message
                problem = _too_large(limit)
            refused = True
            if not started:
                await self._refuse(scope["path"], problem, receive, send)
            return {"type": "http.disconnect"}

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            if not refused:  # nobody wants its answer to half a body
                await send(message)

        await self._app(scope, watched, noted)

    async def _refuse(self, path: str, problem: BadInput, receive: Receive, send: Send) -> None:
        body = orjson.dumps(errors.body(path, problem.status, problem.code, problem.message))
        headers: list[Any] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        # Closing on a client that is still sending would reset the connection under its answer.
        with anyio.move_on_after(DRAIN_S):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
        await send({"type": "http.response.body", "body": b""})


_TOO_SLOW = BadInput(
    f"Nothing more of the request came for {BODY_TIMEOUT_S:g} s.", code="too_slow", status=408
)


def _too_large(limit: MaxBody) -> BadInput:
    text = f"That is larger than {limit.bytes:,} bytes. Send it in parts, or raise {limit.setting}."
    return BadInput(text, code="too_large", status=413)
