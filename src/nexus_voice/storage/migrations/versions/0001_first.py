"""The first tables; documents of a file from before there were migrations are kept."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

OLD = ("documents", "chunks", "vectors", "state")

SQLITE = (
    """CREATE TABLE vectors (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        embedder TEXT NOT NULL,
        chunk_id INTEGER NOT NULL REFERENCES chunks(id) ON DELETE CASCADE,
        embedding BLOB NOT NULL,
        UNIQUE (chunk_id, embedder))""",
    """CREATE VIRTUAL TABLE chunks_fts USING fts5(
        heading, text, content='chunks', content_rowid='id',
        tokenize='porter unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
        INSERT INTO chunks_fts(rowid, heading, text) VALUES (new.id, new.heading, new.text);
    END""",
    "CREATE TABLE touched (seq INTEGER PRIMARY KEY AUTOINCREMENT, chunk_id INTEGER NOT NULL)",
    """CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
        INSERT INTO chunks_fts(chunks_fts, rowid, heading, text)
        VALUES ('delete', old.id, old.heading, old.text);
        INSERT INTO touched (chunk_id) VALUES (old.id);
    END""",
    """CREATE TRIGGER documents_moved AFTER UPDATE OF collection_id ON documents
    WHEN old.collection_id <> new.collection_id BEGIN
        INSERT INTO touched (chunk_id) SELECT id FROM chunks WHERE document_id = new.id;
    END""",
    """CREATE TRIGGER touched_kept AFTER INSERT ON touched BEGIN
        DELETE FROM touched WHERE seq <= new.seq - 10000;
    END""",
    "PRAGMA user_version = 3",
)
"""`seq` grows, so that a mirror of the vectors can ask for what is new; `touched` are chunks that are gone or
in another collection, the latest of them. `user_version` is for programs from
before there were migrations: they refuse what is newer."""

POSTGRES = (
    """CREATE TABLE vectors (
        embedder text NOT NULL,
        chunk_id bigint NOT NULL REFERENCES chunks(id) ON DELETE CASCADE,
        embedding halfvec NOT NULL,
        PRIMARY KEY (chunk_id, embedder))""",
    "CREATE TEXT SEARCH DICTIONARY nexus_stem (TEMPLATE = snowball, Language = english)",
    "CREATE TEXT SEARCH CONFIGURATION nexus (COPY = simple)",
    "ALTER TEXT SEARCH CONFIGURATION nexus ALTER MAPPING FOR asciiword, word WITH nexus_stem",
    r"""CREATE FUNCTION nexus_plain(body text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
        translate(regexp_replace(normalize(lower(body), NFKD), '[\u0300-\u036f]+', '', 'g'),
        $$!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~’$$, repeat(' ', 33))""",
    """ALTER TABLE chunks ADD COLUMN words tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('nexus', nexus_plain(heading)), 'A')
        || setweight(to_tsvector('nexus', nexus_plain(text)), 'B')
    ) STORED""",
    "ALTER TABLE chunks SET (toast_tuple_target = 8160)",
    "CREATE INDEX chunks_words ON chunks USING gin (words) WITH (fastupdate = off)",
)
"""Words are cut, folded and stemmed as SQLite does it: no stop words, accents or addresses. `words` stays in
its row, because ranking reads it many times. Their index has no list of what is new, which every search would
have to read. The vectors' own index is made for each embedder, since its
dimensions must be known."""


def upgrade() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    old = set(sa.inspect(connection).get_table_names()) & set(OLD)
    if sqlite and old:
        move_away(connection)
    if not sqlite:
        op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    tables()
    for statement in SQLITE if sqlite else POSTGRES:
        op.execute(statement)
    op.execute(
        "INSERT INTO collections (id, name, created) VALUES ('default', 'Documents', CURRENT_TIMESTAMP)"
    )
    op.execute("INSERT INTO collections (id, name, created) VALUES ('seed', 'Seed', CURRENT_TIMESTAMP)")
    op.execute("INSERT INTO grants SELECT id, 'everyone', 'writer' FROM collections")
    op.execute("INSERT INTO state (id, revision) VALUES (1, 0)")
    if sqlite and old:
        take_over(connection)


def tables() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "collections",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column(
            "collection_id",
            sa.String(32),
            sa.ForeignKey("collections.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("principal", sa.Text(), primary_key=True),
        sa.Column("role", sa.Text(), nullable=False),
    )
    op.create_index("grants_principal", "grants", ["principal"])
    op.create_table(
        "originals",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "collection_id",
            sa.String(32),
            sa.ForeignKey("collections.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("original", sa.String(64), sa.ForeignKey("originals.digest"), index=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer()),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("added", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("collection_id", "source", "name"),
    )
    op.create_table(
        "chunks",
        sa.Column("id", serial, primary_key=True),
        sa.Column(
            "document_id", sa.String(32), sa.ForeignKey("documents.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer()),
        sa.Column("path", sa.JSON(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("chunks_document", "chunks", ["document_id", "position"])
    op.create_table(
        "state",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("embedder", sa.Text()),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "collection_id",
            sa.String(32),
            sa.ForeignKey("collections.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime()),
        sa.Column("state", sa.Text(), nullable=False),
    )
    op.create_index("jobs_created", "jobs", ["created"])
    op.create_table(
        "items",
        sa.Column("id", serial, primary_key=True),
        sa.Column("job_id", sa.String(32), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("original", sa.String(64), sa.ForeignKey("originals.digest"), index=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("leased_until", sa.Float()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text()),
        sa.Column(
            "document_id", sa.String(32), sa.ForeignKey("documents.id", ondelete="SET NULL"), index=True
        ),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("embedded", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("error", sa.Text()),
    )
    op.create_index("items_job", "items", ["job_id", "state"])
    op.create_index("items_state", "items", ["state", "id"])


def move_away(connection: sa.Connection) -> None:
    """Tables of schema 1 or 2, as SQLite's `user_version` says."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    for statement in ("DROP TRIGGER chunks_added", "DROP TRIGGER chunks_deleted", "DROP TABLE chunks_fts"):
        op.execute(statement)
    for name in ("documents", "chunks", "state", *(["vectors"] if version > 1 else [])):
        op.execute(f"ALTER TABLE {name} RENAME TO old_{name}")
    if version == 1:  # a chunk had one vector at most, in its own row
        op.execute("""CREATE TABLE old_vectors AS
            SELECT embedder || '/' || (length(embedding) / 4) AS embedder, id AS chunk_id, embedding
            FROM old_chunks WHERE embedder IS NOT NULL AND embedding IS NOT NULL""")
        op.execute("ALTER TABLE old_state ADD COLUMN embedder TEXT")
        op.execute("""UPDATE old_state SET embedder =
            (SELECT embedder FROM old_vectors GROUP BY embedder ORDER BY count(*) DESC LIMIT 1)""")
    for name in ("chunks_document", "chunks_embedder", "vectors_chunk"):
        op.execute(f"DROP INDEX IF EXISTS {name}")


