"""The best candidates put in a better order by a model that reads question and passage together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from ...core.chat import Passage
from ...core.errors import EngineError
from ...ports import Reranker

if TYPE_CHECKING:
    from ..documents.records import Stored

Ranked = list[tuple["Stored", float]]
"""Chunks with their relevance, best first."""

READ = 20
"""Candidates that are read: each costs time on the way to an answer."""
REST = 60.0
"""Seconds without it after it failed or was late, so that not every answer waits for nothing."""

log = logging.getLogger(__name__)


class Reranking:
    """`within` are the seconds it may take; late or failing, it leaves the order as it was. `there` tells
    whether there is a reranker at the moment."""

    def __init__(
        self, reranker: Reranker | None = None, within: float = 0.15, there: Callable[[], bool] = lambda: True
    ) -> None:
        self._reranker, self._within, self._there = reranker, within, there
        self._rests_until = 0.0

    async def __call__(self, question: str, ranked: Ranked) -> Ranked:
        """The first `READ` in the reranker's order, then the others. Relevance stays what it was: a
        reranker's own scores mean something else with each model."""
        if self._reranker is None or len(ranked) < 2 or anyio.current_time() < self._rests_until:
            return ranked
        if not self._there():
            return ranked
        read = ranked[:READ]
        places = {(one.document, one.position): place for place, (one, _) in enumerate(read)}
        try:
            with anyio.fail_after(self._within):
                best = await self._reranker.rank(question, [_passage(one) for one, _ in read])
        except (EngineError, TimeoutError) as error:
            self._rests_until = anyio.current_time() + REST
            log.warning(
                "Passages are not reranked for a minute: %s", error or f"it took over {self._within} s"
            )
            return ranked
        return [read[places[one.document, one.position]] for one in best] + ranked[READ:]


def _passage(chunk: Stored) -> Passage:
    return Passage(chunk.text, chunk.document, chunk.title, chunk.path, position=chunk.position)
