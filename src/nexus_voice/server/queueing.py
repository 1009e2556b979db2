"""The bounded queue of requests before each model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from ..core.errors import BadInput, Busy

Served = Callable[[str, str, float], None]
"""Called for every request that is over: port, outcome (ok, error, bad_input, refused or cancelled), and the
seconds it took, including its wait."""


class QueueFull(Busy):
    code = "queue_full"
    status = 429


class Queue:
    """The queue before one port's engines: `at_once` requests are served, and `max_waiting` more may wait."""

    def __init__(self, port: str, at_once: int, max_waiting: int, served: Served) -> None:
        self.port = port
        self.active = self.waiting = 0
        self._places = anyio.Semaphore(at_once)
        self._max_requests = at_once + max_waiting
        self._served = served

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place around a request's work, first come, first served. Raises `QueueFull`."""
        began, outcome = anyio.current_time(), "cancelled"
        try:
            await self._wait()
            self.active += 1
            try:
                yield
            finally:
                self.active -= 1
                self._places.release()
            outcome = "ok"
        except BadInput:
            outcome = "bad_input"
            raise
        except Busy:
            outcome = "refused"
            raise
        except Exception:
            outcome = "error"
            raise
        finally:
            self._served(self.port, outcome, anyio.current_time() - began)

    async def _wait(self) -> None:
        if self.active + self.waiting >= self._max_requests:
            raise QueueFull("Too many requests are waiting for this model. Try again in a moment.")
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
