"""A process that takes documents in, announces a moment of it, and then does nothing more but be killed.

    python ingesting.py FOLDER_OR_URL MOMENT

It hands in a few documents unless that has been done, and works until they are in; then it prints what
the database holds. The parts are the real ones; each pauses at its moment.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
import sqlalchemy as sa

from nexus_voice.core.access import DEFAULT, PUBLIC
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.index import embedders
from nexus_voice.knowledge.ingest import ingestion
from nexus_voice.knowledge.ingest.fetch import fetch
from nexus_voice.knowledge.ingest.ingestion import Ingestion
from nexus_voice.knowledge.ingest.job import Sent
from nexus_voice.knowledge.ingest.jobs import Jobs
from nexus_voice.knowledge.reading.chunks import Reading
from nexus_voice.knowledge.reading.confined_reader import Reader
from nexus_voice.storage.database import Database
from nexus_voice.storage.schema import chunks, documents, items, jobs, originals, vectors

LEASE = 0.2
AT = sys.argv[1]
MOMENT = sys.argv[2] if len(sys.argv) > 2 else ""

embedders.BATCH_CHUNKS = 2
ingestion.POLL_INTERVAL_S = 0.05


def announce(moment: str) -> bool:
    if moment != MOMENT:
        return False
    print(moment, flush=True)
    return True


async def pause(moment: str) -> None:
    if announce(moment):
        await anyio.sleep_forever()


class PausingReader(Reader):
    async def read(self, name: str, data: bytes, type: str = "") -> Reading:
        await pause("reading")
        return await super().read(name, data, type)


class PausingBase(KnowledgeBase):
    async def embed(self, *arguments: Any) -> None:
        await pause("stored")
        await super().embed(*arguments)


class PausingEmbedder(FakeEmbedder):
    passages = 0

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Any:
        self.passages += len(texts) * (kind == "passage")
        if self.passages > 4:
            await pause("embedding")
        return await super().embed(texts, kind)


class PausingJobs(Jobs):
    def stored(self, *arguments: Any) -> None:
        super().stored(*arguments)
        if announce("storing"):
            time.sleep(60)

    def end(self, *arguments: Any) -> bool:
        done = super().end(*arguments)
        if announce("ended"):
            time.sleep(60)
        return done


def sent() -> list[Sent]:
    """One of several chunks, one twice with the same content, one that cannot be read, one replaced."""
    long = "\n\n".join(f"# Part {part}\n\n" + f"Sentence of part {part}. " * 40 for part in range(6))
    files = [
        ("long.md", long.encode()),
        ("short.md", b"Green tea is brewed at eighty degrees."),
        ("copy of short.md", b"Green tea is brewed at eighty degrees."),
        ("tool.exe", b"MZ\0\1" * 99),
        ("short.md", b"Green tea is brewed at seventy degrees."),
        ("short.md", b"Green tea is brewed at seventy degrees."),
    ]
    return [Sent(name, partial(bytes, data)) for name, data in files]


async def main() -> None:
    at: Path | str = AT if "://" in AT else Path(AT)
    async with PausingReader() as reader, PausingBase(at, PausingEmbedder(), reader=reader) as base:
        work = Ingestion(base, fetch, lease=LEASE, jobs=PausingJobs)
        known = await work.newest(PUBLIC, 1)
        id = known[0].id if known else await work.enqueue(DEFAULT, sent(), PUBLIC)
        assert id
        await pause("enqueued")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work.run)
            async for _ in work.follow(id, PUBLIC):
                pass
            tasks.cancel_scope.cancel()
        Jobs(await base.store.open(), "tidy", LEASE).tidy()
        print(json.dumps(held(await base.store.open())))


def held(database: Database) -> Any:
    """All that does not differ from one undisturbed run to the next."""
    asked = {
        "jobs": sa.select(jobs.c.state),
        "items": sa.select(
            items.c.name, items.c.state, items.c.status, items.c.chunks, items.c.embedded, items.c.error_code
        ).order_by(items.c.id),
        "documents": sa.select(
            documents.c.name, documents.c.title, documents.c.digest, documents.c.original, documents.c.chunks
        ).order_by(documents.c.name),
        "chunks": sa.select(documents.c.name, chunks.c.position, chunks.c.text)
        .join(documents)
        .order_by(documents.c.name, chunks.c.position),
        "vectors": sa.select(documents.c.name, sa.func.count())
        .select_from(vectors)
        .join(chunks, chunks.c.id == vectors.c.chunk_id)
        .join(documents)
        .group_by(documents.c.name)
        .order_by(documents.c.name),
        "originals": sa.select(originals.c.digest).order_by(originals.c.digest),
    }
    with database.read() as connection:
        return {what: [list(row) for row in connection.execute(query)] for what, query in asked.items()}


anyio.run(main)
