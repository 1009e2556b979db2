"""How large a request body may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import anyio
import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import errors

DRAIN_S = 2.0
"""Seconds for which a refused upload is still read, so that the client gets to see the answer."""


class MaxBody(NamedTuple):
    """The bytes that a request body may have, and the setting that says so."""

    bytes: int
    setting: str


class BodyLimit:
    """ASGI middleware: refuses too large a body with 413, by its header or as soon as it grows too large.

    `by_path` has the limits of single paths, `usual` that of all others.
    """

    def __init__(self, app: ASGIApp, usual: MaxBody, by_path: Mapping[str, MaxBody]) -> None:
        self._app, self._usual, self._by_path = app, usual, by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        length = headers.get(b"content-length", b"0")
        limit = self._by_path.get(scope.get("path", ""), self._usual)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not length.isdigit() or int(length) > limit.bytes:
            await self._refuse(scope["path"], limit, receive, send)
        else:
            await self._count(scope, limit, receive, send)

    async def _count(self, scope: Scope, limit: MaxBody, receive: Receive, send: Send) -> None:
        received = 0
        started = refused = False

        async def counted() -> Message:
            nonlocal received, refused
            if refused:
                return {"type": "http.disconnect"}
            message = await receive()
            received += len(message.get("body", b""))
            if received <= limit.bytes:
                return message
            refused = True
            if not started:
                await self._refuse(scope["path"], limit, receive, send)
            return {"type": "http.disconnect"}

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            if not refused:  # nobody wants its answer to half a body
                await send(message)

        await self._app(scope, counted, noted)

    async def _refuse(self, path: str, limit: MaxBody, receive: Receive, send: Send) -> None:
        text = f"That is larger than {limit.bytes:,} bytes. Send it in parts, or raise {limit.setting}."
        body = orjson.dumps(errors.body(path, 413, "too_large", text))
        headers: list[Any] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        # Closing on a client that is still sending would reset the connection under its answer.
        with anyio.move_on_after(DRAIN_S):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
        await send({"type": "http.response.body", "body": b""})
