"""Which chunks may answer a question: found by words and by meaning, and ordered by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ...core.access import Scope
from ...text.words import content
from ..documents.library import stored
from ..documents.records import Stored
from ..documents.sharing import visible
from ..index.meaning import Meaning
from ..index.protocol import Index
from .retrieval import POOL, coverage, relevance, weights

if TYPE_CHECKING:
    from ...ports import Vectors

MOST_WORDS = 32
"""Words of a question that are looked up."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its vector, where an embedder has made one."""

    text: str
    meaning: Meaning | None = None
    vector: Vectors | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """`chunks` with their relevance (0..1), best first. `by_meaning` is False when
    the question has a vector whose embedder does not serve."""

    chunks: list[tuple[Stored, float]]
    by_meaning: bool


def candidates(
    connection: sa.Connection, index: Index, question: Question, scope: Scope, limit: int
) -> Found:
    """At most `limit` chunks."""
    pool = max(POOL, limit)
    words = content(question.text)[:MOST_WORDS]
    seen = visible(connection, scope)
    counts = index.frequencies(connection, words)
    ids = index.match(connection, words, counts, seen, pool)
    meaning, vector = question.meaning, question.vector
    near = None
    if meaning and vector is not None:
        near = index.nearest(connection, meaning.key, vector, seen, pool, ids)
    meant: dict[int, float] = {}
    if meaning and near is not None:
        ids = list(dict.fromkeys([*ids, *near.ids]))
        meant = meaning.likeness(near.cosines)
    weight = weights(words, *counts)
    found = stored(connection, ids, scope)
    chunks = [
        (chunk, relevance(coverage(weight, chunk.heading, chunk.text), meant.get(id)))
        for id in ids
        if (chunk := found.get(id))
    ]
    if near is not None:  # else the order by words, which knows more than how many are there
        chunks.sort(key=lambda one: (-one[1], -one[0].id))  # of the same text twice the newer first
    return Found(chunks[:limit], near is not None)
