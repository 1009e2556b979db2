"""A turn's clocks: milliseconds since t0, the last voiced sample (or the arrival of typed text)."""

from __future__ import annotations

from collections.abc import Mapping

import anyio


class Clocks:
    """What was done before t0, while the user still spoke, counts as done at 0."""

    def __init__(self, t0: float, engines: Mapping[str, str] | None = None) -> None:
        self.t0 = t0
        self.laps: dict[str, float] = {}
        self.engines = dict(engines or {})
        """Port -> name of the engine that has worked in this turn."""

    def lap(self, name: str, at: float | None = None) -> None:
        """Note that `name` happened, now or at a given time; only the first time counts."""
        if name not in self.laps:
            since = (anyio.current_time() if at is None else at) - self.t0
            self.laps[name] = max(0.0, round(since * 1e3, 1))

    def worked(self, port: str, engine: str) -> None:
        """Note that the engine of that name has worked."""
        self.engines[port] = engine

    def count_from(self, turn: Clocks) -> None:
        """Become the clocks of `turn`: count from its t0, and take over what it has noted."""
        earlier = {name: self.t0 + lap / 1e3 for name, lap in self.laps.items()}
        self.t0, self.laps = turn.t0, dict(turn.laps)
        for name, at in earlier.items():
            self.lap(name, at)
        self.engines |= turn.engines
