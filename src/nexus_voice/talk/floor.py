"""Decides who may speak: one reply at a time, each in a scope of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from ..core.events import Duck, Unduck
from .client_line import ClientLine
from .playout import Playout
from .session import Session

ECHO_TIMEOUT_S = 0.5
"""How long after the assistant fell silent its words may still come back through the microphone."""


class Floor:
    """The assistant holds the floor while a reply is thought out or spoken.

    Barge-in is: flush the line (the user hears silence first), cancel one scope (model, tools and
    voice unwind together), wait until history is committed; then the next may speak.
    """

    def __init__(self, session: Session, line: ClientLine, tasks: TaskGroup) -> None:
        self._session = session
        self._line = line
        self._scope: anyio.CancelScope | None = None
        self._free = anyio.Event()
        self._onset: float | None = None
        """When the user began to speak over the current reply."""
        self._last_words = ""
        self._silent_since = 0.0
        self._tasks = tasks
        self.playout: Playout | None = None
        """The current reply's, once it has one."""

    @property
    def taken(self) -> bool:
        return self._scope is not None

    @property
    def can_pause(self) -> bool:
        """Whether the client can take back the silence, should the sound turn out to be no interruption."""
        return self._session.client_pauses

    @property
    def turn(self) -> int:
        return self._session.turn

    @property
    def speaking(self) -> str:
        """The words that the assistant is saying now or about to, or has said last."""
        return self.playout.speaking if self.playout else self._last_words

    def held_at(self, when: float) -> bool:
        """Whether the assistant had the floor then, or its last words may still have come back."""
        return self.taken or when < self._silent_since + ECHO_TIMEOUT_S

    async def give(self, reply: Callable[..., Awaitable[None]], *args: object) -> None:
        """Start `reply(*args)` as the next turn, silencing the current one first."""
        await self.clear()
        self._session.turn += 1
        self._scope = scope = anyio.CancelScope()
        self._free = anyio.Event()
        self._onset = None
        self._tasks.start_soon(self._hold, scope, reply, *args)

    async def clear(self) -> None:
        """Silence the current reply, if any, and wait until it is remembered."""
        if (scope := self._scope) is not None:
            if self.playout is not None:
                self.playout.stop(self._onset)
            await self._line.flush(self.turn)
            scope.cancel()
            await self.wait_free()

    async def wait_free(self) -> None:
        """Wait until the current reply, if any, has ended and is remembered."""
        if self._scope is not None:
            await self._free.wait()

    async def duck(self, onset: float) -> None:
        """Lower the voice: somebody may have begun to speak."""
        if self.taken:
            lowered, self._onset = self._onset is not None, onset
            if not lowered:
                await self._line.send(Duck(self.turn))

    async def pause(self) -> None:
        """Hold the voice until it is clear whether the user wants the floor. The reply goes on being made."""
        if self.playout is not None:
            await self.playout.pause()

    async def resume(self) -> None:
        """Go on as if nothing had been: the user did not want the floor."""
        lowered, self._onset = self._onset is not None, None
        if self.playout is not None and self.playout.paused:
            await self.playout.resume()
        elif self.taken and lowered:
            await self._line.send(Unduck(self.turn))

    def played(self, turn: int, seconds: float) -> None:
        """Take the client's playback report; one about an earlier turn is ignored."""
        if turn == self.turn and self.playout is not None:
            self.playout.report(seconds)

    async def _hold(
        self, scope: anyio.CancelScope, reply: Callable[..., Awaitable[None]], *args: object
    ) -> None:
        try:
            with scope:
                await reply(*args)
        finally:
            self._last_words, self._silent_since = self.speaking, anyio.current_time()
            self._scope = self.playout = None
            self._free.set()
