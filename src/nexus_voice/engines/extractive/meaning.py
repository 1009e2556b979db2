"""How close texts are in meaning, by an embedder whose vectors are kept: the same sentences come up again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.errors import Busy, EngineError
from ...ports import Calibrated, Embedder, Understands

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

UNRELATED_COSINE, RELATED_COSINE = 0.1, 0.7
"""MiniLM's cosines of a question with sentences that have nothing to do with it, and with its answer."""
MAX_CLOSENESS = 1.4
MAX_VECTORS = 4_000
"""Vectors kept (6 MB)."""


class Meanings:
    """Compares meanings with `embedder`; without one, or while it fails or is busy, nothing is known."""

    def __init__(self, embedder: Embedder | None) -> None:
        self.embedder = embedder
        self._known: dict[str, Vector] = {}

    def understands(self, question: str) -> bool:
        """Whether the embedder knows the question's language."""
        return not isinstance(self.embedder, Understands) or self.embedder.understands(question)

    async def learn(self, texts: Sequence[str]) -> bool:
        """Have the vectors of all texts. False if that is not possible now."""
        if self.embedder is None:
            return False
        if new := [text for text in dict.fromkeys(texts) if text not in self._known]:
            try:
                vectors = await self.embedder.embed(new, "query")
            except (EngineError, Busy):
                return False
            if len(self._known) + len(new) > MAX_VECTORS:
                kept = {text: self._known[text] for text in texts if text in self._known}
                self._known = kept
            self._known.update(zip(new, vectors, strict=True))
        return True

    def cosine(self, one: str, other: str) -> float:
        """Of two texts that were learnt; 0 for others."""
        if one not in self._known or other not in self._known:
            return 0.0
        return float(self._known[one] @ self._known[other])

    def closeness(self, one: str, other: str) -> float:
        """The same from 0 (nothing to do with each other) over 1 (question and answer) to `MAX_CLOSENESS`."""
        low, high = UNRELATED_COSINE, RELATED_COSINE
        if isinstance(self.embedder, Calibrated):
            low, high = self.embedder.cosines
        return min(MAX_CLOSENESS, max(0.0, (self.cosine(one, other) - low) / (high - low)))
