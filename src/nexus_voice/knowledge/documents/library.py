"""Documents and their chunks. Every function takes the connection of a transaction.

What a scope may not see does not exist for it. A scope of None is the program itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from ...core.access import Scope
from ...core.errors import BadInput
from ...storage.columns import now
from ...storage.schema import chunks, documents
from ...text.folding import indexed
from ..reading.chunks import READER_VERSION, Chunk, Reading
from .originals import load, sweep
from .permissions import READ, WRITE, allowed, within
from .records import DocumentInfo, Origin, Outcome, StoredChunk
from .revisions import changed


def find(connection: sa.Connection, origin: Origin) -> DocumentInfo | None:
    """The document of this origin, whoever asks."""
    row = connection.execute(sa.select(documents).where(_same(origin))).one_or_none()
    return _info(row) if row else None


def document(
    connection: sa.Connection, id: str, scope: Scope | None, roles: Iterable[Any] = READ
) -> DocumentInfo | None:
    statement = sa.select(documents).where(
        documents.c.id == id, within(documents.c.collection_id, scope, roles)
    )
    row = connection.execute(statement).one_or_none()
    return _info(row) if row else None


def listing(
    connection: sa.Connection,
    scope: Scope | None,
    collection: str | None = None,
    source: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[DocumentInfo]:
    """By title. `after` is the `place` of the last document of the page before."""
    statement = sa.select(documents).where(within(documents.c.collection_id, scope))
    if collection is not None:
        statement = statement.where(documents.c.collection_id == collection)
    if source is not None:
        statement = statement.where(documents.c.source == source)
    if after is not None:
        place = sa.tuple_(sa.literal(after[32:]), sa.literal(after[:32]))
        statement = statement.where(sa.tuple_(documents.c.title, documents.c.id) > place)
    statement = statement.order_by(documents.c.title, documents.c.id).limit(limit)
    return [_info(row) for row in connection.execute(statement)]


def put(
    connection: sa.Connection,
    origin: Origin,
    reading: Reading,
    *,
    digest: str,
    size: int,
    original: str | None,
    part_of: str | None = None,
) -> tuple[DocumentInfo, Outcome]:
    """Add the document, or replace the one of the same origin, whose id stays. Its chunks are found by their
    words from then on. `original` must be kept already."""
    changed(connection)
    known = find(connection, origin)
    if not allowed(connection, origin.collection, None, WRITE):
        raise BadInput("There is no such collection.", code="not_found", status=404)
    values = {
        "id": known.id if known else uuid4().hex,
        "collection_id": origin.collection,
        "source": origin.source,
        "name": origin.name,
        "title": reading.title,
        "type": reading.type or origin.type,
        "digest": digest,
        "original": original,
        "fingerprint": origin.fingerprint,
        "bytes": size,
        "pages": reading.pages,
        "chunks": len(reading.chunks),
        "added": now(),
        "warnings": list(reading.warnings),
        "reader": READER_VERSION,
        "part_of": part_of or (known.part_of if known else None),
    }
    if known:
        connection.execute(chunks.delete().where(chunks.c.document_id == known.id))
        connection.execute(documents.update().where(documents.c.id == known.id).values(values))
        if known.original != original:
            sweep(connection, known.original)
    else:
        connection.execute(documents.insert().values(values))
    _add(connection, str(values["id"]), reading.title, reading.chunks)
    info = document(connection, str(values["id"]), None)
    assert info is not None
    return info, "updated" if known else "added"


def refresh(connection: sa.Connection, id: str, fingerprint: str) -> None:
    """Note that the source has another version of the document with the same content."""
    connection.execute(documents.update().where(documents.c.id == id).values(fingerprint=fingerprint))


def parts_of(connection: sa.Connection, id: str) -> list[str]:
    """The ids of the attachments of a document."""
    return list(connection.scalars(sa.select(documents.c.id).where(documents.c.part_of == id)))


def delete(connection: sa.Connection, id: str, scope: Scope | None) -> bool:
    """Whether there was such a document that the scope may change. No search finds it and its attachments any
    more."""
    changed(connection)
    known = document(connection, id, scope, WRITE)
    if known is None:
        return False
    for part in parts_of(connection, id):
        delete(connection, part, None)
    connection.execute(chunks.delete().where(chunks.c.document_id == id))
    gone = connection.execute(documents.delete().where(documents.c.id == id)).rowcount > 0
    sweep(connection, known.original)
    return gone


def change(
    connection: sa.Connection,
    id: str,
    scope: Scope | None,
    collection: str | None,
    name: str | None,
    title: str | None,
) -> DocumentInfo | None:
    """Give a document another collection, name or title. None if there is no such document or collection that
    the scope may change. Raises `BadInput` if another document is there already. A new title makes new
    chunks, which have no vectors yet."""
    changed(connection)
    known = document(connection, id, scope, WRITE)
    if known is None:
        return None
    new = replace(
        known,
        collection=collection or known.collection,
        name=_new_or(name, known.name),
        title=_new_or(title, known.title),
    )
    if not allowed(connection, new.collection, scope, WRITE):
        return None
    taken = find(connection, Origin(new.name, new.collection, new.source))
    if taken and taken.id != id:
        raise BadInput(f"There is already a document “{new.name}” there.", code="name_taken", status=409)
    if new.title != known.title:
        pieces = [
            Chunk(one.text, one.path, one.position, one.page, one.page_starts)
            for one in chunks_of(connection, id, None)
        ]
        connection.execute(chunks.delete().where(chunks.c.document_id == id))
        _add(connection, id, new.title, pieces)
    values = {"collection_id": new.collection, "name": new.name, "title": new.title}
    connection.execute(documents.update().where(documents.c.id == id).values(values))
    if new.collection != known.collection:
        moved = documents.update().where(documents.c.part_of == id)
        connection.execute(moved.values(collection_id=new.collection))
    return document(connection, id, None)


def original(connection: sa.Connection, id: str, scope: Scope | None) -> tuple[str, str, bytes] | None:
    """(name, media type, bytes) of the file that the document was read from."""
    found = document(connection, id, scope)
    data = load(connection, found.original) if found and found.original else None
    return None if found is None or data is None else (found.name, found.type, data)


def chunks_of(
    connection: sa.Connection, id: str, scope: Scope | None, first: int = 0, last: int | None = None
) -> list[StoredChunk]:
    """Those chunks of a document whose position is from `first` to `last`, in reading order."""
    statement = _stored(scope).where(chunks.c.document_id == id, chunks.c.position >= first)
    if last is not None:
        statement = statement.where(chunks.c.position <= last)
    return [_chunk(row) for row in connection.execute(statement.order_by(chunks.c.position, chunks.c.id))]


def stored(connection: sa.Connection, ids: Iterable[int], scope: Scope | None) -> dict[int, StoredChunk]:
    """The chunks among `ids` that (still) exist for the scope."""
    statement = _stored(scope).where(chunks.c.id.in_(list(ids)))
    return {row.id: _chunk(row) for row in connection.execute(statement)}


def texts(connection: sa.Connection, limit: int, scope: Scope | None) -> list[StoredChunk]:
    """The first `limit` chunks of the scope's documents, in reading order."""
    order = documents.c.added, documents.c.id, chunks.c.position
    return [_chunk(row) for row in connection.execute(_stored(scope).order_by(*order).limit(limit))]


