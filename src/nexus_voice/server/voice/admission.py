"""Lets voice connections in: first into a small pool, and as sessions once they have said hello."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from ...core.errors import Busy
from ..admission import Places, Unknown

MAX_SAMPLES = 600
"""Samples of the event loop's lag that are kept: 30 s."""
MAX_UNKNOWN, MAX_UNKNOWN_PER_ADDRESS = 256, 128
"""Connections that have not said hello: in all, and from one address."""


class VoiceAdmission:
    """Whether one more voice session can be served without hurting the others.

    `loop_lag`: the event loop's lag, in seconds, above which no more are let in.
    """

    def __init__(self, sessions: int, loop_lag: float, per_address: int = 0) -> None:
        self.unknown = Unknown(MAX_UNKNOWN, MAX_UNKNOWN_PER_ADDRESS)
        self.refused = 0
        self._sessions = Places(sessions, per_address)
        self._max_lag = loop_lag
        self._lags: deque[float] = deque(maxlen=MAX_SAMPLES)

    @property
    def active(self) -> int:
        """Sessions under way."""
        return self._sessions.used

    def check(self, address: str) -> None:
        """Raises `Busy` when there is no room for another session."""
        if self._sessions.full(address) or (self.active and self.lag > self._max_lag):
            self.refused += 1
            raise Busy("All lines are busy. Please try again in a moment.")

    @contextmanager
    def session(self, address: str) -> Iterator[None]:
        """Hold a place for a session. Raises `Busy`."""
        self.check(address)
        self._sessions.take(address)
        try:
            yield
        finally:
            self._sessions.give_back(address)

    def note_lag(self, seconds: float) -> None:
        """Add a sample of how late the event loop runs. The latest are kept."""
        self._lags.append(seconds)

    def lag_at(self, share: float, samples: int = MAX_SAMPLES) -> float:
        """The lag in seconds below which `share` (0..1) of the latest samples lie."""
        lags = sorted(islice(reversed(self._lags), samples))
        return lags[min(int(share * len(lags)), len(lags) - 1)] if lags else 0.0

    @property
    def lag(self) -> float:
        """The 90th percentile of the last 100 samples, in seconds."""
        return self.lag_at(0.9, 100)
