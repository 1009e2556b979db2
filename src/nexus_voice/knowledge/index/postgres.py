"""Words by tsvector, vectors by pgvector."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType

from ...domain.access import Scope
from ..storage.revisions import revision
from ..storage.schema import chunks, documents
from ..storage.sharing import visible
from .frequent import Frequencies, telling

if TYPE_CHECKING:
    from ...ports import Vectors

WEIGHTS: sa.ColumnElement[Any] = sa.literal_column("'{0, 0, 0.5, 1}'::real[]")
"""Of a word in the text and in a heading: the third and the fourth."""
BY_LENGTH = 1
"""`ts_rank` divides by 1 + the logarithm of the length."""
INDEXED = 4_000
"""Most dimensions that pgvector makes an index of; beyond, a search looks at every vector."""
RANKED = 2_000
"""Chunks that are ranked, about, at some microseconds each."""
COUNTED = 2_000
"""Chunks that hold a word, up to which they are counted one by one."""
ESTIMATE = """EXPLAIN (FORMAT JSON) SELECT 1 FROM chunks
    WHERE words @@ phraseto_tsquery('nexus', nexus_plain(%(word)s))"""
LOOKED_AT = 100
"""Neighbours that a search keeps in view (`hnsw.ef_search`): more find more of the true ones."""

SETTINGS = sa.text(
    "SELECT set_config('hnsw.iterative_scan', 'strict_order', true),"
    " set_config('hnsw.ef_search', :looked_at, true)"
)
"""Until the end of the transaction; the first makes a search within a scope look on, though not for ever."""

words_of: sa.ColumnElement[Any] = sa.column("words")
vectors = sa.table("vectors", sa.column("embedder"), sa.column("chunk_id"), sa.column("embedding"))


class HalfVector(UserDefinedType[Any]):
    """Half precision, as in SQLite; given as text, `[1,2,3]`."""

    cache_ok = True

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def get_col_spec(self, **_: Any) -> str:
        return f"halfvec({self.dimensions})"


class PostgresIndex:
    def __init__(self) -> None:
        self._frequencies = Frequencies(_count)

    def match(self, connection: sa.Connection, words: Sequence[str], scope: Scope, limit: int) -> list[int]:
        total, counts = self.frequencies(connection, words)
        chosen = telling(words, counts, RANKED)
        seen = visible(connection, scope)
        if not chosen or not seen:
            return []
        held = dict(zip(words, counts, strict=True))
        either, rank = _query(chosen[0]), _rank(chosen[0], held, total)
        for word in chosen[1:]:
            either, rank = either.op("||")(_query(word)), rank + _rank(word, held, total)
        statement = (
            sa.select(chunks.c.id)
            .join(documents)
            .where(words_of.op("@@")(either), documents.c.collection_id.in_(seen))
            .order_by(sa.desc(rank), chunks.c.id)
            .limit(limit)
        )
        return list(connection.scalars(statement))

    def frequencies(self, connection: sa.Connection, words: Sequence[str]) -> tuple[int, list[int]]:
        return self._frequencies(connection, words)

    def nearest(
        self, connection: sa.Connection, key: str, vector: Vectors, scope: Scope, limit: int
    ) -> list[int] | None:
        if revision(connection).embedder != key:
            return None
        if not (seen := visible(connection, scope)):
            return []
        connection.execute(SETTINGS, {"looked_at": str(max(LOOKED_AT, limit))})
        statement = (
            sa.select(vectors.c.chunk_id)
            .join(chunks, chunks.c.id == vectors.c.chunk_id)
            .join(documents)
            .where(_by(key), documents.c.collection_id.in_(seen))
            .limit(limit)
        )
        distance = _distance(key, vector)
        found = list(connection.scalars(statement.order_by(distance)))
        if len(found) < limit:  # the index gives up when others are nearer by the ten thousands
            found = list(connection.scalars(statement.order_by(distance + 0.0)))
        return found

    def cosines(
        self, connection: sa.Connection, key: str, vector: Vectors, ids: Sequence[int]
    ) -> dict[int, float]:
        statement = sa.select(vectors.c.chunk_id, -_distance(key, vector)).where(
            _by(key), vectors.c.chunk_id.in_(ids)
        )
        return {row[0]: row[1] for row in connection.execute(statement)}

    def keep(self, connection: sa.Connection, key: str, ids: Sequence[int], made: Vectors) -> None:
        _make_index(connection, key)
        statement = sa.text(
            "INSERT INTO vectors (embedder, chunk_id, embedding) VALUES (:key, :id, CAST(:vector AS halfvec))"
            " ON CONFLICT (chunk_id, embedder) DO UPDATE SET embedding = excluded.embedding"
        )
        rows = [{"key": key, "id": id, "vector": _text(one)} for id, one in zip(ids, made, strict=True)]
        connection.execute(statement, rows)

    def prepare(self, connection: sa.Connection, key: str) -> None:
        """Its index was made with its first vectors."""

    def forget(self, connection: sa.Connection, key: str) -> None:
        connection.execute(sa.text("DELETE FROM vectors WHERE embedder != :key"), {"key": key})
        indexes = sa.text(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'vectors'"
            " AND starts_with(indexname, 'vectors_hnsw_') AND indexname != :name"
        )
        for name in list(connection.scalars(indexes, {"name": _name(key)})):
            connection.exec_driver_sql(f"DROP INDEX {name}")


def _make_index(connection: sa.Connection, key: str) -> None:
    """While there are none of its vectors yet, so that nobody waits for it."""
    name, dimensions = _name(key), _dimensions(key)
    if dimensions > INDEXED or connection.scalar(sa.select(sa.func.to_regclass(name))) is not None:
        return
    only = _by(key).compile(connection, compile_kwargs={"literal_binds": True})
    connection.exec_driver_sql(
        f"CREATE INDEX IF NOT EXISTS {name} ON vectors"
        f" USING hnsw ((embedding::halfvec({dimensions})) halfvec_ip_ops) WHERE {only}"
    )


def _count(connection: sa.Connection, word: str) -> int:
    """Exact up to `COUNTED`; of a more common word, what the planner knows from its statistics."""
    some = sa.select(chunks.c.id).where(words_of.op("@@")(_query(word))).limit(COUNTED).subquery()
    found = connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    if found < COUNTED:
        return found
    (plan,) = connection.exec_driver_sql(ESTIMATE, {"word": word}).scalar_one()
    return max(found, int(plan["Plan"]["Plan Rows"]))


def _query(word: str) -> sa.ColumnElement[Any]:
    return sa.func.phraseto_tsquery(sa.literal_column("'nexus'"), sa.func.nexus_plain(word))


def _rank(word: str, held: Mapping[str, int], total: int) -> sa.ColumnElement[Any]:
    """`ts_rank` does not know how much a word tells: the rarer, the more."""
    weight = math.log(1 + total / held[word])
    return weight * sa.func.ts_rank(WEIGHTS, words_of, _query(word), BY_LENGTH)


def _by(key: str) -> sa.ColumnElement[bool]:
    """Written out, since the index is for this very condition."""
    return vectors.c.embedder == sa.literal(key, sa.Text, literal_execute=True)


def _distance(key: str, vector: Vectors) -> sa.ColumnElement[Any]:
    """The negative inner product, as the index has it."""
    type = HalfVector(_dimensions(key))
    return sa.cast(vectors.c.embedding, type).op("<#>", return_type=sa.Float())(sa.cast(_text(vector), type))


def _dimensions(key: str) -> int:
    return int(key.rpartition("/")[2])


def _name(key: str) -> str:
    return f"vectors_hnsw_{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _text(vector: Vectors) -> str:
    return f"[{','.join(f'{value:.7g}' for value in vector.tolist())}]"
