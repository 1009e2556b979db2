"""A process is killed in the middle of taking documents in, again and again: nothing half stays, and in the
end there is what an undisturbed run makes."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import looking
import pytest

from nexus_voice.core.access import PUBLIC
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DOCUMENTS, KILLS = 60, 6
CHILD = """
import sys
from functools import partial
from pathlib import Path
import anyio
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.index import embedders
from nexus_voice.knowledge.base import KnowledgeBase
sys.path.insert(0, sys.argv[3])
from test_killed import documents

embedders.BATCH = 3

async def main(at, done):
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        for round in range(2):
            for name, data in documents(round):
                await base.ingest(name, data)
                print(name, flush=True)
        for document in await base.documents():
            if int(document.name.partition(".")[0]) % 7 == 3:
                await base.delete(document.id)
        await base.ready()
    Path(done).touch()

at = sys.argv[1]
anyio.run(main, at if at.startswith("postgresql:") else Path(at), sys.argv[2])
"""
CONTENT = """SELECT d.collection_id, d.source, d.name, d.title, d.digest, d.original, d.bytes, d.chunks,
    c.position, c.heading, c.text, v.embedder FROM documents d JOIN chunks c ON c.document_id = d.id
    LEFT JOIN vectors v ON v.chunk_id = c.id ORDER BY d.name, c.position"""


def documents(round: int) -> list[tuple[str, bytes]]:
    """Each is replaced in the second round, some by one of the same bytes as another."""
    found = []
    for number in range(DOCUMENTS):
        words = random.Random(number % 50 + 1000 * round)
        sections = [
            f"## Part {part}\n\n" + " ".join(words.choices(["pump", "valve", "oven", "bread"], k=90))
            for part in range(words.randint(1, 9))
        ]
        found.append((f"{number}.md", f"# Title {number % 50}\n\n{chr(10).join(sections)}".encode()))
    return found


def child(at: Path | str, done: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", CHILD, str(at), str(done), str(Path(__file__).parent)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def content(at: Path | str) -> list[tuple[Any, ...]]:
    return looking.rows(at, CONTENT)


async def test_what_is_killed_goes_on_as_if_nothing_had_been(
    at: Path | str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    choose, done = random.Random(), tmp_path / "done"
    killed = 0
    while not done.exists():
        with child(at, done) as process:
            assert process.stdout
            if killed < KILLS:
                for _ in range(choose.randint(1, 2 * DOCUMENTS // KILLS)):
                    process.stdout.readline()
                until = time.monotonic() + choose.uniform(0, 0.03)
                while time.monotonic() < until:  # at any moment within a document
                    pass
                process.send_signal(signal.SIGKILL)
                killed += process.wait() == -signal.SIGKILL
            else:
                process.stdout.read()
                assert process.wait() == 0
        looking.check(at)
        async with KnowledgeBase(at, FakeEmbedder()) as base:
            for document in await base.documents():
                assert len(await base.chunks_of(document.id)) == document.chunks
            if await base.documents():
                assert (await base.candidates("pump valve", PUBLIC, 5)).chunks
    assert killed
    whole = tmp_path / "undisturbed"
    with child(whole, done) as process:
        process.communicate()
    assert process.returncode == 0
    assert content(at) == content(whole)
    assert looking.count(at, "vectors") == looking.count(at, "chunks") > 200
