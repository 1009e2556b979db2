"""How many chunks hold a word, remembered: counting a common word costs more than the search itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..storage.library import count
from ..storage.revisions import revision

EXACT = 1_000
"""In a base of at most so many chunks every count is exact."""
STALE = 50
"""Changes after which a word is counted anew in a larger one."""
DRIFT = 0.02
"""Share of chunks that may come or go before that."""
REMEMBERED = 10_000
"""Words; past that all are forgotten."""


class _Count(NamedTuple):
    chunks: int
    total: int
    number: int


class Frequencies:
    """`count_word` counts one word's chunks. Safe in several threads: at worst a word is counted twice."""

    def __init__(self, count_word: Callable[[sa.Connection, str], int]) -> None:
        self._count_word = count_word
        self._known: dict[str, _Count] = {}
        self._total = (-1, 0)

    def __call__(self, connection: sa.Connection, words: Sequence[str]) -> tuple[int, list[int]]:
        """(number of chunks, how many hold each of `words`)."""
        number = revision(connection).number
        if self._total[0] != number:
            self._total = number, count(connection)
        total = self._total[1]
        return total, [self._one(connection, word, total, number) for word in words]

    def _one(self, connection: sa.Connection, word: str, total: int, number: int) -> int:
        known = self._known.get(word)
        if known and (known.number == number or _near(known, total, number)):
            return known.chunks
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        found = self._count_word(connection, word)
        self._known[word] = _Count(found, total, number)
        return found


def telling(words: Sequence[str], counts: Sequence[int], room: int) -> list[str]:
    """The rarer of `words` that any chunk holds: as many as are in `room` chunks together, one at least."""
    chosen: list[str] = []
    for held, word in sorted(zip(counts, words, strict=True), key=lambda one: one[0]):
        if held and (held <= room or not chosen):
            chosen.append(word)
            room -= held
    return chosen


def _near(known: _Count, total: int, number: int) -> bool:
    fresh = abs(number - known.number) <= STALE and abs(total - known.total) <= DRIFT * total
    return total > EXACT and fresh
