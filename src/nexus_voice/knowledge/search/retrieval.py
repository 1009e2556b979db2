"""Which chunks may answer a question: found by words and by meaning, and ordered by both.

The order is by one figure, a convex combination of how well a chunk matches by words and by meaning, rather
than by reciprocal rank fusion: it knows how much better the first is than the second (Bruch, Gai and Ingber,
"An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023). How relevant a chunk is at all, which
tells an answer from "not in your documents", is another figure: it must not depend on the other chunks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ...core.access import Scope
from ...text.folding import is_run
from ...text.words import content
from ..documents.library import stored
from ..documents.permissions import visible
from ..documents.records import StoredChunk
from ..index.meaning import Meaning
from ..index.protocol import Index
from .coverage import coverage, weights

if TYPE_CHECKING:
    from ...ports import Vectors

MIN_POOL = 30
"""Candidates taken from each of the two rankings, at least."""
MAX_WORDS = 32
"""Words of a question that are looked up."""
SIGNS_ALONE_POWER = 2.5
"""The share of such groups in common is raised to this: half of them are found where the subject is only
mentioned. Measured with `tests/knowledge/other_scripts.py`: answers have a share of 0.65 and more."""
WORDS_SHARE = 0.4
"""Weight of the words in common in the relevance, against the meaning's."""
WORDS_IN_ORDER = 0.25
"""Weight of the words in the order, against the meaning's. See `bench/README.md`."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its vector, if an embedder has made one."""

    text: str
    meaning: Meaning | None = None
    vector: Vectors | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """`chunks` with their relevance (0..1), best first. `by_meaning` is False if the question has a vector
    of an embedder that does not serve."""

    chunks: list[tuple[StoredChunk, float]]
    by_meaning: bool


def candidates(
    connection: sa.Connection, index: Index, question: Question, scope: Scope, limit: int
) -> Found:
    """At most `limit` chunks, all of them from collections that `scope` may read."""
    pool = max(MIN_POOL, limit)
    looked_up = content(question.text)[:MAX_WORDS]
    readable = visible(connection, scope)
    counts = index.frequencies(connection, looked_up)
    matched = index.match(connection, looked_up, counts, readable, pool)
    ids = list(matched)
    meaning, vector = question.meaning, question.vector
    near = None
    if meaning and vector is not None:
        near = index.nearest(connection, meaning.key, vector, readable, pool, ids)
    likeness: dict[int, float] = {}
    if meaning and near is not None:
        ids = list(dict.fromkeys([*ids, *near.ids]))
        likeness = meaning.likeness(near.cosines)
    weight = weights(looked_up, *counts)
    power = SIGNS_ALONE_POWER if near is None and any(map(is_run, looked_up)) else 1.0
    found = stored(connection, ids, scope)
    chunks = [found[id] for id in ids if id in found]  # by words alone the index's own order
    held = {chunk.id: coverage(weight, chunk.heading, chunk.text) ** power for chunk in chunks}
    if near is not None:
        worth = fused(matched, held, likeness)
        chunks.sort(key=lambda chunk: (-worth[chunk.id], -chunk.id))  # the newer where a text is there twice
    ranked = [(chunk, relevance(held[chunk.id], likeness.get(chunk.id))) for chunk in chunks]
    return Found(ranked[:limit], near is not None)


def fused(
    matched: Mapping[int, float], held: Mapping[int, float], likeness: Mapping[int, float]
) -> dict[int, float]:
    """How well each chunk matches by words and by meaning. By words it is the mean of the share of the
    question's words that it holds (`held`), and of the word index's score (`matched`). Such scores have no
    common scale: they are divided by the best, and count the less, the less of the question any chunk holds.
    """
    scale = math.sqrt(max(held.values(), default=0.0)) / max(matched.values(), default=1.0)
    return {
        id: WORDS_IN_ORDER * (share + scale * matched.get(id, 0.0)) / 2
        + (1 - WORDS_IN_ORDER) * likeness.get(id, 0.0)
        for id, share in held.items()
    }


def relevance(words: float, meaning: float | None) -> float:
    """One figure, 0..1, of the words in common and the likeness in meaning, if that is known."""
    if meaning is None:
        return words
    return WORDS_SHARE * words + (1 - WORDS_SHARE) * min(1.0, max(0.0, meaning))
