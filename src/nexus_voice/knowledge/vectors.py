"""The vector index: FAISS in memory, a mirror of the embeddings in the store."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import faiss
import numpy as np

from .store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import Vectors


class VectorIndex:
    """Exact search by inner product, which is the cosine for rows of unit length. Thread-safe."""

    def __init__(self, store: Store, embedder: str, dimensions: int) -> None:
        self._store, self._embedder = store, embedder
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions))
        self._ids: set[int] = set()
        self._revision = -1
        self._lock = Lock()

    def sync(self) -> None:
        """Follow the store, whoever changed it; costs one small query when nothing did."""
        with self._lock:
            revision = self._store.revision()  # read first: a change during the rest is seen next time
            if revision == self._revision:
                return
            stored = set(self._store.embedded(self._embedder))
            if gone := self._ids - stored:
                self._index.remove_ids(faiss.IDSelectorBatch(np.array(sorted(gone), np.int64)))
            if pairs := list(self._store.vectors(sorted(stored - self._ids))):
                matrix = np.frombuffer(b"".join(vector for _, vector in pairs), "<f4").reshape(len(pairs), -1)
                self._index.add_with_ids(matrix, np.array([id for id, _ in pairs], np.int64))
            self._ids = (self._ids & stored) | {id for id, _ in pairs}
            self._revision = revision

    def nearest(self, vector: Vectors, k: int) -> list[int]:
        """Ids of the `k` nearest chunks, best first. `vector` has shape (dimensions,)."""
        with self._lock:
            _, ids = self._index.search(vector[None], k)
        return [int(id) for id in ids[0] if id >= 0]

    def cosines(self, vector: Vectors, ids: list[int]) -> dict[int, float]:
        """The cosine between `vector` and each of `ids` that is in the index."""
        with self._lock:
            present = [id for id in ids if id in self._ids]
            rows: list[NDArray[np.float32]] = [self._index.reconstruct(id) for id in present]
        return {id: float(vector @ row) for id, row in zip(present, rows, strict=True)}
