"""The database of the knowledge base: an SQLite file, or PostgreSQL with pgvector.

It is synchronous and called in threads. One hop to a thread for a whole operation is faster than one for each
statement, and works on asyncio and on trio; so this uses the synchronous core of SQLAlchemy, not its asyncio
layer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa

from ..core.errors import EngineError
from . import schema

FILE = "knowledge.sqlite3"
SCHEMA_LOCK = 0x6E65787573  # any number that other users of the same PostgreSQL are unlikely to use
"""Held while the tables are made, so that only one of several processes that start makes them."""
MODE_RETRY_PAUSE_S = 0.02
"""Between two tries to switch the mode of a new file."""
BUSY_TIMEOUT_S = 10
"""To wait for another process's write, and for PostgreSQL to answer."""
RETRY_AFTER_S = 5.0
"""What a client is told to wait before it tries again."""


class Unavailable(EngineError):
    """The database cannot be used now: it is locked, full, read-only or not there."""

    status = 503

    def __init__(self, message: str, code: str, status: int | None = None) -> None:
        super().__init__(message, code=code, status=status, retryable=True, retry_after=RETRY_AFTER_S)


class Database:
    """`at` is a folder for SQLite's file, or a PostgreSQL URL. It may be used in several threads and
    processes. `busy_timeout`, in seconds, is `BUSY_TIMEOUT_S` if it is not given.

    Every use may raise `Unavailable` with the code `knowledge_busy`, `knowledge_full`, `knowledge_read_only`,
    `knowledge_unreadable` or `knowledge_unreachable`; opening it also `EngineError` with `knowledge_too_new`.
    """

    def __init__(self, at: Path | str, busy_timeout: float | None = None) -> None:
        self.postgres = isinstance(at, str)
        self._shown = str(at) if isinstance(at, Path) else sa.make_url(at).render_as_string()
        self._busy_timeout = BUSY_TIMEOUT_S if busy_timeout is None else busy_timeout
        self._engine = _postgres(at) if isinstance(at, str) else _sqlite(at, self._busy_timeout)
        try:
            self._migrate()
        except BaseException as error:
            self.close()
            if isinstance(error, sa.exc.DatabaseError):
                raise self.explained(error) from error
            raise

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one consistent state."""
        with self._explaining(), self._engine.connect() as connection:
            if self.postgres:  # which SQLite's transactions are anyway
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is committed at the end, or rolled back if the block raises. On SQLite it is the
        only writer from its beginning, so that what it reads stays true."""
        with self._explaining(), self._engine.connect() as connection:
            connection.execution_options(nexus_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            raise self.explained(error) from error

    def _migrate(self) -> None:
        with self.read() as connection:
            made = "alembic_version" in sa.inspect(connection).get_table_names()
            found = connection.scalar(sa.text("SELECT version_num FROM alembic_version")) if made else None
        if found == schema.HEAD:
            return
        from .migrations import upgrade  # Alembic takes a while to import

        with self.write() as connection:
            if self.postgres:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
            upgrade(connection)

    def explained(self, error: sa.exc.DBAPIError) -> Unavailable:
        reason = " ".join(str(error.orig or error).split())
        if self.postgres:
            return Unavailable(
                f"The knowledge base {self._shown} cannot be used ({reason}). Check that PostgreSQL runs, "
                "that the address and password are right, and that pgvector is installed there.",
                "knowledge_unreachable",
            )
        base = f"The knowledge base {self._shown}"
        match getattr(error.orig, "sqlite_errorname", "").split("_")[1:2]:
            case ["BUSY" | "LOCKED"]:
                return Unavailable(
                    f"{base} is in use by another program for more than {self._busy_timeout:g} s. Try again "
                    "later.",
                    "knowledge_busy",
                )
            case ["FULL"]:
                message = f"{base} cannot grow: the disk is full. Make room there, then try again."
                return Unavailable(message, "knowledge_full", 507)
            case ["READONLY" | "CANTOPEN"]:
                return Unavailable(
                    f"{base} cannot be written ({reason}). Give the server's user the right to write there.",
                    "knowledge_read_only",
                )
        return Unavailable(
            f"{base} cannot be opened ({reason}). Move it away, and the documents can be added again.",
            "knowledge_unreadable",
        )


def _sqlite(folder: Path, busy_timeout: float) -> sa.Engine:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"The folder {folder} cannot be made ({error.strerror}). Give the server's user the right to "
            "write there, or set NEXUS_DATA_DIR.",
            "knowledge_read_only",
        ) from error
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(folder / FILE)), hide_parameters=True)
    sa.event.listen(engine, "connect", partial(_configure, busy_timeout=busy_timeout))
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _: object, *, busy_timeout: float) -> None:
    connection.isolation_level = None  # the driver would begin transactions too late: see `_begin`
    connection.execute(f"PRAGMA busy_timeout = {busy_timeout * 1000:.0f}")
    _use_wal(connection, busy_timeout)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: Any, busy_timeout: float) -> None:
    """Switch a new file to write-ahead logging; it stays in this mode. While another process switches it,
    SQLite does not wait but says at once that it is busy."""
    until = monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(MODE_RETRY_PAUSE_S)


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("nexus_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _postgres(url: str) -> sa.Engine:
    wanted = sa.make_url(url).set(drivername="postgresql+psycopg")
    try:
        engine = sa.create_engine(
            wanted,
            hide_parameters=True,  # in errors: documents do not belong in a log
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=8,
            connect_args={"connect_timeout": BUSY_TIMEOUT_S},
        )
    except ImportError as error:
        raise EngineError(
            "PostgreSQL needs its driver: pip install 'nexus-voice[postgres]'.", code="engine_not_installed"
        ) from error
    sa.event.listen(engine, "connect", _replace_zero_characters)
    return engine


def _replace_zero_characters(connection: Any, _: object) -> None:
    """PostgreSQL's text cannot hold the zero character, but a client may well send it."""
    from psycopg.adapt import Dumper

    class Text(Dumper):  # of no type, like psycopg's own: PostgreSQL takes it as what is needed
        def dump(self, text: str) -> bytes:
            return text.replace("\0", "\ufffd").encode()

    connection.adapters.register_dumper(str, Text)
