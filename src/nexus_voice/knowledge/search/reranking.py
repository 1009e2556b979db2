"""A better order for the best candidates, by a model that reads question and passage together."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio

from ...core.chat import Passage
from ...core.errors import EngineError
from ...ports import Reranker
from ..documents.records import StoredChunk

Ranked = list[tuple[StoredChunk, float]]
"""Chunks with their relevance, best first."""

MAX_READ = 20
"""Candidates that the reranker reads: each costs time on the way to an answer."""
PAUSE_S = 60.0
"""The reranker is left alone so long after it failed or was late, lest every answer waits for nothing."""

log = logging.getLogger(__name__)


class Reranking:
    """Leaves the order as it was if the reranker fails or takes longer than `within` seconds. `there` tells
    whether there is a reranker at the moment."""

    def __init__(
        self, reranker: Reranker | None = None, within: float = 0.15, there: Callable[[], bool] = lambda: True
    ) -> None:
        self._reranker, self._within, self._there = reranker, within, there
        self._paused_until = 0.0

    async def __call__(self, question: str, ranked: Ranked) -> Ranked:
        """The first `MAX_READ` in the reranker's order, then the others. Their relevance is not changed,
        because a reranker's scores mean something else with each model."""
        if self._reranker is None or len(ranked) < 2 or anyio.current_time() < self._paused_until:
            return ranked
        if not self._there():
            return ranked
        read = ranked[:MAX_READ]
        places = {(one.document, one.position): place for place, (one, _) in enumerate(read)}
        try:
            with anyio.fail_after(self._within):
                best = await self._reranker.rank(question, [_passage(one) for one, _ in read])
        except (EngineError, TimeoutError) as error:
            self._paused_until = anyio.current_time() + PAUSE_S
            log.warning(
                "Passages are not reranked for a minute: %s", error or f"it took over {self._within} s"
            )
            return ranked
        return [read[places[one.document, one.position]] for one in best] + ranked[MAX_READ:]


def _passage(chunk: StoredChunk) -> Passage:
    return Passage(chunk.text, chunk.document, chunk.title, chunk.path, position=chunk.position)
