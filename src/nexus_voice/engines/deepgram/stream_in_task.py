"""Reads work that has task groups of its own as a generator, so that no task group spans a `yield`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from ...core.errors import EngineError
from ...workers.call import innermost

T = TypeVar("T")

MAX_QUEUE = 16
"""Results that may wait for the reader."""


async def stream_in_task(
    tasks: TaskGroup, work: Callable[[MemoryObjectSendStream[T]], Awaitable[None]], name: str
) -> AsyncGenerator[T]:
    """Run `work` in `tasks` and yield what it sends, then raise the error it ended with, if any.

    Closing the generator cancels the work and waits for its end. `name` is the engine's, for the error of
    a call that is cut short because its engine is closed.
    """
    out, results = anyio.create_memory_object_stream[T](MAX_QUEUE)
    scope, done = anyio.CancelScope(), anyio.Event()
    error: Exception | None = EngineError(f"{name} was shut down")

    async def run() -> None:
        nonlocal error
        try:
            with scope, out:
                await work(out)
                error = None
        except Exception as failure:  # this call's, not the engine's
            error = innermost(failure)
        finally:
            done.set()

    tasks.start_soon(run)
    try:
        async for result in results:
            yield result
        await done.wait()
        if error:
            raise error
    finally:
        results.close()
        scope.cancel()
        with anyio.CancelScope(shield=True):
            await done.wait()
