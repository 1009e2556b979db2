"""FAISS in memory: it mirrors one embedder's vectors in SQLite, and follows every change there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import sqlalchemy as sa

from ..documents.revisions import Revision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...ports import Vectors

FAISS: Any = faiss
"""Its type stubs lack much of it."""
BATCH_ROWS = 4_096
"""Rows that are read and added at a time."""
VECTOR_TYPE = "<f2"
"""Half precision, in the file and in memory: half the size and twice the speed, and a cosine is off by less
than 0.0002."""
MAX_DEAD_SHARE = 0.1
"""Rows whose chunk is gone are removed when they are a greater part of all rows."""

NEW = "SELECT seq, chunk_id, embedding FROM vectors WHERE seq > ? AND embedder = ? ORDER BY seq"
TOUCHED = "SELECT seq, chunk_id FROM touched WHERE seq > ? ORDER BY seq"
LAST_TOUCHED = "SELECT coalesce(max(seq), 0) FROM touched"
PLACES = """SELECT d.collection_id, group_concat(c.id) FROM documents d JOIN chunks c ON c.document_id = d.id
    GROUP BY d.collection_id"""
PLACES_OF = """SELECT d.collection_id, c.id FROM chunks c JOIN documents d ON d.id = c.document_id
    WHERE c.id IN (SELECT value FROM json_each(?))"""


class Mirror:
    """Exact search by inner product. Thread-safe: one search or change at a time.

    Each vector is a row. `_ids` are the chunks of the rows. `_places` are the numbers of their collections in
    `_numbers`, or -1 for a chunk that is gone.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        dimensions = int(key.rpartition("/")[2])
        self._index: Any = FAISS.IndexScalarQuantizer(
            dimensions, FAISS.ScalarQuantizer.QT_fp16, FAISS.METRIC_INNER_PRODUCT
        )
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._places: NDArray[np.int32] = np.empty(0, np.int32)
        self._order: NDArray[np.int64] = np.empty(0, np.int64)  # sorts the rows by chunk
        self._numbers: dict[str, int] = {}
        self._seen = Revision(-1, None)
        self._last = self._touched = 0
        self._dead = 0
        self._allowed: tuple[frozenset[int], Any] | None = None
        self._lock = Lock()

    def sync(self, connection: sa.Connection, now: Revision) -> None:
        """Follow the tables. Only what has changed since the last time is read."""
        with self._lock:
            if now.number <= self._seen.number:
                return
            cursor = connection.connection.cursor()
            try:
                self._follow(cursor, now)
            finally:
                cursor.close()

    def nearest(self, vector: Vectors, collections: Iterable[str], limit: int) -> list[int]:
        """Ids of the `limit` nearest chunks in these collections, best first."""
        with self._lock:
            allowed = frozenset(self._numbers[one] for one in collections if one in self._numbers)
            if not allowed or not len(self._ids):
                return []
            parameters = None
            if self._dead or len(allowed) < len(self._numbers):
                parameters = FAISS.SearchParameters(sel=self._those(allowed))
            FAISS.omp_set_num_threads(
                1
            )  # for this thread: a single query is not divided, but would wait for all threads
            _, rows = self._index.search(vector[None], limit, params=parameters)
            return [int(id) for id in self._ids[rows[0][rows[0] >= 0]]]

    def cosines(self, vector: Vectors, ids: Sequence[int]) -> dict[int, float]:
        with self._lock:
            rows = self._rows(np.asarray(ids, np.int64))
            rows = rows[self._places[rows] >= 0]
            if not len(rows):
                return {}
            matrix = self._index.reconstruct_batch(rows)
            return dict(zip(self._ids[rows].tolist(), (matrix @ vector).tolist(), strict=True))

    def _those(self, allowed: frozenset[int]) -> Any:
        if self._allowed is None or self._allowed[0] != allowed:
            self._allowed = allowed, _selector(np.isin(self._places, list(allowed)))
        return self._allowed[1]

    def _follow(self, cursor: Any, now: Revision) -> None:
        first = not len(self._ids)
        cursor.execute(NEW, (self._last, self.key))
        new = [self._add(rows, first) for rows in iter(lambda: cursor.fetchmany(BATCH_ROWS), [])]
        self._order = np.argsort(self._ids, kind="stable")
        touched = cursor.execute(TOUCHED, (self._touched,)).fetchall()
        changed = [*(id for ids in new for id in ids.tolist()), *(id for _, id in touched)]
        forgotten = bool(touched) and touched[0][0] > self._touched + 1
        if first or forgotten or len(changed) > BATCH_ROWS:
            self._compare(cursor)
        else:
            self._place(cursor, changed)
        (self._touched,) = cursor.execute(LAST_TOUCHED).fetchone()
        self._dead = int((self._places < 0).sum())
        if self._dead > MAX_DEAD_SHARE * len(self._ids):
            self._remove(self._places < 0)
        self._allowed, self._seen = None, now

    def _add(self, rows: list[tuple[int, int, bytes]], first: bool) -> NDArray[np.int64]:
        """Add rows of vectors in place of older ones of the same chunks; returns the chunks' ids."""
        ids = np.fromiter((id for _, id, _ in rows), np.int64, len(rows))
        if not first and (known := np.isin(self._ids, ids)).any():
            self._remove(known)
        codes = np.frombuffer(b"".join(embedding for _, _, embedding in rows), np.uint8)
        self._index.add_sa_codes(codes.reshape(len(rows), -1))
        self._ids = np.concatenate((self._ids, ids))
        self._places = np.concatenate((self._places, np.full(len(rows), -1, np.int32)))
        self._last = rows[-1][0]
        return ids

    def _remove(self, gone: NDArray[np.bool]) -> None:
        self._index.remove_ids(_selector(gone))
        self._ids, self._places = self._ids[~gone], self._places[~gone]
        self._order, self._dead = np.argsort(self._ids, kind="stable"), 0

    def _rows(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of those chunks among `ids` that have one."""
        if not len(self._ids):
            return np.empty(0, np.int64)
        found = np.searchsorted(self._ids, ids, sorter=self._order)
        rows: NDArray[np.int64] = self._order[np.minimum(found, len(self._ids) - 1)]
        there: NDArray[np.int64] = rows[self._ids[rows] == ids]
        return there

    def _compare(self, cursor: Any) -> None:
        """Look up the collection of every chunk, in one pass over an index."""
        self._places[:] = -1
        for collection, text in cursor.execute(PLACES).fetchall():
            self._places[self._rows(np.fromstring(text, np.int64, sep=","))] = self._numbered(collection)

    def _place(self, cursor: Any, ids: list[int]) -> None:
        """Look up the collections of these chunks."""
        self._places[self._rows(np.array(ids, np.int64))] = -1
        for collection, id in cursor.execute(PLACES_OF, (json.dumps(ids),)).fetchall():
            self._places[self._rows(np.array([id]))] = self._numbered(collection)

    def _numbered(self, collection: str) -> int:
        return self._numbers.setdefault(collection, len(self._numbers))


def _selector(rows: NDArray[np.bool]) -> Any:
    return FAISS.IDSelectorBitmap(np.packbits(rows, bitorder="little"))
