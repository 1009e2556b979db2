"""Which chunks may answer a question: found by words and by meaning, and ordered by both.

The order is by one figure, a convex combination of the words in common and the likeness in meaning, rather
than by reciprocal rank fusion: it knows how much better the first is than the second (Bruch, Gai and Ingber,
"An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023). Measured on questions about our
documentation: recall@5 0.81 against 0.74, when it was tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ...core.access import Scope
from ...text.folding import is_run, signs
from ...text.words import content, findable, stem
from ..documents.library import stored
from ..documents.permissions import visible
from ..documents.records import StoredChunk
from ..index.meaning import Meaning
from ..index.protocol import Index

if TYPE_CHECKING:
    from ...ports import Vectors

MIN_POOL = 30
"""Candidates taken from each of the two rankings, at least."""
MAX_WORDS = 32
"""Words of a question that are looked up."""
MIN_SEAM_RATIO = 8
"""A group of signs says nothing if one that overlaps with it is in so many times as many chunks, or more."""
SIGNS_ALONE_POWER = 2.5
"""The share of such groups in common is raised to this: half of them are found where the subject is only
mentioned. Measured with `tests/knowledge/other_scripts.py`: answers have a share of 0.65 and more."""
WORDS_SHARE = 0.4
"""Weight of the words in common, against the meaning's. From 0.3 to 0.4 the order is about equally good."""


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
    ids = index.match(connection, looked_up, counts, readable, pool)
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
    chunks = [
        (chunk, relevance(coverage(weight, chunk.heading, chunk.text) ** power, likeness.get(id)))
        for id in ids
        if (chunk := found.get(id))
    ]
    if near is not None:  # by words alone the index's own order is better than the share of words
        chunks.sort(key=lambda one: (-one[1], -one[0].id))  # the newer first where a text is there twice
    return Found(chunks[:limit], near is not None)


def weights(words: Sequence[str], total: int, frequencies: Sequence[int]) -> dict[str, float]:
    """How much each word's stem tells: inverse document frequency. A word in no document weighs most. Groups
    of signs that overlap weigh together as if each sign belonged to one of them."""
    weight: dict[str, float] = {}
    counts = dict(zip(words, frequencies, strict=True))
    for chain in chains(words):
        share = (len(chain) + 1) / (2 * len(chain))
        for word in without_seams(chain, counts):
            weight[stem(word)] = share * math.log(1 + (total + 0.5) / (counts[word] + 0.5))
    return weight


def chains(words: Sequence[str]) -> list[list[str]]:
    """The words, together where they are groups of signs that overlap: then they come from one run."""
    found: list[list[str]] = []
    for word in words:
        before = signs(found[-1][-1])[1:] if found and is_run(word) else []
        if before and before == signs(word)[:-1]:
            found[-1].append(word)
        else:
            found.append([word])
    return found


def without_seams(chain: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """The groups of a chain, but for those that are much rarer than one they overlap with: where two words
    meet, a group says nothing."""
    around = zip(["", *chain[:-1]], chain, [*chain[1:], ""], strict=True)
    return [
        word
        for before, word, after in around
        if counts[word] * MIN_SEAM_RATIO > max(counts.get(before, 0), counts.get(after, 0)) - 1
    ]


def coverage(weight: Mapping[str, float], *texts: str) -> float:
    """The share (0..1) of the question's words, by weight, that the texts hold together."""
    begin = tuple(known[:3] for known in weight)  # a word of the same stem begins so: few others are stemmed
    present = weight.keys() & {
        stem(word) for text in texts for word in findable(text) if word.startswith(begin)
    }
    total = sum(weight.values())
    return sum(weight[word] for word in present) / total if total else 0.0


def relevance(words: float, meaning: float | None) -> float:
    """One figure, 0..1, of the words in common and the likeness in meaning (0..1), if that is known."""
    return words if meaning is None else WORDS_SHARE * words + (1 - WORDS_SHARE) * meaning
