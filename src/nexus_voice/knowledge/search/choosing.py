"""From the chunks that were found to a few passages: reranked, without repetition, neighbours joined, and
within the model's context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

import anyio.to_thread

from ...core.chat import Passage
from ...text.words import terms
from ..documents.records import StoredChunk
from .reranking import Ranked, Reranking
from .tokens import Counter

MIN_RELEVANCE = 0.15
"""Chunks below are neither used nor cited; measured in `docs/knowledge.md`."""
MAX_TOKENS = 2_000
"""Of all passages together, their headings included."""
MAX_COMMON_WORDS = 0.8
"""A passage that shares a greater part of its words with a better one is left out."""
MIN_NEIGHBOUR_SCORE = 0.5
"""A neighbour is brought along if it has this part of the passage's score."""


class Chooser:
    """Makes passages of chunks. Those with a relevance below `least` are left out."""

    def __init__(
        self,
        reranking: Reranking | None = None,
        counter: Counter | None = None,
        least: float = MIN_RELEVANCE,
    ) -> None:
        self._reranking, self._counter, self._least = reranking or Reranking(), counter or Counter(), least

    async def __call__(
        self, question: str, found: Ranked, k: int, *, budget: int | None = MAX_TOKENS
    ) -> list[Passage]:
        """At most `k` passages, best first, of `budget` tokens together."""
        ranked = await self._reranking(question, [one for one in found if one[1] >= self._least])
        chosen = partial(select, ranked, k)
        if budget is not None:
            texts = [shown(chunk) for chunk, _ in ranked]
            tokens = dict(zip(texts, await self._counter(texts), strict=True))
            chosen = partial(chosen, tokens=tokens, budget=budget)
        return await anyio.to_thread.run_sync(chosen)  # 100 passages of short words take 170 ms to compare


def select(
    ranked: Iterable[tuple[StoredChunk, float]],
    k: int,
    *,
    tokens: Mapping[str, int] | None = None,
    budget: int = MAX_TOKENS,
) -> list[Passage]:
    """The first `k` passages that say something new and fit the budget together.

    `tokens` has the count of each chunk as `shown`; without it there is no bound. A chunk that follows or
    precedes another one in its section becomes one passage with it and takes none of the `k` places, so a
    neighbour half as good is brought along even past them.
    """
    groups: list[Group] = []
    seen: list[frozenset[str]] = []

    def fits(chunk: StoredChunk) -> bool:
        """Take its tokens, unless there are too many or it repeats something."""
        nonlocal budget
        words, cost = stems(chunk.text), tokens[shown(chunk)] if tokens else 0
        if cost > budget or any(_repeats(words, other) for other in seen):
            return False
        budget -= cost
        seen.append(words)
        return True

    for chunk, score in ranked:
        group = next((group for group in groups if group.place_of(chunk) is not None), None)
        if group and (len(groups) < k or score >= MIN_NEIGHBOUR_SCORE * group.score):
            if fits(chunk):
                _join(group, chunk, score, groups)
        elif group is None and len(groups) < k and fits(chunk):
            groups.append(Group(score, [chunk]))
    return [group.passage for group in groups]


def shown(chunk: StoredChunk) -> str:
    """What a model sees of a chunk, and what is counted."""
    return f"{chunk.heading}\n{chunk.text}"


@lru_cache(4_096)
def stems(text: str) -> frozenset[str]:
    """The stems in a passage. They are kept, because the same passages are found again and again."""
    return frozenset(terms(text))


@dataclass(slots=True)
class Group:
    """Chunks of one section that follow each other, in reading order."""

    score: float
    chunks: list[StoredChunk] = field(default_factory=list)

    def place_of(self, chunk: StoredChunk) -> int | None:
        """Where `chunk` would stand, if it directly precedes or follows."""
        first, last = self.chunks[0], self.chunks[-1]
        if _follows(last, chunk):
            return len(self.chunks)
        return 0 if _follows(chunk, first) else None

    @property
    def passage(self) -> Passage:
        """Its text has what the chunks share once. Page and position are the first chunk's, the score the
        best."""
        first = self.chunks[0]
        text = first.text
        begins: dict[int, int] = {}  # the pages, and where they begin in the text
        for chunk in self.chunks:
            text += chunk.text[first.position + len(text) - chunk.position :]
            for offset, page in chunk.page_starts or (((0, chunk.page),) if chunk.page else ()):
                begins.setdefault(page, chunk.position + offset - first.position)
        starts = tuple((offset, page) for page, offset in begins.items()) if len(begins) > 1 else ()
        return Passage(
            text, first.document, first.title, first.path, first.page, first.position, round(self.score, 4),
            type=first.type, page_starts=starts,
        )  # fmt: skip


def _join(group: Group, chunk: StoredChunk, score: float, groups: list[Group]) -> None:
    """Put the chunk where it belongs. It may be what was missing between two groups."""
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


def _follows(one: StoredChunk, other: StoredChunk) -> bool:
    """Whether `other` continues the same section where `one` ends, or within it."""
    overlap = one.position + len(one.text) - other.position
    return (
        (one.document, one.path) == (other.document, other.path)
        and one.position < other.position
        and 0 <= overlap < len(other.text)
        and one.text[len(one.text) - overlap :] == other.text[:overlap]
    )


def _repeats(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one | other) and len(one & other) / len(one | other) >= MAX_COMMON_WORDS
