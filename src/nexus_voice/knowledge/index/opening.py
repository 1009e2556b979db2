"""Opens the index that fits a database."""

from __future__ import annotations

from ...storage.database import Database
from .protocol import Index


def open_index(database: Database) -> Index:
    if database.postgres:
        from .postgres import PostgresIndex

        return PostgresIndex()
    from .sqlite import SqliteIndex  # FAISS takes a while to import

    return SqliteIndex()
