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

VERSION = 1
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
    Column("embedder", Text),
    Column("embedding", LargeBinary),  # float32, little-endian
    Index("chunks_document", "document_id"),
    Index("chunks_embedder", "embedder"),
    sqlite_autoincrement=True,  # a vector index elsewhere must never meet an id again
)

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),  # counts changes, also those of other processes
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


def create(connection: Connection) -> None:
    """Make the tables in an empty database; leave a database of this version as it is."""
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
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    connection.commit()
