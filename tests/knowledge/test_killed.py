"""A process that ingests documents is killed again and again. No document is ever stored in part, and in the
end the knowledge base is the same as after an undisturbed run."""

import random
import time
from pathlib import Path
from typing import Any

import looking
import pytest
from killed_while_ingesting import DOCUMENTS

from forked import script
from nexus_voice.core.access import PUBLIC
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KILLS = 6
SCRIPT = Path(__file__).with_name("killed_while_ingesting.py")
CONTENT = """SELECT d.collection_id, d.source, d.name, d.title, d.digest, d.original, d.bytes, d.chunks,
    c.position, c.heading, c.text, v.embedder FROM documents d JOIN chunks c ON c.document_id = d.id
    LEFT JOIN vectors v ON v.chunk_id = c.id ORDER BY d.name, c.position"""


def content(at: Path | str) -> list[tuple[Any, ...]]:
    return looking.rows(at, CONTENT)


async def test_what_is_killed_goes_on_as_if_nothing_had_been(
    at: Path | str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    choose, done = random.Random(), tmp_path / "done"
    killed = 0
    while not done.exists():
        with script(SCRIPT, str(at), str(done)) as process:
            if killed < KILLS:
                for _ in range(choose.randint(1, 2 * DOCUMENTS // KILLS)):
                    process.stdout.readline()
                until = time.monotonic() + choose.uniform(0, 0.03)
                while time.monotonic() < until:  # at any moment within a document
                    pass
                killed += process.kill()
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
    with script(SCRIPT, str(whole), str(done)) as process:
        process.stdout.read()
        assert process.wait() == 0
    assert content(at) == content(whole)
    assert looking.count(at, "vectors") == looking.count(at, "chunks") > 100
