"""A circuit breaker: an engine that keeps failing is left alone for a while, then tried once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import anyio

from ...core.errors import EngineError

State = Literal["closed", "open", "half-open"]


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` in a row, for `cooldown` seconds, twice as long each time up to `longest`.

    After that one call is let through (half-open); its outcome closes the breaker or opens it again.
    The pattern is Nygard's, "Release It!", chapter 5.
    """

    failures: int = 3
    cooldown: float = 5.0
    longest: float = 60.0
    trouble: str = ""
    """The latest error's message; empty while all is well."""
    _row: int = 0
    _opened: int = 0
    _until: float = 0.0
    _probing: bool = False

    @property
    def state(self) -> State:
        if not self._opened:
            return "closed"
        return "open" if self._probing or anyio.current_time() < self._until else "half-open"

    def admit(self) -> bool:
        """Whether a call may be made now; then `succeeded`, `failed` or `left` must follow."""
        state = self.state
        self._probing = self._probing or state == "half-open"
        return state != "open"

    def succeeded(self) -> None:
        self._row = self._opened = 0
        self._probing = False
        self.trouble = ""

    def failed(self, error: Exception) -> None:
        """Errors that the same call would meet again (a refused key) open it at once, as does being told
        to come back later."""
        self._row += 1
        self._probing = False
        self.trouble = str(error) or type(error).__name__
        wait = error.retry_after if isinstance(error, EngineError) else 0.0
        lasting = isinstance(error, EngineError) and not error.retryable
        if self._row >= self.failures or self._opened or lasting or wait:
            pause = min(self.longest, self.cooldown * 2**self._opened)
            self._until = anyio.current_time() + max(pause, min(wait, 10 * self.longest))
            self._opened = min(self._opened + 1, 16)

    def left(self) -> None:
        """The caller went away before the outcome was known."""
        self._probing = False
