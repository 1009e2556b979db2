"""Limits on what a client may send: rate of messages, rate of audio, size of a body."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..domain.errors import BadInput


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


class Admission:
    """Whether one more voice session can be served without hurting the others."""

    def __init__(self, sessions: int, loop_lag: float) -> None:
        self.limit = sessions
        self.active = 0
        self._most_lag = loop_lag
        self._lags: deque[float] = deque(maxlen=100)

    def note_lag(self, seconds: float) -> None:
        """One sample of how late the event loop runs; kept over the last hundred."""
        self._lags.append(seconds)

    @property
    def lag(self) -> float:
        """90th percentile of the recent samples, in seconds."""
        lags = sorted(self._lags)
        return lags[int(0.9 * len(lags))] if lags else 0.0

    @property
    def full(self) -> bool:
        return self.active >= self.limit or (self.active > 0 and self.lag > self._most_lag)


class BodyLimit:
    """Refuses a request body over `limit` bytes with 413, by its header or as soon as it grows past it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._limit:
            return await self._refuse(send)
        received = 0
        started = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise self.too_large()
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except BadInput as error:
            if error.code != "too_large" or started:
                raise
            await self._refuse(send)

    def too_large(self) -> BadInput:
        return BadInput(
            f"That is larger than {self._limit:,} bytes. Send it in parts, or raise NEXUS_LIMITS__UPLOAD.",
            code="too_large",
            status=413,
        )

    async def _refuse(self, send: Send) -> None:
        error = self.too_large()
        body = orjson.dumps({"error": {"code": error.code, "message": error.message}})
        headers: list[Any] = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
