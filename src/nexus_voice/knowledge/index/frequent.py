"""How many chunks hold a word. Counts are kept, since counting a common word costs more than the search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..documents.library import count
from ..documents.revisions import revision

MAX_EXACT_CHUNKS = 1_000
"""In a base of at most so many chunks every count is exact."""
MAX_STALE_CHANGES = 50
"""In a larger base a count is used until so many changes have been made,"""
MAX_DRIFT = 0.02
"""or until this share of its chunks has come or gone."""
MAX_KEPT_WORDS = 10_000
"""When there are more, all counts are dropped."""


class _Count(NamedTuple):
    chunks: int
    total: int
    number: int


class Counts(NamedTuple):
    """How many chunks there are, and how many hold each word."""

    total: int
    held: list[int]


class Frequencies:
    """`count_words` counts the chunks that hold each word, given how many chunks there are. It may be used in
    several threads: at worst a word is counted twice."""

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
        held = {word: one.chunks for word, one in known.items() if one and _is_fresh(one, total, number)}
        if new := [word for word in known if word not in held]:
            counted = dict(zip(new, self._count_words(connection, new, total), strict=True))
            if len(self._known) >= MAX_KEPT_WORDS:
                self._known.clear()
            self._known |= {word: _Count(count, total, number) for word, count in counted.items()}
            held |= counted
        return Counts(total, [held[word] for word in words])


def rarest(words: Sequence[str], counts: Sequence[int], max_chunks: int) -> list[str]:
    """Those words that some chunk holds, from the rarest on, as long as `max_chunks` chunks hold them
    together; the rarest in any case."""
    chosen: list[str] = []
    for held, word in sorted(zip(counts, words, strict=True), key=lambda one: one[0]):
        if held and (held <= max_chunks or not chosen):
            chosen.append(word)
            max_chunks -= held
    return chosen


def _is_fresh(known: _Count, total: int, number: int) -> bool:
    """Whether the count is still about right."""
    if known.number == number:
        return True
    similar = (
        abs(number - known.number) <= MAX_STALE_CHANGES and abs(total - known.total) <= MAX_DRIFT * total
    )
    return total > MAX_EXACT_CHUNKS and similar
