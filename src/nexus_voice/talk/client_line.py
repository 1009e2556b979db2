"""The line to one client: the single writer, and so the place where a flushed turn is fenced off."""

from __future__ import annotations

from contextlib import suppress

import anyio

from ..core.audio import Pcm
from ..core.events import ClientEvent, Flush, ServerEvent
from ..ports import Wire


class Line:
    """Events and audio to the client. After `flush(turn)` no audio of that turn can follow.

    Cancelling the voice is not enough: a worker's last chunk can arrive 50 ms after the flush.
    Sending to a client that is gone does nothing; `receive` is what ends the conversation.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._fence = 0

    async def receive(self) -> bytes | ClientEvent:
        return await self._wire.receive()

    async def send(self, event: ServerEvent) -> None:
        await self._send(event)

    async def audio(self, turn: int, pcm: Pcm) -> None:
        if turn > self._fence:
            await self._send(pcm)

    async def flush(self, turn: int) -> None:
        self._fence = max(self._fence, turn)
        await self._send(Flush(turn))

    async def _send(self, message: ServerEvent | Pcm) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._wire.send(message)
