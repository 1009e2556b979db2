"""A database that cannot be used says why, loses nothing, and is used again when it can be."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio
import pytest
import sqlalchemy as sa

from nexus_voice.core.access import DEFAULT, PUBLIC
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.ingest.fetch import fetch
from nexus_voice.knowledge.ingest.ingestion import Ingestion
from nexus_voice.knowledge.ingest.job import Sent
from nexus_voice.knowledge.reading.confined_reader import Reader
from nexus_voice.storage.database import FILE, Database, Unavailable
from nexus_voice.storage.schema import documents

if TYPE_CHECKING:
    from nexus_voice.ports import Vectors

pytestmark = pytest.mark.anyio

PUMP = b"# Pump\n\nThe blue button starts the pump."


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Another program writes."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_file_that_another_program_writes_is_busy(tmp_path: Path) -> None:
    async with KnowledgeBase(tmp_path, None, busy_timeout=0) as base:
        done = await base.ingest("pump.md", PUMP)
        with locked(tmp_path):
            with pytest.raises(Unavailable) as caught:
                await base.delete(done.id)
            assert (caught.value.code, caught.value.status) == ("knowledge_busy", 503)
            assert await base.recall("start the pump")
        assert await base.delete(done.id)


async def test_a_full_disk_is_said(tmp_path: Path) -> None:
    async with KnowledgeBase(tmp_path, None) as base:
        await base.ingest("pump.md", PUMP)
        with (await base.store.open()).write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Unavailable, match="the disk is full") as caught:
            await base.ingest("long.md", b"many words " * 5_000)
        assert (caught.value.code, caught.value.status) == ("knowledge_full", 507)
        assert await base.recall("start the pump")


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    async with KnowledgeBase(tmp_path / "data" / "knowledge", None) as base:
        with pytest.raises(Unavailable, match="cannot be made") as caught:
            await base.documents()
        assert caught.value.code == "knowledge_read_only"


def test_an_error_does_not_show_the_documents(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with pytest.raises(sa.exc.IntegrityError) as caught, database.write() as connection:
        connection.execute(documents.insert().values(id="1", title="A secret title"))
    assert "secret" not in str(caught.value)
    database.close()


async def test_an_item_whose_database_fails_is_taken_in_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Locking(Reader):
        """The database is locked, until a document cannot be stored."""

        async def read(self, *arguments: Any, **more: Any) -> Any:
            found = await super().read(*arguments, **more)
            if not caplog.records:
                tasks.start_soon(lock)
                await held.wait()
            return found

    async def lock() -> None:
        with locked(tmp_path):
            held.set()
            while not caplog.records:  # noqa: ASYNC110 - what is waited for is a line in the log
                await anyio.sleep(0.01)

    held = anyio.Event()
    caplog.set_level(logging.ERROR)
    async with Locking() as reader, KnowledgeBase(tmp_path, None, reader=reader, busy_timeout=0) as base:
        work = Ingestion(base, fetch, lease=0.2, retry_pause=0.01)
        async with anyio.create_task_group() as tasks:
            id = await work.enqueue(DEFAULT, [Sent("pump.md", partial(bytes, PUMP))], PUBLIC)
            assert id
            tasks.start_soon(work.run)
            views = [job async for job in work.follow(id, PUBLIC)]
            tasks.cancel_scope.cancel()
        assert [(item.state, item.status) for item in views[-1].items] == [("done", "added")]
    assert "in use by another program" in caplog.messages[0]
    assert not any(record.exc_info for record in caplog.records)


class Moody(FakeEmbedder):
    """Fails at passages while it is `out`."""

    out = True

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if self.out and kind == "passage":
            raise EngineError("out of order")
        return await super().embed(texts, kind)


async def caught_up(base: KnowledgeBase) -> None:
    while (status := await base.progress()).done < status.total:  # noqa: ASYNC110 - a look into the database
        await anyio.sleep(0.01)


async def test_what_the_embedder_missed_is_made_up_for_while_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    embedder = Moody()
    async with KnowledgeBase(tmp_path, embedder) as base, anyio.create_task_group() as tasks:
        await tasks.start(keeping_up, base)
        await base.ingest("pump.md", PUMP)
        assert (await base.progress()).done == 0
        embedder.out = False
        with anyio.fail_after(10):
            await caught_up(base)
        tasks.cancel_scope.cancel()


async def test_a_new_title_waits_for_no_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    embedder = Moody()
    embedder.out = False
    async with KnowledgeBase(tmp_path, embedder) as base, anyio.create_task_group() as tasks:
        done = await base.ingest("pump.md", PUMP)
        embedder.out = True
        assert await base.change(done.id, title="The big pump")
        assert (await base.progress()).done == 0
        assert base.trouble == ""  # it was not even asked
        embedder.out = False
        await tasks.start(keeping_up, base)
        with anyio.fail_after(10):
            await caught_up(base)
        tasks.cancel_scope.cancel()


async def keeping_up(
    base: KnowledgeBase, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    await base.ready()
    task_status.started()
    await base.keep_up(interval_s=0.01)
