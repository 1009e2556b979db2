"""A turn's clocks: milliseconds since t0, the last voiced sample (or the arrival of typed text)."""

from __future__ import annotations

import anyio


class Clocks:
    def __init__(self, t0: float) -> None:
        self.t0 = t0
        self.laps: dict[str, float] = {}

    def lap(self, name: str, at: float | None = None) -> None:
        """Note that `name` happened, now or at a given time; only the first time counts."""
        if name not in self.laps:
            self.laps[name] = round(((anyio.current_time() if at is None else at) - self.t0) * 1e3, 1)
