"""One embedder, and what it makes of texts: what "near in meaning" means for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ...ports import Calibrated, Embedder

if TYPE_CHECKING:
    from ...ports import Vectors

COSINES = (0.15, 0.65)
"""MiniLM's cosine of unrelated texts and of a question with its answer, roughly."""
REMEMBERED = 256
"""Query vectors kept: a question is asked as a partial transcript first, then as the final one."""


class Meaning:
    """`key`, "name/dimensions", tells its vectors from others'; it is "" until the embedder has worked.

    `cosines` are the embedder's own, where it has some: of unrelated texts, and of a question with its
    answer.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder, self.key = embedder, ""
        self.cosines = embedder.cosines if isinstance(embedder, Calibrated) else COSINES
        self._queries: dict[str, Vectors] = {}

    def fits(self, serving: str | None) -> bool:
        """Whether vectors of this key are its own; None, where there are none yet, fits everyone."""
        if serving is None or self.key:
            return serving in (None, self.key)
        return serving.rpartition("/")[0] == self.embedder.name

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        vectors = await self.embedder.embed(texts, kind)
        if len(texts):
            self.key = f"{self.embedder.name}/{vectors.shape[1]}"
        return vectors

    async def query(self, text: str) -> Vectors:
        """Of shape (dimensions,)."""
        vector = self._queries.pop(text, None)
        if vector is None:
            vector = (await self.embed([text], "query"))[0]
        self._queries[text] = vector  # the newest last
        if len(self._queries) > REMEMBERED:
            del self._queries[next(iter(self._queries))]
        return vector

    def likeness(self, cosines: Mapping[int, float]) -> dict[int, float]:
        """Each cosine as 0..1: 0 as unrelated texts are, 1 as a good answer is."""
        low, high = self.cosines
        return {id: min(1.0, max(0.0, (cosine - low) / (high - low))) for id, cosine in cosines.items()}
