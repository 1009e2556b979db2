"""The knowledge base's tables, in one place."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from ..domain.errors import EngineError

VERSION = 2
"""Kept in SQLite's `user_version`."""

metadata = MetaData()

documents = Table(
    "documents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("added", DateTime, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("path", JSON, nullable=False),
    Column("heading", Text, nullable=False),  # title and path in one line, for the word index
    Column("text", Text, nullable=False),
    Index("chunks_document", "document_id"),
    sqlite_autoincrement=True,  # a vector index elsewhere must never meet an id again
)

vectors = Table(
    "vectors",
    metadata,
    Column("embedder", Text, primary_key=True),  # "name/dimensions": one chunk may have vectors of several
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("embedding", LargeBinary, nullable=False),  # float32, little-endian
    Index("vectors_chunk", "chunk_id"),
)

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),  # counts changes, also those of other processes
    Column("embedder", Text),  # whose vectors are complete and searched
)

WORD_INDEX = (
    """CREATE VIRTUAL TABLE chunks_fts USING fts5(
        heading, text, content='chunks', content_rowid='id',
        tokenize='porter unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
        INSERT INTO chunks_fts(rowid, heading, text) VALUES (new.id, new.heading, new.text);
    END""",
    """CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
        INSERT INTO chunks_fts(chunks_fts, rowid, heading, text)
        VALUES ('delete', old.id, old.heading, old.text);
    END""",
)

VECTORS_APART = (
    """INSERT INTO vectors SELECT embedder || '/' || (length(embedding) / 4), id, embedding FROM chunks
        WHERE embedder IS NOT NULL AND embedding IS NOT NULL""",
    "DROP INDEX chunks_embedder",
    "ALTER TABLE chunks DROP COLUMN embedder",
    "ALTER TABLE chunks DROP COLUMN embedding",
    "ALTER TABLE state ADD COLUMN embedder TEXT",
    """UPDATE state SET embedder =
        (SELECT embedder FROM vectors GROUP BY embedder ORDER BY count(*) DESC LIMIT 1)""",
)
"""From version 1, where a chunk had one vector at most."""


def create(connection: Connection) -> None:
    """Make the tables in an empty database, or bring those of an older version up to date."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # of two processes that start at once, one makes them
    found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if found > VERSION:
        raise EngineError(
            f"The knowledge base was written by a newer version (schema {found}, this is {VERSION}): "
            "upgrade Nexus Voice, or use another data folder.",
            code="knowledge_too_new",
        )
    if found == 0:
        metadata.create_all(connection)
        for statement in WORD_INDEX:
            connection.exec_driver_sql(statement)
        connection.execute(state.insert().values(id=1, revision=0))
    if found == 1:
        vectors.create(connection)
        for statement in VECTORS_APART:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    connection.commit()
