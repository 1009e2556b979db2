"""Searches words with FTS5 and vectors with FAISS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from ...storage.schema import collections, documents
from ..documents.revisions import revision
from .frequent import Counts, Frequencies, rarest
from .mirror import VECTOR_TYPE, Mirror
from .protocol import Near

if TYPE_CHECKING:
    from ...ports import Vectors

HEADING_WEIGHT = 2.0
"""BM25 weight of a word in the title or a heading, against 1 in the text."""

MAX_RANKED = 4_000
"""Chunks that are ranked for one search, roughly; each takes some microseconds."""
COUNT = sa.text("SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH :words")
EVERYWHERE = sa.text("""SELECT rowid, bm25(chunks_fts, :heading, 1.0) AS score FROM chunks_fts
    WHERE chunks_fts MATCH :words ORDER BY score, rowid LIMIT :limit""")
WITHIN = sa.text("""SELECT chunks_fts.rowid, bm25(chunks_fts, :heading, 1.0) AS score FROM chunks_fts
    CROSS JOIN chunks ON chunks.id = chunks_fts.rowid
    CROSS JOIN documents ON documents.id = chunks.document_id
    WHERE chunks_fts MATCH :words AND documents.collection_id IN (SELECT value FROM json_each(:seen))
    ORDER BY score, chunks_fts.rowid LIMIT :limit""")
KEEP = "INSERT OR REPLACE INTO vectors (embedder, chunk_id, embedding) VALUES (?, ?, ?)"


class SqliteIndex:
    """The vectors of each embedder in use are mirrored in memory."""

    def __init__(self) -> None:
        self._frequencies = Frequencies(_count)
        self._mirrors: dict[str, Mirror] = {}
        self._next = ""
        self._lock = Lock()

    def frequencies(self, connection: sa.Connection, words: Sequence[str]) -> Counts:
        return self._frequencies(connection, words)

    def match(
        self, connection: sa.Connection, words: Sequence[str], counts: Counts, seen: Sequence[str], limit: int
    ) -> dict[int, float]:
        words = rarest(words, counts.held, MAX_RANKED)
        if not words or not seen:
            return {}
        statement = EVERYWHERE if _all(connection, seen) else WITHIN
        values = {"words": _query(words), "heading": HEADING_WEIGHT, "limit": limit}
        if statement is WITHIN:
            values["seen"] = json.dumps(list(seen))
        return {id: -score for id, score in connection.execute(statement, values)}  # FTS5's is negative

    def nearest(
        self,
        connection: sa.Connection,
        key: str,
        vector: Vectors,
        seen: Sequence[str],
        limit: int,
        also: Sequence[int],
    ) -> Near | None:
        if (mirror := self._serving(connection, key)) is None:
            return None
        ids = mirror.nearest(vector, seen, limit)
        return Near(ids, mirror.cosines(vector, [*{*ids, *also}]))

    def keep(self, connection: sa.Connection, key: str, ids: Sequence[int], made: Vectors) -> None:
        cursor = connection.connection.cursor()
        halves = np.ascontiguousarray(made, VECTOR_TYPE)
        cursor.executemany(KEEP, [(key, id, half.tobytes()) for id, half in zip(ids, halves, strict=True)])
        cursor.close()

    def prepare(self, connection: sa.Connection, key: str) -> None:
        self._next = key
        self._mirror(key).sync(connection, revision(connection))

    def forget(self, connection: sa.Connection, key: str) -> None:
        connection.execute(sa.text("DELETE FROM vectors WHERE embedder != :key"), {"key": key})

    def _serving(self, connection: sa.Connection, key: str) -> Mirror | None:
        now = revision(connection)
        if now.embedder != key:
            return None
        mirror = self._mirror(key)
        mirror.sync(connection, now)
        return mirror

    def _mirror(self, key: str) -> Mirror:
        """The mirrors of earlier embedders are dropped."""
        with self._lock:
            self._mirrors = {one: kept for one, kept in self._mirrors.items() if one in (key, self._next)}
            return self._mirrors.setdefault(key, Mirror(key))


def _count(connection: sa.Connection, words: Sequence[str], _: int) -> list[int]:
    return [int(connection.execute(COUNT, {"words": _query([word])}).scalar_one()) for word in words]


def _all(connection: sa.Connection, seen: Sequence[str]) -> bool:
    """Whether every document is in one of the collections `seen`."""
    held = sa.exists().where(documents.c.collection_id == collections.c.id)
    statement = sa.select(collections.c.id).where(collections.c.id.not_in(seen), held).limit(1)
    return connection.execute(statement).first() is None


def _query(words: Sequence[str]) -> str:
    """An FTS5 expression for any of `words`; quoted, so that nothing in them is syntax."""
    return " OR ".join('"' + word.replace('"', " ") + '"' for word in words)
