"""The body of a provider's answer, read as it comes: bytes, or server-sent events."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from .errors import ServiceErrors

MAX_EVENT_BYTES = 4 << 20
"""A provider that sends a longer event is not speaking this protocol."""
MAX_DRAIN_S = 0.05
"""The wait for the end of a body that has said all it should: after that the connection can be kept."""


class SseDecoder:
    """Takes server-sent events out of bytes that are cut anywhere. Pure, and linear in the bytes.

    httpx-sse is not used: it holds a line of any length, and its events end at an empty line only, which
    some servers leave out after the last one.
    """

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The data of each event that `data` completes; lines of data are put together. Comments, event
        names and unknown fields are passed over. Raises `ValueError` for an event that is too long."""
        events: list[bytes] = []
        *lines, rest = data.split(b"\n")
        for line in lines:
            if self._line:
                line = bytes(self._line) + line
                self._line.clear()
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
                self._size += len(line)
            elif self._data and line in (b"", b"\r"):
                if event := b"\n".join(self._data):
                    events.append(event)
                self._data.clear()
                self._size = 0
        self._line += rest
        if len(self._line) + self._size > self._max:
            raise ValueError("an endless event")
        return events

    def close(self) -> list[bytes]:
        """The last event, where the stream ended without an empty line."""
        return self.feed(b"\n\n")


class Body:
    """A successful answer whose headers are read. Enter it, and read pieces or events.

    Each piece of it has to come `within` seconds (None: any time). Left by an error, a cancellation or the
    closing of the generator around it, it cuts the connection at once; left otherwise, it keeps the
    connection for the next request.
    """

    def __init__(self, errors: ServiceErrors, response: httpx.Response, within: float | None) -> None:
        self.errors, self.response = errors, response
        self.complete = False
        """Whether the events ended with [DONE]."""
        self._within = within
        self._bytes = response.aiter_bytes()
        self._decoder, self._events = SseDecoder(), deque[bytes]()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A body that is all but over is read to its end, which frees its connection. Otherwise a cancelled
        read cuts the connection, as it unwinds every layer of httpx."""
        drain = MAX_DRAIN_S if error is None else 0
        with suppress(httpx.HTTPError), anyio.move_on_after(drain, shield=True):
            async for _ in self._bytes:
                pass
        with anyio.CancelScope(shield=True):
            await self.response.aclose()

    async def piece(self) -> bytes:
        """The next bytes; empty at the end. Raises `EngineError` when the provider dies or falls silent."""
        try:
            if self._within is None:
                return await anext(self._bytes, b"")
            with anyio.fail_after(self._within):
                return await anext(self._bytes, b"")
        except TimeoutError as error:
            raise self.errors.timed_out(self._within or 0.0) from error
        except httpx.HTTPError as error:
            raise self.errors.broken() from error

    async def read(self, max_bytes: int) -> bytes:
        """All of it."""
        whole = bytearray()
        while data := await self.piece():
            whole += data
            if len(whole) > max_bytes:
                raise self.errors.malformed(f"more than {max_bytes >> 20} MB")
        return bytes(whole)

    async def event(self) -> Any | None:
        """The decoded JSON of the next server-sent event that has data; None at the end, or at [DONE]."""
        while not self._events and not self.complete:
            data = await self.piece()
            try:
                self._events += self._decoder.feed(data) if data else self._decoder.close()
            except ValueError as error:
                raise self.errors.malformed(error) from error
            if not data and not self._events:
                return None
        self.complete = self.complete or self._events[0] == b"[DONE]"
        return None if self.complete else self.errors.decoded(self._events.popleft())
