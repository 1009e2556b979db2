"""From ranked chunks to a few passages: no repetition, neighbours joined, a bounded context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from ...core.chat import Passage
from ...text.words import terms

if TYPE_CHECKING:
    from ..documents.records import Stored

BUDGET = 2_000
"""Tokens of all passages together, their headings included."""
ALIKE = 0.8
"""Share of common words from which a passage only repeats a better one."""
WORTH = 0.5
"""Share of a passage's score from which a neighbour is brought along."""


@lru_cache(4_096)
def stems(text: str) -> frozenset[str]:
    """The stems in a passage; the same passages come up again and again."""
    return frozenset(terms(text))


def shown(chunk: Stored) -> str:
    """What of a chunk reaches a model, and is counted."""
    return f"{chunk.heading}\n{chunk.text}"


@dataclass(slots=True)
class Group:
    """Chunks of one section that follow each other, in reading order."""

    score: float
    chunks: list[Stored] = field(default_factory=list)

    def place_of(self, chunk: Stored) -> int | None:
        """Where `chunk` would stand, if it directly precedes or follows."""
        first, last = self.chunks[0], self.chunks[-1]
        if _follows(last, chunk):
            return len(self.chunks)
        return 0 if _follows(chunk, first) else None

    @property
    def passage(self) -> Passage:
        """The overlaps only once; page and position are the first chunk's, the score is the best."""
        first = self.chunks[0]
        text = first.text
        for chunk in self.chunks[1:]:
            text += chunk.text[first.position + len(text) - chunk.position :]
        score = round(self.score, 4)
        return Passage(
            text, first.document, first.title, first.path, first.page, first.position, score, type=first.type
        )


def select(
    ranked: Iterable[tuple[Stored, float]],
    k: int,
    *,
    tokens: Mapping[str, int] | None = None,
    budget: int = BUDGET,
) -> list[Passage]:
    """The first `k` passages that say something new and together fit the budget.

    `tokens` has the count of each chunk as `shown`; without it there is no bound. A chunk that follows or
    precedes another in its section becomes one passage with it: it takes none of the `k` places, so a
    neighbour half as good is brought along even past them.
    """
    groups: list[Group] = []
    seen: list[frozenset[str]] = []

    def fits(chunk: Stored) -> bool:
        """Take its tokens, unless they are too many or it repeats something."""
        nonlocal budget
        words, cost = stems(chunk.text), tokens[shown(chunk)] if tokens else 0
        if cost > budget or any(_alike(words, other) for other in seen):
            return False
        budget -= cost
        seen.append(words)
        return True

    for chunk, score in ranked:
        group = next((group for group in groups if group.place_of(chunk) is not None), None)
        if group and (len(groups) < k or score >= WORTH * group.score):
            if fits(chunk):
                _join(group, chunk, score, groups)
        elif group is None and len(groups) < k and fits(chunk):
            groups.append(Group(score, [chunk]))
    return [group.passage for group in groups]


def _join(group: Group, chunk: Stored, score: float, groups: list[Group]) -> None:
    """Put it where it belongs; it may be what was missing between two groups."""
    place = group.place_of(chunk)
    assert place is not None
    group.chunks.insert(place, chunk)
    group.score = max(group.score, score)
    for other in groups:
        if other is not group and _follows(group.chunks[-1], other.chunks[0]):
            group.chunks += other.chunks
        elif other is not group and _follows(other.chunks[-1], group.chunks[0]):
            group.chunks[:0] = other.chunks
        else:
            continue
        group.score = max(group.score, other.score)
        groups.remove(other)
        return


def _follows(one: Stored, other: Stored) -> bool:
    """Whether `other` goes on in the same section where `one` ends, or within it."""
    overlap = one.position + len(one.text) - other.position
    return (
        (one.document, one.path) == (other.document, other.path)
        and one.position < other.position
        and 0 <= overlap < len(other.text)
        and one.text[len(one.text) - overlap :] == other.text[:overlap]
    )


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one | other) and len(one & other) / len(one | other) >= ALIKE
