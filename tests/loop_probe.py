"""Tells how long a server under test has held its event loop at a stretch."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from typing import Any

TICK_S = 0.02
"""Between two ticks of the probe."""
MAX_LAG_S = 0.1
"""What a test run may not exceed. The server's own aim is 0.02; a test's computer is several times slower."""


class LoopProbe:
    """A tick every 20 ms on the server's loop, and what its thread has computed since the one before.

    The lag that `/metrics` shows is real time: on a machine that others use as well it says more of them than
    of us. So this counts the processor time of the loop's thread alone, above that of one tick: what is in
    the way of a timer that is due. It cannot see a thread that sleeps or waits for a file. The garbage
    collector's time is taken off: a test process holds a hundred times the objects of a server.

    `late` has, for every lag above `MAX_LAG_S`, the seconds and the test that ran.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.late: list[tuple[float, str]] = []
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._thread = 0
        self._computed = self._collecting = self._collected = 0.0

    def start(self) -> None:
        """On the loop."""
        self._thread = threading.get_ident()
        gc.callbacks.append(self._note_collection)
        self._computed = time.thread_time()
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def stop(self) -> None:
        """On the loop."""
        if self._timer:
            self._timer.cancel()
            gc.callbacks.remove(self._note_collection)

    def _tick(self) -> None:
        computed = time.thread_time()
        lag = computed - self._computed - self._collected - TICK_S
        self._computed, self._collected = computed, 0.0
        if lag > MAX_LAG_S:
            self.late.append((lag, os.environ.get("PYTEST_CURRENT_TEST", "no test")))
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def _note_collection(self, phase: str, info: dict[str, Any]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self._collected += time.thread_time() - self._collecting
