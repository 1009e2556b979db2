"""Finds chunks by their words, and by the vectors that an embedder made of them.

Every method takes the connection of a transaction, and reads what that reads. `seen` are the collections
that may be searched (`permissions.visible`, in the same transaction). `key`, "name/dimensions", tells one
embedder's vectors from another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import sqlalchemy as sa

from ...storage.schema import chunks, documents, state, vectors
from ..documents.revisions import changed, revision
from .frequent import Counts

if TYPE_CHECKING:
    from ...ports import Vectors


class Near(NamedTuple):
    """`ids` of the nearest chunks, best first. `cosines` are the inner products of these chunks and of others
    that were asked for."""

    ids: list[int]
    cosines: dict[int, float]


class Index(Protocol):
    def frequencies(self, connection: sa.Connection, words: Sequence[str]) -> Counts:
        """How many chunks hold each of `words` or another form of it. In a large base it is an estimate."""
        ...

    def match(
        self, connection: sa.Connection, words: Sequence[str], counts: Counts, seen: Sequence[str], limit: int
    ) -> dict[int, float]:
        """Chunks that hold some of `words`, best first, each with a score above 0, whose scale is the
        index's own. A word counts the more, the rarer it is and
        the shorter the chunk, and more in a heading. Very common words are only looked for when there are
        no rarer ones. `counts` are the `frequencies` of the words."""
        ...

    def nearest(
        self,
        connection: sa.Connection,
        key: str,
        vector: Vectors,
        seen: Sequence[str],
        limit: int,
        also: Sequence[int],
    ) -> Near | None:
        """The chunks whose vectors have the greatest inner product with `vector`, of shape (dimensions,).
        None if the vectors of `key` are not those that are searched now. `also` are other chunks whose inner
        products are wanted, if they have a vector."""
        ...

    def keep(self, connection: sa.Connection, key: str, ids: Sequence[int], made: Vectors) -> None:
        """Store the vectors of chunks in place of older ones."""
        ...

    def prepare(self, connection: sa.Connection, key: str) -> None:
        """Get ready to search the vectors of `key`, while others are still searched."""
        ...

    def forget(self, connection: sa.Connection, key: str) -> None:
        """Delete all vectors but those of `key`."""
        ...


def unembedded(
    connection: sa.Connection, key: str, limit: int, after: int, document: str | None
) -> list[tuple[int, str, str]]:
    """(id, heading, text) of the first chunks with an id above `after` that have no vector of `key`; of one
    document if it is given."""
    statement = sa.select(chunks.c.id, chunks.c.heading, chunks.c.text)
    statement = statement.where(chunks.c.id > after, ~_embedded(key))
    if document is not None:
        statement = statement.where(chunks.c.document_id == document)
    return [
        (id, heading, text)
        for id, heading, text in connection.execute(statement.order_by(chunks.c.id).limit(limit))
    ]


def missing(connection: sa.Connection, key: str, document: str) -> tuple[int, int]:
    """(chunks of the document without a vector of `key`, all of its chunks)."""
    every = sa.select(sa.func.count()).select_from(chunks).where(chunks.c.document_id == document)
    lacking = every.where(~_embedded(key))
    left, total = connection.execute(sa.select(lacking.scalar_subquery(), every.scalar_subquery())).one()
    return left, total


def embed(connection: sa.Connection, index: Index, key: str, ids: Sequence[int], made: Vectors) -> None:
    """Store the vectors of those chunks that still exist. The first vectors ever stored make their embedder
    the one that is searched."""
    if revision(connection).embedder in (None, key):  # else no search is affected
        changed(connection)
        connection.execute(state.update().where(state.c.embedder.is_(None)).values(embedder=key))
    there = set(
        connection.scalars(sa.select(chunks.c.id).where(chunks.c.id.in_(ids)).with_for_update(key_share=True))
    )
    places = [place for place, id in enumerate(ids) if id in there]
    if places:
        index.keep(connection, key, [ids[place] for place in places], made[places])


def serve(connection: sa.Connection, index: Index, key: str) -> None:
    """Search the vectors of `key` from now on, and delete all others."""
    changed(connection)
    connection.execute(state.update().values(embedder=key))
    index.forget(connection, key)


def count_vectors(connection: sa.Connection, key: str) -> tuple[int, int]:
    """(chunks with a vector of `key`, all chunks)."""
    done = sa.select(sa.func.count()).select_from(vectors).where(vectors.c.embedder == key)
    total = sa.select(sa.func.coalesce(sa.func.sum(documents.c.chunks), 0))
    have, all = connection.execute(sa.select(done.scalar_subquery(), total.scalar_subquery())).one()
    return have, all


def _embedded(key: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(vectors.c.embedder == key, vectors.c.chunk_id == chunks.c.id)
