"""Limits on what a client may send: rate of messages, rate of audio, size of a body."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import anyio
import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import errors

LINGER = 2.0
"""Seconds that a refused upload is still read, so that the client gets to see the answer."""


class Bucket:
    """A token bucket: `rate` a second on average, bursts up to `burst`."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = time.monotonic()

    def take(self, amount: float = 1.0) -> bool:
        """Whether `amount` more is allowed now."""
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < amount:
            return False
        self._level -= amount
        return True


class Most(NamedTuple):
    """Bytes that a request body may have, and the setting that says so."""

    bytes: int
    setting: str


class BodyLimit:
    """Refuses a request body over its limit with 413, by its header or as soon as it grows past it.

    `paths` that are named have limits of their own.
    """

    def __init__(self, app: ASGIApp, most: Most, paths: Mapping[str, Most]) -> None:
        self._app = app
        self._most = most
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        length = headers.get(b"content-length", b"0")
        most = self._paths.get(scope.get("path", ""), self._most)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not length.isdigit() or int(length) > most.bytes:
            await self._refuse(scope["path"], most, receive, send)
        else:
            await self._count(scope, most, receive, send)

    async def _count(self, scope: Scope, most: Most, receive: Receive, send: Send) -> None:
        received = 0
        started = refused = False

        async def counted() -> Message:
            nonlocal received, refused
            if refused:
                return {"type": "http.disconnect"}
            message = await receive()
            received += len(message.get("body", b""))
            if received <= most.bytes:
                return message
            refused = True
            if not started:
                await self._refuse(scope["path"], most, receive, send)
            return {"type": "http.disconnect"}

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            if not refused:  # what the application says of a body cut short is of no interest
                await send(message)

        await self._app(scope, counted, noted)

    async def _refuse(self, path: str, most: Most, receive: Receive, send: Send) -> None:
        text = f"That is larger than {most.bytes:,} bytes. Send it in parts, or raise {most.setting}."
        body = orjson.dumps(errors.body(path, 413, "too_large", text))
        headers: list[Any] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        # Closing on a client that is still sending would reset the connection under its answer.
        with anyio.move_on_after(LINGER):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
        await send({"type": "http.response.body", "body": b""})
