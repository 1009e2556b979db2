"""The database and its index: opened at the first use, used in worker threads."""

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

THREADS = 4


def open_index(database: Database) -> Index:
    if database.postgres:
        from .index.postgres import PostgresIndex

        return PostgresIndex()
    from .index.sqlite import SqliteIndex  # FAISS takes a while to import

    return SqliteIndex()


class Store:
    """`at` is a folder or a PostgreSQL URL; `opened` is called once, with a connection."""

    def __init__(self, at: Path | str, opened: Callable[[Connection], None]) -> None:
        self.at, self._tell = at, opened
        self._opening, self._threads = anyio.Lock(), anyio.CapacityLimiter(THREADS)
        self._open: tuple[Database, Index] | None = None

    @property
    def database(self) -> Database:
        assert self._open, "open the knowledge base first"
        return self._open[0]

    @property
    def index(self) -> Index:
        assert self._open
        return self._open[1]

    async def open(self) -> None:
        async with self._opening:
            if self._open is None:
                await self.run(self._start)

    async def close(self) -> None:
        """In a thread: SQLite writes its log back into the file when the last connection closes."""
        if self._open:
            database, _ = self._open
            self._open = None
            with anyio.CancelScope(shield=True):
                await self.run(database.close)

    async def read(self, work: Callable[[Connection, Unpack[Ts]], T], *arguments: *Ts) -> T:
        """`work` sees one consistent state of the base."""
        await self.open()
        return await self.run(self._read, work, arguments)

    async def write(self, work: Callable[[Connection, Unpack[Ts]], T], *arguments: *Ts) -> T:
        """What `work` does is done all at once, or not at all if it raises."""
        await self.open()
        return await self.run(self._write, work, arguments)

    async def run(self, work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._threads)

    def _read(self, work: Callable[[Connection, Unpack[Ts]], T], arguments: tuple[*Ts]) -> T:
        with self.database.read() as connection:
            return work(connection, *arguments)

    def _write(self, work: Callable[[Connection, Unpack[Ts]], T], arguments: tuple[*Ts]) -> T:
        with self.database.write() as connection:
            return work(connection, *arguments)

    def _start(self) -> None:
        database = Database(self.at)
        try:
            index = open_index(database)
            with database.read() as connection:
                self._tell(connection)
        except BaseException:
            database.close()
            raise
        self._open = database, index
