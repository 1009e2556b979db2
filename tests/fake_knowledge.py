"""A knowledge base that always recalls the same passages."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import anyio

from nexus_voice.core.access import PUBLIC, Scope
from nexus_voice.core.chat import Passage
from nexus_voice.engines.fake.engines import Failure


class FakeKnowledge:
    """Recalls the same `passages`, `delay` after the question; `queries` and `scopes` keep the latest few."""

    def __init__(
        self, passages: Sequence[Passage] = (), delay: float = 0.0, fail: Failure | None = None
    ) -> None:
        self.calls = 0
        self.queries: deque[str] = deque(maxlen=16)
        self.scopes: deque[Scope] = deque(maxlen=16)
        self._passages, self._delay, self._fail = passages, delay, fail

    async def recall(self, query: str, k: int = 5, *, scope: Scope = PUBLIC) -> list[Passage]:
        self.calls += 1
        self.queries.append(query)
        self.scopes.append(scope)
        call = self.calls
        await anyio.sleep(self._delay)
        if self._fail:
            self._fail.check(call, 0)
        return list(self._passages[:k])
