"""The vector index: FAISS in memory, a mirror of one embedder's vectors in the store."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from .store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import Vectors


class VectorIndex:
    """Exact search by inner product, which is the cosine for rows of unit length. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index: Any = None
        self._ids: set[int] = set()
        self._revision = -1
        self._frozen = False
        self._lock = Lock()

    def sync(self, embedder: str) -> bool:
        """Follow the store, whoever changed it; costs one small query when nothing did. Whether the vectors
        of `embedder` are those that are searched: if not, they may be incomplete, or gone."""
        with self._lock:
            if self._frozen:
                return True
            revision, serving = self._store.state()  # first: a change during the rest is seen next time
            if serving != embedder:
                return False
            if revision != self._revision:
                self._load(embedder)
                self._revision = revision
            return True

    def load(self, embedder: str) -> None:
        """Take in what there is, while another embedder's vectors are still searched."""
        with self._lock:
            self._load(embedder)

    def freeze(self) -> None:
        """Stay as it is: for the searches that are under way when another index takes over."""
        with self._lock:
            self._frozen = True

    def nearest(self, vector: Vectors, k: int) -> list[int]:
        """Ids of the `k` nearest chunks, best first. `vector` has shape (dimensions,)."""
        with self._lock:
            if not self._ids:
                return []
            _, ids = self._index.search(vector[None], k)
        return [int(id) for id in ids[0] if id >= 0]

    def cosines(self, vector: Vectors, ids: list[int]) -> dict[int, float]:
        """The cosine between `vector` and each of `ids` that is in the index."""
        with self._lock:
            present = [id for id in ids if id in self._ids]
            rows: list[NDArray[np.float32]] = [self._index.reconstruct(id) for id in present]
        return {id: float(vector @ row) for id, row in zip(present, rows, strict=True)}

    def _load(self, embedder: str) -> None:
        stored = set(self._store.embedded(embedder))
        if gone := self._ids - stored:
            self._index.remove_ids(faiss.IDSelectorBatch(np.array(sorted(gone), np.int64)))
        if pairs := list(self._store.vectors(embedder, sorted(stored - self._ids))):
            matrix = np.frombuffer(b"".join(vector for _, vector in pairs), "<f4").reshape(len(pairs), -1)
            if self._index is None:
                self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(matrix.shape[1]))
            self._index.add_with_ids(matrix, np.array([id for id, _ in pairs], np.int64))
        self._ids = (self._ids & stored) | {id for id, _ in pairs}
