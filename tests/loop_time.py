"""How long the event loop is held, in processor time of its own thread: a busy machine does not add to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

MAX_HOLD_S = 0.02
"""What the house allows."""
LOOK_EVERY_S = 0.001


@dataclass(slots=True)
class Held:
    """`longest`: the most seconds of work between two looks of another task."""

    longest: float = 0.0


@asynccontextmanager
async def watching() -> AsyncIterator[Held]:
    """Look at the loop for as long as the block runs."""
    held = Held()

    async def look() -> None:
        before = time.thread_time()
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            now = time.thread_time()
            held.longest = max(held.longest, now - before)
            before = now

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await anyio.sleep(5 * LOOK_EVERY_S)
        yield held
        await anyio.sleep(2 * LOOK_EVERY_S)
        tasks.cancel_scope.cancel()
