"""A circuit breaker: an engine that keeps failing rests for a while, and is then tried once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import anyio

from ...core.errors import EngineError

State = Literal["closed", "open", "half-open"]

MAX_RETRY_AFTER_S = 600.0
"""An engine that asks to be left alone for longer is tried again after this time."""
MAX_DOUBLINGS = 16


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` in a row, for `cooldown` seconds, twice as long each time up to `max_cooldown`.

    After that one call is let through (half-open); its outcome closes the breaker or opens it again.
    The pattern is Nygard's, "Release It!", chapter 5.
    """

    failures: int = 3
    cooldown: float = 5.0
    max_cooldown: float = 60.0
    trouble: str = ""
    """The latest error's message; empty while all is well."""
    _failures_in_a_row: int = 0
    _times_opened: int = 0
    """Since it was last closed."""
    _open_until: float = 0.0
    _probing: bool = False

    @property
    def state(self) -> State:
        if not self._times_opened:
            return "closed"
        return "open" if self._probing or anyio.current_time() < self._open_until else "half-open"

    def admit(self) -> bool:
        """Whether a call may be made now; then `succeeded`, `failed` or `abandoned` must follow."""
        state = self.state
        self._probing = self._probing or state == "half-open"
        return state != "open"

    def succeeded(self) -> None:
        self._failures_in_a_row = self._times_opened = 0
        self._probing = False
        self.trouble = ""

    def failed(self, error: Exception) -> None:
        """An error that the same call would meet again (a refused key) opens the breaker at once, and so
        does an engine that asks to be called later."""
        self._failures_in_a_row += 1
        self._probing = False
        self.trouble = str(error) or type(error).__name__
        retry_after = error.retry_after if isinstance(error, EngineError) else 0.0
        permanent = isinstance(error, EngineError) and not error.retryable
        if self._failures_in_a_row >= self.failures or self._times_opened or permanent or retry_after:
            pause = min(self.max_cooldown, self.cooldown * 2**self._times_opened)
            self._open_until = anyio.current_time() + max(pause, min(retry_after, MAX_RETRY_AFTER_S))
            self._times_opened = min(self._times_opened + 1, MAX_DOUBLINGS)

    def abandoned(self) -> None:
        """The caller went away before the outcome was known, which says nothing about the engine."""
        self._probing = False
