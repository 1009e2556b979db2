"""The knowledge base: what goes in comes out, once, up to date, whatever the embedder does."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio
import looking
import pytest

from nexus_voice.core.access import PUBLIC, SEED
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.reading.chunks import MAX_CHARS
from nexus_voice.knowledge.reading.limits import Limits
from nexus_voice.knowledge.seeding import seed
from nexus_voice.storage.database import FILE
from postgres import execute

if TYPE_CHECKING:
    from nexus_voice.ports import Vectors

pytestmark = pytest.mark.anyio

PUMP = b"# Pump\n\nThe blue button starts the pump.\n\n## Filter\n\nWash the filter with warm water."
OVEN = b"# Oven\n\nThe oven heats bread to two hundred degrees."


class Broken(FakeEmbedder):
    """Fails while `broken`; `texts` counts what it embedded."""

    def __init__(self, name: str = "broken", *, broken: bool = True) -> None:
        super().__init__()
        self.name, self.broken, self.texts = name, broken, 0

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> "Vectors":
        if self.broken:
            raise EngineError("out of order", code="test")
        self.texts += len(texts)
        return await super().embed(texts, kind)


async def found(base: KnowledgeBase, query: str) -> list[str]:
    return [passage.text for passage in await base.recall(query)]


@pytest.mark.parametrize("embedder", [FakeEmbedder(), None, Broken()], ids=["vectors", "words", "broken"])
async def test_a_question_finds_its_passage(at: Path | str, embedder: FakeEmbedder | None) -> None:
    async with KnowledgeBase(at, embedder) as base:
        assert await base.recall("How do I start the pump?") == []
        added = await base.ingest("pump.md", PUMP)
        await base.ingest("oven.md", OVEN)
        assert (added.status, added.title, added.chunks) == ("added", "Pump", 2)
        best = (await base.recall("how do I start the pump"))[0]
        assert best.text == "The blue button starts the pump."
        assert (best.document, best.title, best.path, best.position) == (added.id, "Pump", (), 6)
        assert 0.3 < best.score <= 1
        best = (await base.recall("washing filters"))[0]
        assert (best.text, best.path) == ("Wash the filter with warm water.", ("Filter",))
        assert base.trouble == ("" if type(embedder) is FakeEmbedder else base.trouble or "missing")


async def test_documents_are_kept_listed_replaced_and_deleted(at: Path | str) -> None:
    changes: list[int] = []
    async with KnowledgeBase(at, FakeEmbedder(), on_change=lambda: changes.append(1)) as base:
        first = await base.ingest("pump.md", PUMP)
        version = await base.version()
        again = await base.ingest("pump.md", PUMP)
        assert (again.status, again.id, again.chunks) == ("unchanged", first.id, first.chunks)
        assert await base.version() == version
        changed = await base.ingest("pump.md", b"# Pump\n\nThe green lever starts the pump.")
        assert (changed.status, changed.id, changed.chunks) == ("updated", first.id, 1)
        assert await base.version() > version
        assert await found(base, "start the pump") == ["The green lever starts the pump."]
        assert not any("filter" in text for text in await found(base, "wash the filter"))
        await base.ingest("Opening hours", b"We open at **nine**.", "text/markdown")
        assert [(info.title, info.chunks) for info in await base.documents()] == [
            ("Opening hours", 1),
            ("Pump", 1),
        ]
        assert await base.delete(first.id)
        assert not await base.delete(first.id)
        assert not any("pump" in text for text in await found(base, "start the pump"))
        assert [info.title for info in await base.documents()] == ["Opening hours"]
        assert len(changes) == 4
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        assert await found(base, "when do you open") == ["We open at nine."]
        assert not any("pump" in text for text in await found(base, "start the pump"))


async def test_a_deletion_leaves_nothing_behind(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        await base.delete((await base.ingest("pump.md", PUMP)).id)
    for table in ("documents", "chunks", "vectors", "originals"):
        assert looking.count(at, table) == 0
    looking.check(at)


async def test_chunks_are_stored_with_document_text_and_embedding(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        added = await base.ingest("long.txt", b"A sentence of some length that is repeated. " * 100)
        assert added.chunks > 5
    rows = looking.rows(
        at, "SELECT document_id, id, text, embedder FROM chunks JOIN vectors ON chunk_id = id"
    )
    assert len({id for _, id, _, _ in rows}) == added.chunks
    for document, _, text, embedder in rows:
        assert (document, embedder) == (added.id, "fake/64")
        assert 0 < len(text) <= MAX_CHARS
    looking.check(at)


async def test_what_a_failing_embedder_missed_is_made_up_for(at: Path | str) -> None:
    embedder = Broken()
    async with KnowledgeBase(at, embedder) as base:
        await base.ingest("pump.md", PUMP)
        await base.ready()
        assert base.trouble == "out of order"
        assert await found(base, "start the pump")
        embedder.broken = False
        await base.ready()
        assert base.trouble == ""
        made = embedder.texts
        assert made >= 2
        await base.ready()
        assert embedder.texts == made
    other = Broken("another", broken=False)
    async with KnowledgeBase(at, other) as base:
        await base.ready()
        assert other.texts >= 2
        assert await found(base, "start the pump")


async def test_another_process_sees_changes_at_once(at: Path | str) -> None:
    async with (
        KnowledgeBase(at, FakeEmbedder()) as one,
        KnowledgeBase(at, FakeEmbedder()) as other,
    ):
        added = await one.ingest("pump.md", PUMP)
        assert await found(other, "start the pump")
        await one.ingest("oven.md", OVEN)
        assert await found(other, "bread in the oven")
        await other.delete(added.id)
        assert not any("pump" in text for text in await found(one, "start the pump"))


async def test_many_at_once(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base, anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(
                base.ingest, f"{number}.md", b"# Pump %d\n\nThe pump number %d." % (number, number)
            )
            tasks.start_soon(base.ingest, "same.md", b"Shared text %d" % (number % 2))
            tasks.start_soon(base.recall, f"pump {number}")
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        assert len(await base.documents()) == 9


async def test_a_seed_folder_is_mirrored_and_leaves_uploads_alone(tmp_path: Path, at: Path | str) -> None:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "pump.md").write_bytes(PUMP)
    (folder / "deep" / "oven.md").write_bytes(OVEN)
    (folder / "song.mp3").write_bytes(b"ID3")
    (folder / "broken.txt").write_bytes(bytes(100))
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        await base.ingest("pump.md", b"My own pump is red.")
        assert sorted(one.status for one in await seed(base, folder)) == ["added", "added"]
        assert {one.status for one in await seed(base, folder)} == {"unchanged"}
        (folder / "deep" / "oven.md").unlink()
        assert len(await seed(base, folder)) == 1
        assert sorted(info.name for info in await base.documents()) == ["pump.md", "pump.md"]


async def test_the_seeds_collection_is_named_after_the_seed(tmp_path: Path, at: Path | str) -> None:
    async def seeded(folder: str, *files: str, called: str = "") -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        for file in files:
            (tmp_path / folder / file).write_bytes(PUMP)
        await seed(base, tmp_path / folder, called)
        return next(one.name for one in await base.collections.listing(PUBLIC) if one.id == SEED)

    async with KnowledgeBase(at, FakeEmbedder()) as base:
        assert await seeded("docs", "start.md", called="About us") == "About us"
        assert await seeded("Handbooks", "pump.md") == "Handbooks"
        assert await base.collections.rename(SEED, "The works", None)
        assert await seeded("Handbooks", "oven.md") == "The works"
        assert await seeded("Recipes", "cake.md") == "Recipes"
        assert await seeded("not mounted") == "Recipes"


async def test_a_question_during_the_first_seconds_waits_for_the_seed(tmp_path: Path, at: Path | str) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(20):
        (folder / f"{n}.md").write_bytes(b"# Page %d\n\nThis page is about nothing." % n)
    (folder / "pump.md").write_bytes(PUMP)
    async with KnowledgeBase(at, FakeEmbedder()) as base, anyio.create_task_group() as tasks:
        tasks.start_soon(seed, base, folder)
        await anyio.wait_all_tasks_blocked()
        assert "The blue button starts the pump." in await found(base, "How do I start the pump?")


async def test_sentences_for_the_recogniser(at: Path | str) -> None:
    async with KnowledgeBase(at, None) as base:
        await base.ingest("pump.md", PUMP + b"\n\n    code --here\n")
        assert await base.sentences() == [
            "Pump", "Filter", "The blue button starts the pump.", "Wash the filter with warm water.",
        ]  # fmt: skip
        assert await base.sentences(2) == ["Pump", "Filter"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        '"',
        "AND OR NOT",
        "NEAR(a b)",
        "a*",
        "pump' --",
        "x" * 100_000,
        "pump " * 5_000,
        "*:^",
        "你好",
    ],
)
async def test_no_query_is_syntax(at: Path | str, query: str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        await base.ingest("pump.md", PUMP)
        assert isinstance(await base.recall(query), list)


async def test_refusals_change_nothing(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder(), limits=Limits(size=100)) as base:
        await base.ingest("pump.md", PUMP)
        for name, data, code in [
            ("pump.md", bytes(50), "unsupported_type"),
            ("pump.md", b"x" * 101, "too_large"),
            (" ", b"x", "name_missing"),
        ]:
            with pytest.raises(BadInput) as caught:
                await base.ingest(name, data)
            assert caught.value.code == code
        assert await found(base, "start the pump")


async def test_a_damaged_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database, but it is long enough to be taken for one" * 20)
    async with KnowledgeBase(tmp_path, None) as base:
        with pytest.raises(EngineError, match="cannot be opened") as caught:
            await base.documents()
        assert caught.value.code == "knowledge_unreadable"


async def test_a_server_that_is_not_there_is_explained() -> None:
    async with KnowledgeBase("postgresql://nexus:secret@127.0.0.1:1/none", None) as base:
        with pytest.raises(EngineError, match="Check that PostgreSQL runs") as caught:
            await base.documents()
        assert caught.value.code == "knowledge_unreachable"
        assert "secret" not in caught.value.message


async def test_a_server_that_cuts_every_connection_is_found_again(postgres_url: str) -> None:
    async with KnowledgeBase(postgres_url, FakeEmbedder()) as base:
        await base.ingest("pump.md", PUMP)
        server, _, name = postgres_url.rpartition("/")
        cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        execute(f"{server}/postgres", cut)
        assert await found(base, "start the pump")
        execute(f"{server}/postgres", cut)
        execute(f"{server}/postgres", f"ALTER DATABASE {name} RENAME TO {name}_elsewhere")
        try:
            with pytest.raises(EngineError) as caught:
                await base.recall("start the pump")
            assert caught.value.code == "knowledge_unreachable"
        finally:
            execute(f"{server}/postgres", f"ALTER DATABASE {name}_elsewhere RENAME TO {name}")
        assert await found(base, "start the pump")