def count(connection: sa.Connection) -> int:
    """How many chunks all documents have."""
    return connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(documents.c.chunks), 0))) or 0


def _add(connection: sa.Connection, id: str, title: str, pieces: Sequence[Chunk]) -> None:
    rows = []
    for piece in pieces:
        heading = " › ".join([title, *piece.path])
        rows.append(
            {
                "document_id": id,
                "position": piece.start,
                "page": piece.page,
                "page_starts": piece.page_starts or None,
                "path": list(piece.path),
                "heading": heading,
                "text": piece.text,
                "heading_words": indexed(heading),
                "text_words": indexed(piece.text),
            }
        )
    if rows:
        connection.execute(chunks.insert(), rows)


def _new_or(new: str | None, old: str) -> str:
    if new is None:
        return old
    if not (new := new.strip()):
        raise BadInput("A document needs a name and a title.", code="name_missing")
    return new


def _same(origin: Origin) -> sa.ColumnElement[bool]:
    return sa.and_(
        documents.c.collection_id == origin.collection,
        documents.c.source == origin.source,
        documents.c.name == origin.name,
    )


def _info(row: Any) -> DocumentInfo:
    values = dict(row._mapping)
    warnings = tuple(values.pop("warnings"))
    return DocumentInfo(collection=values.pop("collection_id"), warnings=warnings, **values)


def _stored(scope: Scope | None) -> sa.Select[Any]:
    return (
        sa.select(
            chunks.c.id, chunks.c.document_id, documents.c.title, chunks.c.path, chunks.c.heading,
            chunks.c.text, chunks.c.position, chunks.c.page, documents.c.type,
            chunks.c.page_starts,
        )
        .select_from(chunks)
        .join(documents)
        .where(within(documents.c.collection_id, scope))
    )  # fmt: skip


def _chunk(row: Any) -> StoredChunk:
    return StoredChunk(
        row.id, row.document_id, row.title, tuple(row.path), row.heading, row.text, row.position, row.page,
        row.type, tuple((offset, page) for offset, page in row.page_starts or ()),
    )  # fmt: skip
