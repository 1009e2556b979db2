"""Keeps conversations in memory, so that a client whose connection was lost may come back."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

T = TypeVar("T")


@dataclass(slots=True)
class Kept(Generic[T]):
    id: str
    token: str
    value: T
    used: float
    leave: Callable[[], None] | None = None
    """Ends the connection that holds the session now."""
    left: anyio.Event = field(default_factory=anyio.Event)
    """Set when that connection no longer holds the session."""
    wanted: int = 0
    """Connections that asked for the session so far."""


class Sessions(Generic[T]):
    """Keeps at most `max_sessions` sessions, and forgets each `idle_s` seconds after its last use.

    A session is reached with its id and its token together; the token is a secret of 192 bits. `clock` tells
    the time in seconds.
    """

    def __init__(
        self,
        make: Callable[[str], T],
        idle_s: float,
        max_sessions: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._make = make
        self._idle_s = idle_s
        self._max_sessions = max_sessions
        self._kept: OrderedDict[str, Kept[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def open(self, session_id: str = "", token: str = "") -> tuple[Kept[T], bool]:
        """The session with this id and token, and True; or a new one, and False.

        A wrong id or token is no error.
        """
        self._expire()
        kept = self._kept.get(session_id)
        if kept is not None and secrets.compare_digest(kept.token.encode(), token.encode()):
            kept.used = self._clock()
            self._kept.move_to_end(session_id)
            return kept, True
        new = secrets.token_hex(8)
        kept = Kept(new, secrets.token_urlsafe(24), self._make(new), self._clock())
        self._kept[new] = kept
        return kept, False

    @asynccontextmanager
    async def hold(self, kept: Kept[T], leave: Callable[[], None]) -> AsyncIterator[None]:
        """Hold the session for one connection, the newest; `leave` is called to end an older one."""
        kept.wanted += 1
        number = kept.wanted
        while kept.leave is not None:
            kept.leave()
            await kept.left.wait()
            if kept.wanted != number:  # a newer one waits as well
                leave()
                await anyio.lowlevel.checkpoint()
        kept.leave, kept.left = leave, anyio.Event()
        try:
            yield
        finally:
            kept.leave, kept.used = None, self._clock()
            kept.left.set()
            if kept.id in self._kept:
                self._kept.move_to_end(kept.id)

    def _expire(self) -> None:
        oldest = self._clock() - self._idle_s
        for kept in list(self._kept.values()):
            if kept.leave is None and (kept.used < oldest or len(self._kept) >= self._max_sessions):
                del self._kept[kept.id]
            elif kept.used >= oldest and len(self._kept) < self._max_sessions:
                break
