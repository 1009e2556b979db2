"""Hedging: when the first engine is late a second one starts, and the first to begin is kept.

After Dean and Barroso, "The Tail at Scale" (2013).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

T = TypeVar("T")

AHEAD = 16
"""Items that may wait for the reader."""


class _Runner(Generic[T]):
    """A stream that runs in a task of its own."""

    def __init__(self, items: AsyncIterator[T], moved: anyio.Event) -> None:
        self._items, self._moved = items, moved
        self._out, self.inbox = anyio.create_memory_object_stream[T](AHEAD)
        self._scope = anyio.CancelScope()
        self._over = anyio.Event()
        self.begun = self.ended = False
        self.error: Exception | None = None

    async def run(self) -> None:
        try:
            with self._scope:
                async with self._out, aclosing(self._items):  # type: ignore[type-var]
                    async for item in self._items:
                        if not self.begun:
                            self.begun = True
                            self._moved.set()
                        await self._out.send(item)
        except Exception as error:
            self.error = error
        finally:
            self._out.close()
            self.ended = True
            self._over.set()
            self._moved.set()

    async def stop(self) -> None:
        self._scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._over.wait()
        self.inbox.close()


async def first_of(
    tasks: TaskGroup, first: AsyncIterator[T], second: Callable[[], AsyncIterator[T]], after: float
) -> AsyncGenerator[T]:
    """`first`; or `second()`, started `after` seconds later, if that begins earlier or `first` fails."""
    moved = anyio.Event()
    runners = [_Runner(first, moved)]
    tasks.start_soon(runners[0].run)
    try:
        with anyio.move_on_after(after):
            await moved.wait()
        if not runners[0].begun and not runners[0].ended:
            runners.append(_Runner(second(), moved))
            tasks.start_soon(runners[1].run)
            await moved.wait()
            runners.sort(key=lambda runner: runner.ended)  # when one has failed, the other decides
        winner = next((runner for runner in runners if runner.begun), runners[0])
        for loser in runners:
            if loser is not winner:
                await loser.stop()
        async for item in winner.inbox:
            yield item
        if winner.error:
            raise winner.error
    finally:
        for runner in runners:
            await runner.stop()
