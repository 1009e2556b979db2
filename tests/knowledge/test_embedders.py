"""Another embedder takes the place of one: nothing stops, nothing is lost, nothing is done twice."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio
import looking
import numpy as np
import pytest

from nexus_voice.core.errors import EngineError
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.index import embedders
from nexus_voice.knowledge.index.embedders import Progress

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


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedders, "BATCH_CHUNKS", 4)


async def filled(base: KnowledgeBase, count: int = 10) -> None:
    await base.ingest("pump.md", b"The pump is blue.")
    for number in range(count - 1):
        await base.ingest(f"{number}.md", b"Nothing in particular, number %d." % number)


async def meant(base: KnowledgeBase, word: str) -> list[str]:
    return [passage.text for passage in await base.recall(word, 1)]


async def test_the_one_before_serves_until_the_new_one_has_read_everything(at: Path | str) -> None:
    old, new = Topics("old"), Topics("new", 5)
    new.stop = 4
    async with KnowledgeBase(at, old) as base:
        await filled(base)
        assert await base.progress() == Progress("old", "", 10, 10, "")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            assert await base.progress() == Progress("old", "new", 4, 10, "")
            assert await meant(base, "motor") == ["The pump is blue."]
            await base.ingest("bread.md", b"The bread is warm.")
            assert await meant(base, "loaf") == ["The bread is warm."]
            assert new.queries == 1  # to get to know it
            new.go.set()
        assert await base.progress() == Progress("new", "", 11, 11, "")
        assert new.passages == 11
        asked = old.queries
        for word, text in (("motor", "The pump is blue."), ("loaf", "The bread is warm.")):
            assert await meant(base, word) == [text]
        await base.ingest("rain.md", b"The rain is wet.")
        assert await meant(base, "shower") == ["The rain is wet."]
        assert (old.queries, old.passages) == (asked, 11)
    kept = looking.rows(at, "SELECT DISTINCT embedder FROM vectors")
    assert kept == [(f"new/{new.dimensions}",)]
    async with KnowledgeBase(at, again := Topics("new", 5)) as base:
        await base.ready()
        assert await meant(base, "motor") == ["The pump is blue."]
        assert again.passages == 0


async def test_cut_off_it_goes_on_from_there_and_words_answer_meanwhile(at: Path | str) -> None:
    new = Topics("new")
    new.stop = 6
    async with KnowledgeBase(at, Topics("old")) as base:
        await filled(base)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            tasks.cancel_scope.cancel()
        assert await meant(base, "motor") == ["The pump is blue."]
    assert new.passages == 4
    new.stop = 8
    new.stopped = anyio.Event()
    async with KnowledgeBase(at, new) as base:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.ready)
            await new.stopped.wait()
            assert await base.progress() == Progress("", "new", 8, 10, "")
            assert await meant(base, "motor") == []  # half the vectors would mislead
            assert await meant(base, "the pump") == ["The pump is blue."]
            new.go.set()
        assert await base.progress() == Progress("new", "", 10, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]
    assert new.passages == 10


async def test_the_one_before_can_be_given_at_the_start(at: Path | str) -> None:
    async with KnowledgeBase(at, Topics("old")) as base:
        await filled(base)
    old, new = Topics("old"), Topics("new")
    new.stop = 4
    async with KnowledgeBase(at, new, meanwhile=old) as base, anyio.create_task_group() as tasks:
        tasks.start_soon(base.ready)
        await new.stopped.wait()
        assert await base.progress() == Progress("old", "new", 4, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]
        new.go.set()
    async with KnowledgeBase(at, Topics("new"), meanwhile=(idle := Topics("old"))) as base:
        assert await meant(base, "motor") == ["The pump is blue."]
        assert idle.queries == 0


async def test_a_later_choice_wins_and_going_back_costs_nothing(at: Path | str) -> None:
    old, new, newest = Topics("old"), Topics("new"), Topics("newest")
    new.stop = 4
    async with KnowledgeBase(at, old) as base:
        await filled(base)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            tasks.start_soon(base.use, newest)
            await anyio.wait_all_tasks_blocked()
            new.go.set()
        assert (await base.progress()).embedder == "newest"
        assert new.passages == 8  # the batch that it was at
        await base.use(newest)
        assert newest.passages == 10


async def test_one_that_fails_changes_nothing(at: Path | str) -> None:
    old, new = Topics("old"), Topics("new")
    new.stop, new.error = 6, EngineError("out of order", code="test")
    async with KnowledgeBase(at, old) as base:
        await filled(base)
        with pytest.raises(EngineError, match="out of order"):
            await base.use(new)
        assert await base.progress() == Progress("old", "new", 4, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]
        await base.ready()
        assert await meant(base, "motor") == ["The pump is blue."]
        new.stop = 1000
        await base.use(new)
        assert (await base.progress()).embedder == "new"
        assert new.passages == 10


async def test_a_question_on_its_way_is_answered_across_the_change(at: Path | str) -> None:
    old, new = Topics("old"), Topics("new", 7)
    async with KnowledgeBase(at, old) as base:
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


async def test_words_get_meaning_later(at: Path | str) -> None:
    async with KnowledgeBase(at, None) as base:
        await filled(base)
        assert await base.progress() == Progress("", "", 0, 10, "no embedding model is configured")
        assert await meant(base, "motor") == []
        await base.use(Topics("new"))
        assert await base.progress() == Progress("new", "", 10, 10, "")
        assert await meant(base, "motor") == ["The pump is blue."]


async def test_documents_that_come_and_go_meanwhile(at: Path | str) -> None:
    new = Topics("new")
    new.stop = 4
    async with KnowledgeBase(at, Topics("old")) as base:
        await filled(base)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(base.use, new)
            await new.stopped.wait()
            for document in await base.documents():
                if document.name != "pump.md":
                    await base.delete(document.id)
            await base.ingest("pump.md", b"The pump is green.")
            new.go.set()
        assert await base.progress() == Progress("new", "", 1, 1, "")
        assert await meant(base, "motor") == ["The pump is green."]
