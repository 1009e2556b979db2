"""A look at the tables themselves, past everything that hides a mistake in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nexus_voice.storage.database import Database

ORPHANS = (
    "SELECT count(*) FROM chunks WHERE document_id NOT IN (SELECT id FROM documents)",
    "SELECT count(*) FROM vectors WHERE chunk_id NOT IN (SELECT id FROM chunks)",
    "SELECT count(*) FROM documents WHERE collection_id NOT IN (SELECT id FROM collections)",
    "SELECT count(*) FROM grants WHERE collection_id NOT IN (SELECT id FROM collections)",
    """SELECT count(*) FROM originals
        WHERE digest NOT IN (SELECT original FROM documents WHERE original IS NOT NULL)
        AND digest NOT IN (SELECT original FROM items WHERE original IS NOT NULL)""",
    """SELECT count(*) FROM documents WHERE original IS NOT NULL
        AND original NOT IN (SELECT digest FROM originals)""",
    """SELECT count(*) FROM documents
        WHERE chunks <> (SELECT count(*) FROM chunks WHERE document_id = documents.id)""",
)


def rows(at: Path | str, statement: str) -> list[tuple[Any, ...]]:
    database = Database(at)
    try:
        with database.read() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]
    finally:
        database.close()


def execute(at: Path | str, statement: str) -> None:
    database = Database(at)
    try:
        with database.write() as connection:
            connection.execute(sa.text(statement))
    finally:
        database.close()


def count(at: Path | str, table: str) -> int:
    found: int = rows(at, f"SELECT count(*) FROM {table}")[0][0]
    return found


def check(at: Path | str) -> None:
    """The file is sound, the word index agrees with the chunks, and nothing refers to what is not there."""
    for statement in ORPHANS:
        assert rows(at, statement) == [(0,)], statement
    if isinstance(at, Path):
        assert rows(at, "PRAGMA integrity_check") == [("ok",)]
        assert rows(at, "PRAGMA foreign_key_check") == []
        database = Database(at)
        with database.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO chunks_fts(chunks_fts, rank) VALUES ('integrity-check', 1)"
            )
        database.close()
