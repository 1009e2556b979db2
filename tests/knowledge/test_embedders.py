"""Another embedder takes the place of one: nothing stops, nothing is lost, nothing is done twice."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio
import numpy as np
import pytest

from nexus_voice.domain.errors import EngineError
from nexus_voice.knowledge import embedders
from nexus_voice.knowledge.base import FILE, KnowledgeBase
from nexus_voice.knowledge.embedders import Status

if TYPE_CHECKING:
    from nexus_voice.ports import Vectors

pytestmark = pytest.mark.anyio

TOPICS = (("pump", "motor"), ("bread", "loaf"), ("rain", "shower"))
"""Words of one meaning: a question with the second finds the first by its vector only."""


class Topics:
    """One dimension a topic, and some that no other embedder has. It waits before passage number `stop`."""

    cosines = (0.2, 1.0)

    def __init__(self, name: str, extra: int = 1) -> None:
        self.name, self.dimensions = name, len(TOPICS) + extra
        self.passages = self.queries = 0
        self.stop = 1_000_000
        self.error: EngineError | None = None
        self.stopped, self.go, self.slow_query = anyio.Event(), anyio.Event(), False

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> "Vectors":
        if kind == "passage" and self.passages + len(texts) > self.stop:
            if self.error:
                raise self.error
            self.stopped.set()
            await self.go.wait()
        if kind == "query" and self.slow_query:
            self.stopped.set()
            await self.go.wait()
        self.passages += len(texts) * (kind == "passage")
        self.queries += len(texts) * (kind == "query")
        vectors = np.full((len(texts), self.dimensions), 1e-3, np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for place, topic in enumerate(TOPICS):
                row[-1 - place] = any(word in text for word in topic)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedders, "BATCH", 4)


async def filled(base: KnowledgeBase, count: int = 10) -> None:
    await base.ingest("pump.md", b"The pump is blue.")
    for number in range(count - 1):
        await base.ingest(f"{number}.md", b"Nothing in particular, number %d." % number)


async def meant(base: KnowledgeBase, word: str) -> list[str]:
    return [passage.text for passage in await base.recall(word, 1)]


async def test_the_one_before_serves_until_the_new_one_has_read_everything(tmp_path: Path) -> None:
    old, new = Topics("old"), Topics("new", 5)
    new.stop = 4
    async with KnowledgeBase(tmp_path, old) as base:
        await filled(base)
        assert await base.status() == Status("old", "", 10, 10, "")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            assert await base.status() == Status("old", "new", 4, 10, "")
            assert await meant(base, "motor") == ["The pump is blue."]
            await base.ingest("bread.md", b"The bread is warm.")
            assert await meant(base, "loaf") == ["The bread is warm."]
            assert new.queries == 1  # to get to know it
            new.go.set()
        assert await base.status() == Status("new", "", 11, 11, "")
        assert new.passages == 11
        asked = old.queries
        for word, text in (("motor", "The pump is blue."), ("loaf", "The bread is warm.")):
            assert await meant(base, word) == [text]
        await base.ingest("rain.md", b"The rain is wet.")
        assert await meant(base, "shower") == ["The rain is wet."]
        assert (old.queries, old.passages) == (asked, 11)
    with sqlite3.connect(tmp_path / FILE) as file:
        kept = file.execute("SELECT DISTINCT embedder FROM vectors").fetchall()
    file.close()
    assert kept == [(f"new/{new.dimensions}",)]
    async with KnowledgeBase(tmp_path, again := Topics("new", 5)) as base:
        await base.ready()
        assert await meant(base, "motor") == ["The pump is blue."]
        assert again.passages == 0


async def test_cut_off_it_goes_on_from_there_and_words_answer_meanwhile(tmp_path: Path) -> None:
    new = Topics("new")
    new.stop = 6
    async with KnowledgeBase(tmp_path, Topics("old")) as base:
        await filled(base)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            tasks.cancel_scope.cancel()
        assert await meant(base, "motor") == ["The pump is blue."]
    assert new.passages == 4
    new.stop = 8
    new.stopped = anyio.Event()
    async with KnowledgeBase(tmp_path, new) as base:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.ready)
            await new.stopped.wait()
            assert await base.status() == Status("", "new", 8, 10, "")
            assert await meant(base, "motor") == []  # half the vectors would mislead
            assert await meant(base, "the pump") == ["The pump is blue."]
            new.go.set()
        assert await base.status() == Status("new", "", 10, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]
    assert new.passages == 10


async def test_the_one_before_can_be_given_at_the_start(tmp_path: Path) -> None:
    async with KnowledgeBase(tmp_path, Topics("old")) as base:
        await filled(base)
    old, new = Topics("old"), Topics("new")
    new.stop = 4
    async with KnowledgeBase(tmp_path, new, meanwhile=old) as base, anyio.create_task_group() as tasks:
        tasks.start_soon(base.ready)
        await new.stopped.wait()
        assert await base.status() == Status("old", "new", 4, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]
        new.go.set()
    async with KnowledgeBase(tmp_path, Topics("new"), meanwhile=(idle := Topics("old"))) as base:
        assert await meant(base, "motor") == ["The pump is blue."]
        assert idle.queries == 0


async def test_a_later_choice_wins_and_going_back_costs_nothing(tmp_path: Path) -> None:
    old, new, newest = Topics("old"), Topics("new"), Topics("newest")
    new.stop = 4
    async with KnowledgeBase(tmp_path, old) as base:
        await filled(base)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            tasks.start_soon(base.use, newest)
            await anyio.wait_all_tasks_blocked()
            new.go.set()
        assert (await base.status()).embedder == "newest"
        assert new.passages == 8  # the batch that it was at
        await base.use(newest)
        assert newest.passages == 10


async def test_one_that_fails_changes_nothing(tmp_path: Path) -> None:
    old, new = Topics("old"), Topics("new")
    new.stop, new.error = 6, EngineError("out of order", code="test")
    async with KnowledgeBase(tmp_path, old) as base:
        await filled(base)
        with pytest.raises(EngineError, match="out of order"):
            await base.use(new)
        assert await base.status() == Status("old", "new", 4, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]
        await base.ready()
        assert await meant(base, "motor") == ["The pump is blue."]
        new.stop = 1000
        await base.use(new)
        assert (await base.status()).embedder == "new"
        assert new.passages == 10


async def test_a_question_on_its_way_is_answered_across_the_change(tmp_path: Path) -> None:
    old, new = Topics("old"), Topics("new", 7)
    async with KnowledgeBase(tmp_path, old) as base:
        await filled(base)
        await base.ready()
        old.slow_query = True
        answers: list[list[str]] = []

        async def ask() -> None:
            answers.append(await meant(base, "motor"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await old.stopped.wait()
            await base.use(new)
            old.go.set()
        assert answers == [["The pump is blue."]]


async def test_words_get_meaning_later(tmp_path: Path) -> None:
    async with KnowledgeBase(tmp_path, None) as base:
        await filled(base)
        assert await base.status() == Status("", "", 0, 10, "no embedding model is configured")
        assert await meant(base, "motor") == []
        await base.use(Topics("new"))
        assert await base.status() == Status("new", "", 10, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]


async def test_documents_that_come_and_go_meanwhile(tmp_path: Path) -> None:
    new = Topics("new")
    new.stop = 4
    async with KnowledgeBase(tmp_path, Topics("old")) as base:
        await filled(base)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            for document in await base.documents():
                if document.name != "pump.md":
                    await base.delete(document.id)
            await base.ingest("pump.md", b"The pump is green.")
            new.go.set()
        assert await base.status() == Status("new", "", 1, 1, "")
        assert await meant(base, "motor") == ["The pump is green."]


VERSION_1 = """
CREATE TABLE documents (id VARCHAR(32) PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    digest VARCHAR(64) NOT NULL, bytes INTEGER NOT NULL, added DATETIME NOT NULL);
CREATE TABLE chunks (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, document_id VARCHAR(32) NOT NULL,
    position INTEGER NOT NULL, path JSON NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    embedder TEXT, embedding BLOB, FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE);
