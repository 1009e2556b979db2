"""What finds chunks: by their words, and by the vectors that an embedder made of them.

Every method takes the connection of a transaction, and sees what that sees. `seen` are the collections that
may be seen (`sharing.visible`, in the same transaction): a search finds only what is in these. `key`,
"name/dimensions", tells one embedder's vectors from another's.
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
    """`ids` of the nearest chunks, best first; `cosines`: inner products of these and of others asked for."""

    ids: list[int]
    cosines: dict[int, float]


class Index(Protocol):
    def frequencies(self, connection: sa.Connection, words: Sequence[str]) -> Counts:
        """How many chunks hold each of `words`, or another form of it; roughly, in a large base."""
        ...

    def match(
        self, connection: sa.Connection, words: Sequence[str], counts: Counts, seen: Sequence[str], limit: int
    ) -> list[int]:
        """Ids of chunks that hold some of `words`, best first: the rarer a word and the shorter a chunk,
        the more it counts, and more in a heading. Very common words only count among rarer ones. `counts`
        are the `frequencies` of the words."""
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
        """The chunks whose vectors have the greatest inner product with `vector`, of shape (dimensions,);
        None while the vectors of `key` are not those that are searched. `also`: other chunks, whose inner
        products are told if they have a vector."""
        ...

    def keep(self, connection: sa.Connection, key: str, ids: Sequence[int], made: Vectors) -> None:
        """Keep the vectors of chunks in place of older ones."""
        ...

    def prepare(self, connection: sa.Connection, key: str) -> None:
        """Make ready to search the vectors of `key`, while others are still searched."""
        ...

    def forget(self, connection: sa.Connection, key: str) -> None:
        """Delete all vectors but those of `key`."""
        ...


def unembedded(
    connection: sa.Connection, key: str, limit: int, after: int, document: str | None
) -> list[tuple[int, str, str]]:
    """(id, heading, text) of the first chunks past the id `after` without a vector of `key`; of one
    document, if it is given."""
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
    """Keep the vectors of chunks; those deleted meanwhile are passed over. The first vectors of all make
    their embedder the one that is searched."""
    if revision(connection).embedder in (None, key):  # else nobody sees a change
        changed(connection)
        connection.execute(state.update().where(state.c.embedder.is_(None)).values(embedder=key))
    there = set(
        connection.scalars(sa.select(chunks.c.id).where(chunks.c.id.in_(ids)).with_for_update(key_share=True))
    )
    places = [place for place, id in enumerate(ids) if id in there]
    if places:
        index.keep(connection, key, [ids[place] for place in places], made[places])


def serve(connection: sa.Connection, index: Index, key: str) -> None:
    """From now on the vectors of `key` are searched, and those of all others are gone."""
    changed(connection)
    connection.execute(state.update().values(embedder=key))
    index.forget(connection, key)


def progress(connection: sa.Connection, key: str) -> tuple[int, int]:
    """(chunks with a vector of `key`, all chunks)."""
    done = sa.select(sa.func.count()).select_from(vectors).where(vectors.c.embedder == key)
    total = sa.select(sa.func.coalesce(sa.func.sum(documents.c.chunks), 0))
    have, all = connection.execute(sa.select(done.scalar_subquery(), total.scalar_subquery())).one()
    return have, all


def _embedded(key: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(vectors.c.embedder == key, vectors.c.chunk_id == chunks.c.id)