def take_over(connection: sa.Connection) -> None:
    """A name that begins with "seed/" was the seed's."""
    op.execute("""INSERT INTO documents
        SELECT id, iif(name GLOB 'seed/*', 'seed', 'default'), iif(name GLOB 'seed/*', 'seed', 'upload'),
            iif(name GLOB 'seed/*', substr(name, 6), name), title, '', digest, NULL, '', bytes, NULL,
            (SELECT count(*) FROM old_chunks WHERE document_id = old_documents.id), added
        FROM old_documents""")
    op.execute("""INSERT INTO chunks (id, document_id, position, path, heading, text)
        SELECT id, document_id, position, path, heading, text FROM old_chunks""")
    copy_vectors(connection)
    op.execute("""UPDATE state SET revision = (SELECT revision + 1 FROM old_state),
        embedder = (SELECT embedder FROM old_state)""")
    for name in ("old_vectors", "old_chunks", "old_documents", "old_state"):
        op.execute(f"DROP TABLE {name}")


def copy_vectors(connection: sa.Connection) -> None:
    """They had single precision."""
    old = connection.connection.cursor()
    new = connection.connection.cursor()
    old.execute("SELECT embedder, chunk_id, embedding FROM old_vectors ORDER BY chunk_id")
    while rows := old.fetchmany(1_000):
        halves = [(key, id, np.frombuffer(vector, "<f4").astype("<f2").tobytes()) for key, id, vector in rows]
        new.executemany("INSERT INTO vectors (embedder, chunk_id, embedding) VALUES (?, ?, ?)", halves)
