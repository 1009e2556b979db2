"""Documents taken in by jobs: side by side with failures, cancelled, stopped, killed at any moment."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio
import pytest
from reading_parts import WARNINGS

from forked import script
from knowledge import looking
from knowledge.looking import execute
from nexus_voice.core.access import DEFAULT, PUBLIC
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.documents.records import Origin
from nexus_voice.knowledge.ingest.fetch import fetch
from nexus_voice.knowledge.ingest.ingestion import Ingestion
from nexus_voice.knowledge.ingest.job import Item, Job, Sent
from nexus_voice.knowledge.reading.chunks import READER_VERSION
from nexus_voice.knowledge.reading.confined_reader import Reader
from openai_server import Reply
from vendors.loopback import serving

if TYPE_CHECKING:
    from nexus_voice.ports import Vectors

HERE = ["127.0.0.0/8"]


class Held(FakeEmbedder):
    """Waits before passages until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.passages = 0
        self.reached, self.go = anyio.Event(), anyio.Event()

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if kind == "passage":
            self.reached.set()
            await self.go.wait()
            self.passages += len(texts)
        return await super().embed(texts, kind)


@dataclass
class Stage:
    base: KnowledgeBase
    ingestion: Ingestion
    ended: list[str]

    async def send(self, *sent: Sent) -> str:
        id = await self.ingestion.enqueue(DEFAULT, sent, PUBLIC)
        assert id
        return id

    async def end(self, id: str) -> Job:
        """The job when it is over."""
        views = [job async for job in self.ingestion.follow(id, PUBLIC)]
        return views[-1]

    async def take_in(self, *sent: Sent) -> tuple[Item, ...]:
        return (await self.end(await self.send(*sent))).items

    async def until(self, id: str, condition: Callable[[Job], bool]) -> Job:
        async with aclosing(self.ingestion.follow(id, PUBLIC)) as views:
            async for job in views:
                if condition(job):
                    return job
        raise AssertionError(job)


@asynccontextmanager
async def stage(
    at: Path | str, embedder: FakeEmbedder | None = None, reader: Reader | None = None, **options: Any
) -> AsyncIterator[Stage]:
    """Without a `reader`, documents are read in this process."""
    ended: list[str] = []
    async with (
        KnowledgeBase(at, embedder or FakeEmbedder(), reader=reader) as base,
        anyio.create_task_group() as tasks,
    ):
        work = Ingestion(base, partial(fetch, allowed=HERE), ended=ended.append, **options)
        tasks.start_soon(work.run)
        yield Stage(base, work, ended)
        tasks.cancel_scope.cancel()


def file(name: str, text: str, **more: Any) -> Sent:
    return Sent(name, text.encode, **more)


def long(parts: int) -> str:
    return "\n\n".join(f"# Part {part}\n\n" + f"Sentence of part {part}. " * 30 for part in range(parts))


async def found(base: KnowledgeBase, query: str) -> list[str]:
    return [passage.text for passage in await base.recall(query)]


@pytest.mark.anyio
async def test_each_document_has_an_end_of_its_own(tmp_path: Path) -> None:
    async with Reader() as reader, stage(tmp_path, reader=reader) as here:
        items = await here.take_in(
            file("tea.md", "Green tea is brewed at eighty degrees."),
            Sent("tool.exe", partial(bytes, b"MZ\0\1" * 99)),
            file("empty.txt", ""),
            file("more/coffee.txt", "Coffee is brewed at ninety-three degrees."),
        )
        assert [item.state for item in items] == ["done", "failed", "failed", "done"]
        assert [item.error_code for item in items] == [None, "unsupported_type", "empty_document", None]
        assert [(item.status, item.chunks, item.embedded) for item in (items[0], items[3])] == [
            ("added", 1, 1)
        ] * 2
        assert await found(here.base, "How hot is coffee?") == ["Coffee is brewed at ninety-three degrees."]
        original = await here.base.original(items[0].document_id or "")
        assert original
        assert original[2] == b"Green tea is brewed at eighty degrees."
        assert here.ended == ["added", "failed", "failed", "added"]


