"""One embedder, its vectors, and what a cosine of two of them says about their meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ...ports import Calibrated, Embedder, Understands

if TYPE_CHECKING:
    from ...ports import Vectors

MINILM_COSINES = (0.15, 0.65)
"""Roughly MiniLM's cosine of unrelated texts, and of a question with its answer."""
MAX_KEPT_QUERIES = 256
"""Vectors of queries that are kept: a question is searched as a partial transcript, then as the final one."""
MAX_KEPT_QUERY_CHARS = 1_000
"""A longer query is not kept, so that those that are take little memory."""


class Meaning:
    """`key`, "name/dimensions", tells its vectors from those of other embedders; it is "" until the embedder
    has been used. `cosines` are those of unrelated texts and of a question with its answer: the embedder's
    own if it knows them, else MiniLM's."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder, self.key = embedder, ""
        self.cosines = embedder.cosines if isinstance(embedder, Calibrated) else MINILM_COSINES
        self._queries: dict[str, Vectors] = {}

    def fits(self, serving: str | None) -> bool:
        """Whether the vectors of the key `serving` are its own. None means that no vectors are stored yet,
        and fits every embedder."""
        if serving is None or self.key:
            return serving in (None, self.key)
        return serving.rpartition("/")[0] == self.embedder.name

    def understands(self, text: str) -> bool:
        return not isinstance(self.embedder, Understands) or self.embedder.understands(text)

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
        if len(text) <= MAX_KEPT_QUERY_CHARS:
            self._queries[text] = vector  # the newest last
        if len(self._queries) > MAX_KEPT_QUERIES:
            del self._queries[next(iter(self._queries))]
        return vector

    def likeness(self, cosines: Mapping[int, float]) -> dict[int, float]:
        """Each cosine on a scale on which unrelated texts have about 0, and a question and its answer 1."""
        low, high = self.cosines
        return {id: (cosine - low) / (high - low) for id, cosine in cosines.items()}
