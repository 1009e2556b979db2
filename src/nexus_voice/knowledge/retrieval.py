"""From two rankings to a few good passages: fusion, relevance, no repetition, a bounded context."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ..domain.chat import Passage
from ..domain.words import stem, terms

if TYPE_CHECKING:
    from .store import Stored

POOL = 30
"""Candidates taken from each ranking."""
RRF_K = 60
"""Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion", SIGIR 2009."""
CONTEXT_CHARS = 2_000 * 4
"""2,000 tokens of about four characters."""
FLOOR = 0.1
"""Passages of less relevance are not worth showing."""
ALIKE = 0.8
"""Share of common words from which a passage only repeats a better one."""
WORDS_SHARE = 0.4
"""Weight of the words in common, against the meaning's."""


@lru_cache(4_096)
def stems(text: str) -> frozenset[str]:
    """The stems in a passage; the same passages come up again and again."""
    return frozenset(terms(text))


def fuse(*rankings: Sequence[int]) -> list[int]:
    """Ids by the sum of 1 / (60 + rank) over the rankings, best first."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, id in enumerate(ranking, 1):
            scores[id] += 1 / (RRF_K + rank)
    return sorted(scores, key=lambda chunk: (-scores[chunk], chunk))


def weights(words: Sequence[str], total: int, frequencies: Sequence[int]) -> dict[str, float]:
    """How much each word's stem tells: inverse document frequency. A word no document has weighs most."""
    return {
        stem(word): math.log(1 + (total + 0.5) / (count + 0.5))
        for word, count in zip(words, frequencies, strict=True)
    }


def coverage(weight: Mapping[str, float], *texts: str) -> float:
    """The share (0..1) of the question's words, by weight, that the texts have together."""
    present = weight.keys() & frozenset[str]().union(*map(stems, texts))
    total = sum(weight.values())
    return sum(weight[word] for word in present) / total if total else 0.0


def relevance(words: float, meaning: float | None) -> float:
    """One figure, 0..1, from the words in common and the likeness in meaning (0..1), where that is known."""
    return words if meaning is None else WORDS_SHARE * words + (1 - WORDS_SHARE) * meaning


def select(ranked: Iterable[tuple[Stored, float]], k: int) -> list[Passage]:
    """The first `k` that say something new and together fit the context."""
    passages: list[Passage] = []
    seen: list[frozenset[str]] = []
    room = CONTEXT_CHARS
    for chunk, score in ranked:
        words = stems(chunk.text)
        if len(passages) == k:
            break
        if score < FLOOR or len(chunk.text) > room or any(_alike(words, other) for other in seen):
            continue
        seen.append(words)
        room -= len(chunk.text)
        passages.append(
            Passage(
                chunk.text,
                chunk.document,
                chunk.title,
                chunk.path,
                position=chunk.position,
                score=round(score, 4),
            )
        )
    return passages


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one | other) and len(one & other) / len(one | other) >= ALIKE