CREATE INDEX chunks_document ON chunks (document_id);
CREATE INDEX chunks_embedder ON chunks (embedder);
CREATE TABLE state (id INTEGER NOT NULL PRIMARY KEY, revision INTEGER NOT NULL);
CREATE VIRTUAL TABLE chunks_fts USING fts5(heading, text, content='chunks', content_rowid='id',
    tokenize='porter unicode61 remove_diacritics 2');
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts(rowid, heading, text) VALUES (new.id, new.heading, new.text); END;
CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts(chunks_fts, rowid, heading, text)
    VALUES ('delete', old.id, old.heading, old.text); END;
INSERT INTO state VALUES (1, 7);
INSERT INTO documents VALUES ('d', 'pump.md', 'Pump', 'x', 9, '2026-01-01 00:00:00.000000');
PRAGMA user_version = 1;
"""


async def test_a_base_of_the_first_version_keeps_its_vectors(tmp_path: Path) -> None:
    embedder = Topics("old")
    (vector,) = await embedder.embed(["the pump"], "query")
    with sqlite3.connect(tmp_path / FILE) as file:
        file.executescript(VERSION_1)
        row = "INSERT INTO chunks VALUES (?, 'd', 0, '[]', 'Pump', ?, ?, ?)"
        file.execute(row, (5, "It is blue.", "old", vector.tobytes()))
        file.execute(row, (6, "It is heavy.", None, None))
    file.close()
    async with KnowledgeBase(tmp_path, embedder) as base:
        assert await base.status() == Status("old", "old", 1, 2, "")
        assert await meant(base, "motor") == ["It is blue."]
        assert await meant(base, "heavy") == ["It is heavy."]
        await base.ready()
        assert (embedder.passages, await base.status()) == (1, Status("old", "", 2, 2, ""))
        await base.delete("d")
        assert await base.recall("motor") == await base.recall("heavy") == []
