"""Who may speak. One reply at a time, each in a scope of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from ..domain.events import Duck, Unduck
from ..domain.turns import is_echo
from .line import Line
from .playout import Playout
from .session import Session


class Floor:
    """The assistant holds the floor while a reply is thought out or spoken.

    Barge-in is: flush the line (the user hears silence first), cancel one scope (model, tools and
    voice unwind together), wait until history is committed; then the next may speak.
    """

    def __init__(self, session: Session, line: Line, tasks: TaskGroup) -> None:
        self._session = session
        self._line = line
        self._tasks = tasks
        self._scope: anyio.CancelScope | None = None
        self._free = anyio.Event()
        self._ducked = False
        self.overlap = session.engines.overlaps.open()
        self.playout: Playout | None = None
        """The current reply's, once it has one."""

    @property
    def taken(self) -> bool:
        return self._scope is not None

    @property
    def turn(self) -> int:
        return self._session.turn

    @property
    def speaking(self) -> str:
        """What the assistant is saying about now."""
        return self.playout.speaking if self.playout else ""

    def is_echo(self, text: str) -> bool:
        """Whether these words are the assistant's own, heard through the microphone."""
        return self.taken and is_echo(text, self.speaking)

    async def give(self, reply: Callable[..., Awaitable[None]], *args: object) -> None:
        """Start `reply(floor, *args)` as the next turn, silencing the current one first."""
        await self.clear()
        self._session.turn += 1
        self._scope = scope = anyio.CancelScope()
        self._free = anyio.Event()
        self._ducked = False
        self._tasks.start_soon(self._hold, scope, reply, *args)

    async def clear(self) -> None:
        """Silence the current reply, if any, and wait until it is remembered."""
        if self._scope is not None:
            if self.playout is not None:
                self.playout.stop()
            await self._line.flush(self.turn)
            self._scope.cancel()
            await self._free.wait()

    async def duck(self) -> None:
        if self.taken and not self._ducked:
            self._ducked = True
            await self._line.send(Duck(self.turn))

    async def unduck(self) -> None:
        if self.taken and self._ducked:
            self._ducked = False
            await self._line.send(Unduck(self.turn))

    def played(self, turn: int, seconds: float) -> None:
        """A playback report; one about an earlier turn says nothing any more."""
        if turn == self.turn and self.playout is not None:
            self.playout.report(seconds)

    async def _hold(
        self, scope: anyio.CancelScope, reply: Callable[..., Awaitable[None]], *args: object
    ) -> None:
        try:
            with scope:
                await reply(*args)
        finally:
            self._scope = None
            self.playout = None
            self._free.set()
