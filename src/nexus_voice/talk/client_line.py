"""The line to one client: the only writer, and so the place where a silenced turn is fenced off."""

from __future__ import annotations

from contextlib import suppress

import anyio

from ..core.audio import Pcm
from ..core.events import Flush, Pause, Resume, ServerEvent
from ..ports import Sender


class ClientLine:
    """Sends events and audio to the client. After `flush(turn)` no audio of that turn can follow, and after
    `pause(turn)` none before `resume`.

    Cancelling the voice is not enough: a worker's last chunk can arrive 50 ms after the flush.
    Sending to a client that is gone does nothing: the end of what it sends ends the conversation.
    """

    def __init__(self, wire: Sender) -> None:
        self._wire = wire
        self._flushed_turn = 0
        self._paused_turn = 0

    async def send(self, event: ServerEvent) -> None:
        await self._send(event)

    async def audio(self, turn: int, pcm: Pcm) -> None:
        if turn > self._flushed_turn and turn != self._paused_turn:
            await self._send(pcm)

    async def pause(self, turn: int) -> None:
        self._paused_turn = turn
        await self._send(Pause(turn))

    async def resume(self, turn: int, at: float) -> None:
        """What follows begins `at` seconds into the turn's audio."""
        self._paused_turn = 0
        await self._send(Resume(turn, round(at * 1e3, 3)))

    async def flush(self, turn: int) -> None:
        self._flushed_turn = max(self._flushed_turn, turn)
        await self._send(Flush(turn))

    async def _send(self, message: ServerEvent | Pcm) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._wire.send(message)
