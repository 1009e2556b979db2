"""From the chunks that were found to the passages for an answer: reranked, joined, within the context."""

from __future__ import annotations

from functools import partial

import anyio.to_thread

from ...core.chat import Passage
from .reranking import Ranked, Reranking
from .selecting import BUDGET, select, shown
from .tokens import Counter

LEAST = 0.15
"""Relevance below which nothing is used or cited; measured in `docs/knowledge.md`."""


class Chooser:
    def __init__(
        self, reranking: Reranking | None = None, counter: Counter | None = None, least: float = LEAST
    ) -> None:
        self._reranking, self._counter, self._least = reranking or Reranking(), counter or Counter(), least

    async def __call__(
        self, question: str, found: Ranked, k: int, *, budget: int | None = BUDGET
    ) -> list[Passage]:
        """At most `k` passages, best first, of `budget` tokens together."""
        ranked = await self._reranking(question, [one for one in found if one[1] >= self._least])
        tokens = None
        if budget is not None:
            texts = [shown(chunk) for chunk, _ in ranked]
            tokens = dict(zip(texts, await self._counter(texts), strict=True))
        # In a thread: 100 passages of short words take 170 ms to compare.
        return await anyio.to_thread.run_sync(partial(select, ranked, k, tokens=tokens, budget=budget or 0))
