"""How loud is the background? Powers are mean squares, full scale 1."""

from __future__ import annotations

MIN_POWER = 10**-7.5
"""-75 dBFS: no room and no converter is quieter in any way that matters."""


class NoiseFloor:
    """The quietest moment of the last one to two `span`s of blocks: minimum statistics.

    It falls at once, and rises within two spans when the background becomes louder. After R. Martin,
    "Spectral Subtraction Based on Minimum Statistics" (1994), in one band. Blocks of 8-10 ms find the
    gaps inside words, so speech does not raise it.
    """

    __slots__ = ("_age", "_now", "_past", "_span", "known", "power")

    def __init__(self, span: int) -> None:
        self._span = span
        self.reset()

    def reset(self) -> None:
        self._age = 0
        self._now = self._past = 1.0
        self.power = 1.0
        """The floor; 1 before the first block."""
        self.known = False
        """Whether a whole span was heard, so that `power` is more than a guess."""

    def hear(self, quietest: float, blocks: int, hold: bool = False) -> float:
        """Take in `blocks` blocks by the quietest of them; `hold` (speech) lets the floor only fall."""
        now = self._now = min(self._now, max(quietest, MIN_POWER))
        if not hold:
            self._age += blocks
            if self._age >= self._span:
                self._past, self._now, self._age, self.known = now, 1.0, 0, True
        self.power = min(now, self._past)
        return self.power
