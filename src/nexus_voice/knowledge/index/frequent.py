"""How many chunks hold a word, remembered: counting a common word costs more than the search itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..documents.library import count
from ..documents.revisions import revision

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


class Counts(NamedTuple):
    """How many chunks there are, and how many hold each word."""

    total: int
    held: list[int]


class Frequencies:
    """`count_words` counts each word's chunks, given how many chunks there are. Safe in several threads: at
    worst a word is counted twice."""

    def __init__(self, count_words: Callable[[sa.Connection, Sequence[str], int], list[int]]) -> None:
        self._count_words = count_words
        self._known: dict[str, _Count] = {}
        self._total = (-1, 0)

    def __call__(self, connection: sa.Connection, words: Sequence[str]) -> Counts:
        number = revision(connection).number
        if self._total[0] != number:
            self._total = number, count(connection)
        total = self._total[1]
        known = {word: self._known.get(word) for word in words}
        held = {word: one.chunks for word, one in known.items() if one and _holds(one, total, number)}
        if new := [word for word in known if word not in held]:
            counted = dict(zip(new, self._count_words(connection, new, total), strict=True))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known |= {word: _Count(count, total, number) for word, count in counted.items()}
            held |= counted
        return Counts(total, [held[word] for word in words])


def telling(words: Sequence[str], counts: Sequence[int], room: int) -> list[str]:
    """The rarer of `words` that any chunk holds: as many as are in `room` chunks together, one at least."""
    chosen: list[str] = []
    for held, word in sorted(zip(counts, words, strict=True), key=lambda one: one[0]):
        if held and (held <= room or not chosen):
            chosen.append(word)
            room -= held
    return chosen


def _holds(known: _Count, total: int, number: int) -> bool:
    """Whether it is still about right."""
    if known.number == number:
        return True
    fresh = abs(number - known.number) <= STALE and abs(total - known.total) <= DRIFT * total
    return total > EXACT and fresh
