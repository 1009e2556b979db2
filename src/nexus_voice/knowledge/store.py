"""The one owner of the database, of its index, and of the threads that work with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread
from sqlalchemy import Connection

from ..storage.database import Database
from .index.protocol import Index

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

READERS, WRITERS = 4, 4
"""Threads of each kind: whoever waits for another process's write keeps no question waiting."""


class Store:
    """Opens the database `at` a folder or a PostgreSQL URL at its first use, and then calls `on_open` with a
    connection. Whoever changes documents, or the embedder that serves, holds the lock `changing`."""

    def __init__(self, at: Path | str, busy_timeout: float | None = None) -> None:
        self._at, self._busy_timeout = at, busy_timeout
        self.on_open: Callable[[Connection], None] = lambda _: None
        self.changing = anyio.Lock()
        self._opening = anyio.Lock()
        self._readers, self._writers = anyio.CapacityLimiter(READERS), anyio.CapacityLimiter(WRITERS)
        self._open: tuple[Database, Index] | None = None

    @property
    def index(self) -> Index:
        assert self._open, "open the store first"
        return self._open[1]

    async def open(self) -> Database:
        async with self._opening:
            if self._open is None:
                self._open = await self.run(self._start)
        return self._open[0]

    async def close(self) -> None:
        """In a thread: SQLite writes its log back into the file when the last connection closes."""
        if self._open:
            database, _ = self._open
            self._open = None
            with anyio.CancelScope(shield=True):
                await self.run(database.close)

    async def read(self, work: Callable[[Connection, Unpack[Ts]], T], *arguments: *Ts) -> T:
        """`work` sees one consistent state of the database."""
        database = await self.open()

        def read() -> T:
            with database.read() as connection:
                return work(connection, *arguments)

        return await anyio.to_thread.run_sync(read, limiter=self._readers)

    async def write(self, work: Callable[[Connection, Unpack[Ts]], T], *arguments: *Ts) -> T:
        """All that `work` does is committed at once, or nothing if it raises."""
        database = await self.open()

        def write() -> T:
            with database.write() as connection:
                return work(connection, *arguments)

        return await self.run(write)

    async def run(self, work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
        """In a thread of the writers, for work that opens transactions itself."""
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._writers)

    def _start(self) -> tuple[Database, Index]:
        database = Database(self._at, self._busy_timeout)
        try:
            index = open_index(database)
            with database.read() as connection:
                self.on_open(connection)
        except BaseException:
            database.close()
            raise
        return database, index


def open_index(database: Database) -> Index:
    if database.postgres:
        from .index.postgres import PostgresIndex

        return PostgresIndex()
    from .index.sqlite import SqliteIndex  # FAISS takes a while to import

    return SqliteIndex()