@pytest.mark.anyio
async def test_what_is_doubtful_is_said_with_the_document(at: Path | str, odd: str) -> None:
    async with Reader(parser=odd) as reader, stage(at, reader=reader) as here:
        item, plain = await here.take_in(file("doubtful", "x"), file("plain.txt", "Plain."))
        assert (item.state, list(item.warnings), plain.warnings) == ("done", WARNINGS, ())
        assert item.document_id
        document = await here.base.document(item.document_id)
        assert document
        assert (list(document.warnings), document.reader) == (WARNINGS, READER_VERSION)


@pytest.mark.anyio
async def test_once_reading_has_improved_nothing_counts_as_known(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        tea = file("tea.md", "Green tea.", fingerprint="v1")
        assert [one.status for one in await here.take_in(tea)] == ["added"]
        for again, status in (
            (tea, "updated"),
            (tea, "unchanged"),
            (file("tea.md", "Green tea."), "updated"),
        ):
            if status == "updated":
                execute(tmp_path, "UPDATE documents SET reader = reader - 1")
            assert [one.status for one in await here.take_in(again)] == [status]


@pytest.mark.anyio
async def test_once_reading_has_improved_documents_can_be_read_again(at: Path | str) -> None:
    async with stage(at) as here:
        tea, _, gone = await here.take_in(
            file("tea.md", "# Tea\n\nGreen tea.", type="application/octet-stream", fingerprint="v1"),
            file("coffee.md", "# Coffee\n\nBlack coffee."),
            file("gone.md", "Gone."),
        )
        assert tea.document_id
        await here.base.change(tea.document_id, title="My tea")
        assert await here.ingestion.refresh(PUBLIC) == []
        execute(at, "UPDATE documents SET reader = 0 WHERE name <> 'coffee.md'")
        assert await here.ingestion.outdated(PUBLIC) == 2
        before = await here.base.document(tea.document_id)
        (job,) = await here.ingestion.refresh(PUBLIC)
        assert gone.document_id
        await here.base.delete(gone.document_id)
        again = await here.end(job.id)
        ends = {one.name: (one.state, one.status, one.document_id) for one in again.items}
        assert ends["tea.md"] == ("done", "updated", tea.document_id)
        assert ends["gone.md"] in (("failed", None, None), ("done", "updated", None))
        after = await here.base.document(tea.document_id)
        assert before
        assert after
        assert (after.title, after.digest, after.reader) == ("My tea", before.digest, READER_VERSION)
        assert await found(here.base, "green tea") == ["Green tea."]
        assert await here.ingestion.outdated(PUBLIC) == 0
        assert await here.ingestion.refresh(PUBLIC) == []
        assert [one.name for one in await here.base.documents()] == ["coffee.md", "tea.md"]
    looking.check(at)


@pytest.mark.anyio
async def test_reading_again_outlives_the_server(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.take_in(file("tea.md", "Green tea."))
    execute(tmp_path, "UPDATE documents SET reader = 0")
    async with KnowledgeBase(tmp_path, FakeEmbedder()) as base:
        waiting = Ingestion(base, fetch)
        (job,) = await waiting.refresh(PUBLIC)
        assert await waiting.refresh(PUBLIC) == []
        assert (job.state, job.total) == ("queued", 1)
    async with stage(tmp_path) as here:
        assert [one.status for one in (await here.end(job.id)).items] == ["updated"]


@pytest.mark.anyio
async def test_what_is_known_costs_no_reading_and_no_vectors(tmp_path: Path) -> None:
    embedder = Held()
    embedder.go.set()
    async with stage(tmp_path, embedder) as here:
        (first,) = await here.take_in(file("tea.md", "Green tea."))
        before = embedder.passages
        (again,) = await here.take_in(file("tea.md", "Green tea."))
        assert (again.status, again.document_id, again.chunks) == ("unchanged", first.document_id, 1)
        assert embedder.passages == before
        (other,) = await here.take_in(file("tea.md", "Black tea."))
        assert (other.status, other.document_id) == ("updated", first.document_id)
        assert await found(here.base, "tea") == ["Black tea."]


@pytest.mark.anyio
async def test_a_known_fingerprint_is_enough(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.take_in(file("tea.md", "Green tea.", source="folder", fingerprint="1"))
        (same,) = await here.take_in(file("tea.md", "Never read.", source="folder", fingerprint="1"))
        assert same.status == "unchanged"
        (touched,) = await here.take_in(file("tea.md", "Green tea.", source="folder", fingerprint="2"))
        assert touched.status == "unchanged"
        info = await here.base.find(Origin("tea.md", source="folder"))
        assert info
        assert info.fingerprint == "2"
        (elsewhere,) = await here.take_in(file("tea.md", "Another tea.", fingerprint="1"))
        assert elsewhere.status == "added"


@pytest.mark.anyio
async def test_a_page_is_fetched_and_its_failure_is_its_own(tmp_path: Path) -> None:
    def answer(request: Any) -> Reply:
        if request.path == "/tea":
            return Reply([b"<title>Tea</title><p>White tea is rare."], 200, "text/html", {"ETag": '"7"'})
        return Reply([b""], 404, "text/html")

    async with serving(answer) as server, stage(tmp_path) as here:
        urls = [f"{server.url}/tea", f"{server.url}/none", "http://10.0.0.1/"]
        sent = [Sent(url, source="url", url=url) for url in urls]
        tea, none, private = await here.take_in(*sent)
        assert (tea.status, tea.name, tea.source) == ("added", urls[0], "url")
        assert (none.error_code, private.error_code) == ("url_status", "url_refused")
        info = await here.base.find(Origin(urls[0], source="url"))
        assert info
        assert (info.title, info.fingerprint, info.type) == ("Tea", '"7"', "text/html")
        assert await here.base.original(info.id)
        (again,) = await here.take_in(sent[0])
        assert again.status == "unchanged"


@pytest.mark.anyio
async def test_words_are_found_while_the_vectors_are_still_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Held()
    async with stage(tmp_path, embedder) as here:
        id = await here.send(file("long.md", long(80)))
        await embedder.reached.wait()
        job = await here.until(id, lambda job: job.items[0].chunks > 0)
        assert (job.items[0].chunks, job.items[0].embedded, job.items[0].status) == (80, 0, "added")
        assert (await found(here.base, "sentence of part 7"))[0].startswith("Sentence of part 7.")
        embedder.go.set()
        (item,) = (await here.end(id)).items
        assert (item.state, item.embedded) == ("done", 80)


@pytest.mark.anyio
async def test_a_cancelled_job_keeps_what_is_stored_and_sending_it_again_finishes_it(tmp_path: Path) -> None:
    embedder = Held()
    async with stage(tmp_path, embedder) as here:
        sent = file("a.md", long(3)), file("b.md", "Never read.")
        id = await here.send(*sent)
        await embedder.reached.wait()
        assert await here.ingestion.cancel(id, PUBLIC)
        job = await here.end(id)
        assert job.state == "cancelled"
        assert [(item.state, item.status) for item in job.items] == [
            ("cancelled", "added"),
            ("cancelled", None),
        ]
        assert [info.name for info in await here.base.documents()] == ["a.md"]
        embedder.go.set()
        first, second = await here.take_in(*sent)
        assert (first.status, first.embedded, second.status) == ("unchanged", 3, "added")


@pytest.mark.anyio
async def test_cancelling_stops_the_reader_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    async with (
        Reader(parser="reading_parts:Parser") as reader,  # it can be made to work without end
        KnowledgeBase(tmp_path, FakeEmbedder(), reader=reader) as base,
    ):
        work = Ingestion(base, fetch)
        here = Stage(base, work, [])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work.run)
            id = await here.send(file("endless", "x"))
            await here.until(id, lambda job: job.items[0].state == "running")
            await work.cancel(id, PUBLIC)
            with anyio.fail_after(20):
                (after,) = await here.take_in(file("tea.md", "Green tea."))
            assert after.status == "added"
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_a_job_cancelled_in_another_process_stops_here_too(tmp_path: Path) -> None:
    embedder = Held()
    async with stage(tmp_path, embedder, lease=1.5) as here, KnowledgeBase(tmp_path, None) as base:
        elsewhere = Ingestion(base, fetch)
        id = await here.send(file("a.md", "Green tea."))
        await embedder.reached.wait()
        assert await elsewhere.cancel(id, PUBLIC)
        with anyio.fail_after(20):
            while here.ingestion._running:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert not embedder.passages


@pytest.mark.anyio
async def test_a_server_that_stops_goes_on_at_its_next_start(tmp_path: Path) -> None:
    embedder = Held()
    async with stage(tmp_path, embedder) as here:
        id = await here.send(file("a.md", long(3)), file("b.md", "Green tea."))
        await embedder.reached.wait()
    async with stage(tmp_path) as here:
        job = await here.end(id)
        assert [(item.state, item.status, item.embedded) for item in job.items] == [
            ("done", "added", 3),
            ("done", "added", 1),
        ]
        assert len(await here.base.documents()) == 2


@pytest.mark.anyio
async def test_two_workers_share_the_work(tmp_path: Path) -> None:
    async with (
        Reader() as reader,
        stage(tmp_path, reader=reader, at_once=3) as here,
        KnowledgeBase(tmp_path, FakeEmbedder(), reader=reader) as base,
    ):
        other = Ingestion(base, fetch)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other.run)
            items = await here.take_in(*(file(f"{number % 5}.md", f"Text {number}.") for number in range(20)))
            tasks.cancel_scope.cancel()
        assert [item.state for item in items] == ["done"] * 20
        assert [item.status for item in items] == ["added"] * 5 + ["updated"] * 15
        assert sorted(await found(here.base, "text")) == [f"Text {number}." for number in range(15, 20)]


@pytest.mark.anyio
async def test_an_embedder_that_fails_leaves_the_words(tmp_path: Path) -> None:
    class Broken(FakeEmbedder):
        async def embed(self, *_: Any) -> Any:
            raise ZeroDivisionError("a secret")

    async with stage(tmp_path, Broken()) as here:
        (item,) = await here.take_in(file("tea.md", "Green tea."))
        assert (item.state, item.status, item.error_code) == ("failed", "added", "internal")
        assert "secret" not in (item.error or "")


@pytest.mark.anyio
async def test_every_change_is_announced_once_it_is_stored(tmp_path: Path) -> None:
    told: list[int] = []
    async with stage(tmp_path) as here:
        here.base.on_change = lambda: told.append(1)
        await here.take_in(*(file(f"{number}.md", f"Text {number}.") for number in range(5)))
        assert len(told) == 5
        await here.take_in(file("1.md", "Text 1."))
        assert len(told) == 5, "nothing has changed"


@pytest.mark.anyio
async def test_a_job_that_stands_still_is_shown_again(tmp_path: Path) -> None:
    embedder = Held()
    async with stage(tmp_path, embedder, keep_alive=0.0) as here:
        id = await here.send(file("a.md", "Green tea."))
        await embedder.reached.wait()
        await here.until(id, lambda job: job.items[0].chunks > 0)
        async with aclosing(here.ingestion.follow(id, PUBLIC)) as views:
            assert await anext(views) == await anext(views)


INGESTING = Path(__file__).with_name("ingesting.py")
MOMENTS = ["enqueued", "reading", "storing", "stored", "embedding", "ended"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_whenever_it_is_killed_the_outcome_is_the_same(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    at = str(tmp_path / "killed") if kind == "sqlite" else request.getfixturevalue("postgres_url")
    for moment in MOMENTS:
        with script(INGESTING, at, moment) as process:
            assert process.stdout.readline().strip() == moment
            assert process.kill()
    expected = outcome(str(tmp_path / "undisturbed"))
    assert outcome(at) == expected
    assert expected["items"][0] == ["long.md", "done", "added", 6, 6, None]


def outcome(at: str) -> Any:
    with script(INGESTING, at) as process:
        return json.loads(process.stdout.read())
