"""Documents and chunks in SQLite, with the word index. Synchronous: call it from a worker thread.

One thread hop for a whole operation is faster than one for each statement, and it runs on asyncio
and trio alike; so this is SQLAlchemy's synchronous core rather than its asyncio layer.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from ..domain.errors import EngineError
from . import schema
from .chunks import Chunk
from .schema import chunks, documents, state, vectors

if TYPE_CHECKING:
    from ..ports import Vectors

HEADING_WEIGHT = 2.0
"""BM25 weight of a word in the title or a heading, against 1 in the text."""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document in the knowledge base; `bytes` is the size of the file it came from."""

    id: str
    name: str
    title: str
    chunks: int
    bytes: int
    added: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A chunk with its document's title; `heading` is title and path in one line."""

    id: int
    document: str
    title: str
    path: tuple[str, ...]
    heading: str
    text: str
    position: int


class Store:
    """One SQLite file. Every method is one transaction; safe in several threads and processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
        sa.event.listen(self._engine, "connect", _configure)
        try:
            with self._engine.connect() as connection:
                schema.create(connection)
        except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
            self.close()
            raise EngineError(
                f"The knowledge base {path} cannot be opened ({error.__cause__ or error}). "
                "Move it away, and the documents can be added again.",
                code="knowledge_unreadable",
            ) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._engine.dispose()

    def state(self) -> tuple[int, str | None]:
        """(a count of changes, the embedder whose vectors are searched)."""
        with self._engine.connect() as connection:
            revision, embedder = connection.execute(sa.select(state.c.revision, state.c.embedder)).one()
        return revision, embedder

    def find(self, name: str) -> tuple[DocumentInfo, str] | None:
        """The document called `name` and its digest."""
        with self._engine.connect() as connection:
            row = connection.execute(_infos().where(documents.c.name == name)).one_or_none()
        return (_info(row), row.digest) if row else None

    def documents(self) -> list[DocumentInfo]:
        with self._engine.connect() as connection:
            return [_info(row) for row in connection.execute(_infos().order_by(documents.c.title))]

    def put(
        self,
        name: str,
        title: str,
        digest: str,
        size: int,
        pieces: Sequence[Chunk],
        embedder: str,
        made: Vectors | None,
    ) -> DocumentInfo:
        """Add the document, or replace the one of that name, all at once. Its id stays. `made` are the
        pieces' vectors by `embedder`, if it has them."""
        with self._engine.begin() as connection:
            _count(connection)  # the write lock, before anything is read
            found = connection.execute(sa.select(documents.c.id).where(documents.c.name == name)).scalar()
            id, added = found or uuid4().hex, datetime.now(UTC).replace(tzinfo=None)
            if found:
                connection.execute(chunks.delete().where(chunks.c.document_id == id))
                connection.execute(documents.delete().where(documents.c.id == id))
            connection.execute(
                documents.insert().values(
                    id=id, name=name, title=title, digest=digest, bytes=size, added=added
                )
            )
            rows = [
                {
                    "document_id": id,
                    "position": piece.start,
                    "path": list(piece.path),
                    "heading": " › ".join([title, *piece.path]),
                    "text": piece.text,
                }
                for piece in pieces
            ]
            new = chunks.insert().returning(chunks.c.id, sort_by_parameter_order=True)
            ids = connection.execute(new, rows).scalars().all()
            if made is not None:
                _keep(connection, embedder, zip(ids, made, strict=True))
        return DocumentInfo(id, name, title, len(rows), size, added.replace(tzinfo=UTC))

    def delete(self, id: str) -> bool:
        with self._engine.begin() as connection:
            _count(connection)
            connection.execute(chunks.delete().where(chunks.c.document_id == id))
            return connection.execute(documents.delete().where(documents.c.id == id)).rowcount > 0

    def match(self, words: Sequence[str], limit: int) -> list[int]:
        """Ids of the chunks that hold any of `words`, best BM25 first."""
        if not words:
            return []
        statement = sa.text(
            "SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH :words"
            " ORDER BY bm25(chunks_fts, :heading, 1.0) LIMIT :limit"
        )
        with self._engine.connect() as connection:
            found = connection.execute(
                statement, {"words": _query(words), "heading": HEADING_WEIGHT, "limit": limit}
            )
            return list(found.scalars())

    def frequencies(self, words: Sequence[str]) -> tuple[int, list[int]]:
        """(number of chunks, how many hold each of `words`)."""
        count = "SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH"
        counts = [sa.text(f"({count} :word{place})") for place in range(len(words))]
        statement = sa.select(sa.select(sa.func.count()).select_from(chunks).scalar_subquery(), *counts)
        with self._engine.connect() as connection:
            found = {f"word{place}": _query([word]) for place, word in enumerate(words)}
            total, *each = connection.execute(statement, found).one()
        return total, each

    def chunks(self, ids: Iterable[int]) -> dict[int, Stored]:
        """Those of `ids` that (still) exist."""
        statement = _stored().where(chunks.c.id.in_(list(ids)))
        with self._engine.connect() as connection:
            return {row.id: _chunk(row) for row in connection.execute(statement)}

    def texts(self, limit: int) -> list[Stored]:
        """The first `limit` chunks of all documents, in reading order."""
        statement = _stored().order_by(documents.c.added, documents.c.id, chunks.c.position).limit(limit)
        with self._engine.connect() as connection:
            return [_chunk(row) for row in connection.execute(statement)]

    def unembedded(self, embedder: str, after: int, limit: int) -> list[tuple[int, str, str]]:
        """(id, heading, text) of the first chunks past the id `after` without a vector of `embedder`."""
        has = sa.select(vectors).where(vectors.c.embedder == embedder, vectors.c.chunk_id == chunks.c.id)
        statement = (
            sa.select(chunks.c.id, chunks.c.heading, chunks.c.text)
            .where(chunks.c.id > after, ~has.exists())
            .order_by(chunks.c.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [(id, heading, text) for id, heading, text in connection.execute(statement)]

    def embed(self, embedder: str, ids: Sequence[int], made: Vectors) -> None:
        """Keep the vectors of chunks; those deleted meanwhile are passed over."""
        with self._engine.begin() as connection:
            # A change for those only who search these vectors.
            _count(connection, sa.func.coalesce(state.c.embedder, embedder) == embedder)
            there = set(connection.execute(sa.select(chunks.c.id).where(chunks.c.id.in_(ids))).scalars())
            pairs = [(id, vector) for id, vector in zip(ids, made, strict=True) if id in there]
            _keep(connection, embedder, pairs)

    def serve(self, embedder: str) -> None:
        """From now on the vectors of `embedder` are searched, and those of all others are gone."""
        with self._engine.begin() as connection:
            _count(connection)
            connection.execute(state.update().values(embedder=embedder))
            connection.execute(vectors.delete().where(vectors.c.embedder != embedder))

    def progress(self, embedder: str) -> tuple[int, int]:
        """(chunks with a vector of `embedder`, all chunks)."""
        count = sa.select(sa.func.count())
        done = count.select_from(vectors).where(vectors.c.embedder == embedder).scalar_subquery()
        with self._engine.connect() as connection:
            have, total = connection.execute(
                sa.select(done, count.select_from(chunks).scalar_subquery())
            ).one()
        return have, total

    def embedded(self, embedder: str) -> list[int]:
        """Ids of the chunks with a vector of `embedder`."""
        with self._engine.connect() as connection:
            statement = sa.select(vectors.c.chunk_id).where(vectors.c.embedder == embedder)
            return list(connection.execute(statement).scalars())

    def vectors(self, embedder: str, ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """(id, float32 vector by `embedder`) of those of `ids` that have one."""
        wanted = sa.select(sa.func.json_each(json.dumps(list(ids))).table_valued("value").c.value)
        statement = sa.select(vectors.c.chunk_id, vectors.c.embedding).where(
            vectors.c.embedder == embedder, vectors.c.chunk_id.in_(wanted)
        )
        with self._engine.connect() as connection:
            for row in connection.execute(statement):
                yield row.chunk_id, row.embedding


def _configure(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 10000")


def _count(connection: sa.Connection, *only: sa.ColumnElement[bool]) -> None:
    connection.execute(state.update().where(*only).values(revision=state.c.revision + 1))


def _keep(connection: sa.Connection, embedder: str, made: Iterable[tuple[int, Any]]) -> None:
    """The first vectors of all make their embedder the one that is searched."""
    rows = [
        {"embedder": embedder, "chunk_id": id, "embedding": vector.astype("<f4").tobytes()}
        for id, vector in made
    ]
    if rows:
        connection.execute(vectors.insert().prefix_with("OR REPLACE"), rows)
        connection.execute(state.update().where(state.c.embedder.is_(None)).values(embedder=embedder))


def _query(words: Sequence[str]) -> str:
    """An FTS5 expression for any of `words`; quoted, so that nothing in them is syntax."""
    return " OR ".join('"' + word.replace('"', " ") + '"' for word in words)


def _infos() -> sa.Select[Any]:
    count = sa.select(sa.func.count()).where(chunks.c.document_id == documents.c.id).scalar_subquery()
    return sa.select(documents, count.label("pieces"))


def _info(row: Any) -> DocumentInfo:
    return DocumentInfo(row.id, row.name, row.title, row.pieces, row.bytes, row.added.replace(tzinfo=UTC))


def _stored() -> sa.Select[Any]:
    return sa.select(
        chunks.c.id, chunks.c.document_id, chunks.c.path, chunks.c.heading, chunks.c.text, chunks.c.position,
        documents.c.title,
    ).join(documents)  # fmt: skip


def _chunk(row: Any) -> Stored:
    return Stored(row.id, row.document_id, row.title, tuple(row.path), row.heading, row.text, row.position)
