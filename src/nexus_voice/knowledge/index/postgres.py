"""Searches words with tsvector and vectors with pgvector."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType

from ...storage.schema import chunks, documents, state
from .frequent import Counts, Frequencies, rarest
from .protocol import Near

if TYPE_CHECKING:
    from ...ports import Vectors

RANK_WEIGHTS: sa.ColumnElement[Any] = sa.literal_column("'{0, 0, 0.5, 1}'::real[]")
"""The third is that of a word in the text, the fourth that of a word in a heading."""
BY_LOG_LENGTH = 1
"""Makes `ts_rank` divide by 1 + the logarithm of the length."""
MAX_INDEXED_DIMENSIONS = 4_000
"""pgvector makes no index of longer vectors; a search then looks at each of them."""
MAX_RANKED = 2_000
"""Chunks that are ranked for one search, roughly; each takes some microseconds."""
MAX_COUNTED = 2_000
"""Chunks with a word are counted one by one up to this number."""
COUNT = sa.text("""
    WITH common AS MATERIALIZED (
        SELECT unnest(most_common_elems::text::text[]) AS stem, unnest(most_common_elem_freqs) AS share
        FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'chunks' AND attname = 'words'),
    asked AS MATERIALIZED (
        SELECT place, phraseto_tsquery('nexus', nexus_plain(word)) AS query
        FROM unnest(CAST(:words AS text[])) WITH ORDINALITY AS one (word, place)),
    stems AS MATERIALIZED (SELECT place, query, btrim(query::text, '''') AS stem FROM asked)
    SELECT CASE WHEN coalesce(share, 0) * :total > :most THEN round(share * :total)
        ELSE (SELECT count(*) FROM (SELECT FROM chunks WHERE words @@ query LIMIT :most + 1) AS held) END
    FROM stems LEFT JOIN common USING (stem) ORDER BY place""")
"""For a word in more than `most` chunks the count is the estimate of `ANALYZE`, if it has one."""
MIN_EF_SEARCH = 100
"""Neighbours that a search keeps in view (`hnsw.ef_search`): the more, the fewer are missed."""

SERVING = sa.select(
    state.c.embedder,
    sa.func.set_config("hnsw.iterative_scan", "relaxed_order", True),
    sa.func.set_config("hnsw.ef_search", sa.bindparam("looked_at"), True),
    sa.func.set_config("plan_cache_mode", "force_custom_plan", True),
)
"""Also sets, until the end of the transaction, that a search within few collections goes on looking until it
has enough, though not for ever, and that it is planned for these collections: of few chunks it may be quicker
to look at each."""

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

    def frequencies(self, connection: sa.Connection, words: Sequence[str]) -> Counts:
        return self._frequencies(connection, words)

    def match(
        self, connection: sa.Connection, words: Sequence[str], counts: Counts, seen: Sequence[str], limit: int
    ) -> dict[int, float]:
        chosen = rarest(words, counts.held, MAX_RANKED)
        if not chosen or not seen:
            return {}
        held = dict(zip(words, counts.held, strict=True))
        either, rank = _query(chosen[0]), _rank(chosen[0], held, counts.total)
        for word in chosen[1:]:
            either, rank = either.op("||")(_query(word)), rank + _rank(word, held, counts.total)
        statement = (
            sa.select(chunks.c.id, rank.label("score"))
            .join(documents)
            .where(words_of.op("@@")(either), documents.c.collection_id.in_(seen))
            .order_by(sa.desc("score"), chunks.c.id)
            .limit(limit)
        )
        return {int(row.id): float(row.score) for row in connection.execute(statement)}

    def nearest(
        self,
        connection: sa.Connection,
        key: str,
        vector: Vectors,
        seen: Sequence[str],
        limit: int,
        also: Sequence[int],
    ) -> Near | None:
        serving = connection.execute(SERVING, {"looked_at": str(max(MIN_EF_SEARCH, limit))}).scalar_one()
        if serving != key:
            return None
        near = _nearest(connection, key, vector, seen, limit, also)
        if len(near.ids) < limit:  # the index gives up when ten thousands of others are nearer
            near = _nearest(connection, key, vector, seen, limit, also, by_index=False)
        return near

    def keep(self, connection: sa.Connection, key: str, ids: Sequence[int], made: Vectors) -> None:
        _make_index(connection, key)
        statement = sa.text(
            "INSERT INTO vectors (embedder, chunk_id, embedding) VALUES (:key, :id, CAST(:vector AS halfvec))"
            " ON CONFLICT (chunk_id, embedder) DO UPDATE SET embedding = excluded.embedding"
        )
        rows = [{"key": key, "id": id, "vector": _text(one)} for id, one in zip(ids, made, strict=True)]
        connection.execute(statement, rows)

    def prepare(self, connection: sa.Connection, key: str) -> None:
        """Nothing to do: the index was made with the first vectors."""

    def forget(self, connection: sa.Connection, key: str) -> None:
        connection.execute(sa.text("DELETE FROM vectors WHERE embedder != :key"), {"key": key})
        indexes = sa.text(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'vectors'"
            " AND starts_with(indexname, 'vectors_hnsw_') AND indexname != :name"
        )
        for name in list(connection.scalars(indexes, {"name": _name(key)})):
            connection.exec_driver_sql(f"DROP INDEX {name}")


def _nearest(
    connection: sa.Connection,
    key: str,
    vector: Vectors,
    seen: Sequence[str],
    limit: int,
    also: Sequence[int],
    by_index: bool = True,
) -> Near:
    distance = _distance(key, vector)
    near = (
        sa.select(vectors.c.chunk_id, distance.label("distance"), sa.true().label("near"))
        .join(chunks, chunks.c.id == vectors.c.chunk_id)
        .join(documents)
        .where(_by(key), documents.c.collection_id.in_(seen))
        .order_by(distance if by_index else distance + 0.0)
        .limit(limit)
    )
    others = sa.select(vectors.c.chunk_id, distance, sa.false()).where(
        _by(key), vectors.c.chunk_id == sa.any_(sa.literal(list(also), sa.ARRAY(sa.BigInteger)))
    )
    both = sa.union_all(near.subquery().select(), others)
    rows = connection.execute(
        both.order_by("distance")
    ).all()  # the index gives them in nearly the right order
    return Near([id for id, _, near in rows if near], {id: -distance for id, distance, _ in rows})


def _make_index(connection: sa.Connection, key: str) -> None:
    """Called before the first vectors of the key are stored, when it takes no time."""
    name, dimensions = _name(key), _dimensions(key)
    if (
        dimensions > MAX_INDEXED_DIMENSIONS
        or connection.scalar(sa.select(sa.func.to_regclass(name))) is not None
    ):
        return
    only = _by(key).compile(connection, compile_kwargs={"literal_binds": True})
    connection.exec_driver_sql(
        f"CREATE INDEX IF NOT EXISTS {name} ON vectors"
        f" USING hnsw ((embedding::halfvec({dimensions})) halfvec_ip_ops) WHERE {only}"
    )


def _count(connection: sa.Connection, words: Sequence[str], total: int) -> list[int]:
    values = {"words": list(words), "total": total, "most": MAX_COUNTED}
    return [int(found) for found in connection.scalars(COUNT, values)]


def _query(word: str) -> sa.ColumnElement[Any]:
    return sa.func.phraseto_tsquery(sa.literal_column("'nexus'"), sa.func.nexus_plain(word))


def _rank(word: str, held: Mapping[str, int], total: int) -> sa.ColumnElement[Any]:
    """`ts_rank` times a weight that it does not know: the rarer a word, the more it tells."""
    weight = math.log(1 + total / held[word])
    return weight * sa.func.ts_rank(RANK_WEIGHTS, words_of, _query(word), BY_LOG_LENGTH)


def _by(key: str) -> sa.ColumnElement[bool]:
    """The key is written out, because the index is for exactly this condition."""
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
