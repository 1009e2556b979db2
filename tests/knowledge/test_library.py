"""Documents, their originals and collections, on both databases: nothing half, nothing orphaned, nothing seen
by those who may not."""

import hashlib
from functools import partial
from pathlib import Path
from uuid import uuid4

import anyio
import looking
import pytest
import sqlalchemy as sa

from nexus_voice.core.access import DEFAULT, EVERYONE, PUBLIC, SEED, Scope
from nexus_voice.core.errors import BadInput
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.documents import library, originals
from nexus_voice.knowledge.documents.records import DocumentInfo, Origin
from nexus_voice.knowledge.reading.chunks import Chunk, Reading
from nexus_voice.storage.columns import now
from nexus_voice.storage.schema import items, jobs

pytestmark = pytest.mark.anyio

ADA, BOB = (Scope(frozenset({EVERYONE, f"user:{name}"})) for name in ("ada", "bob"))


def reading(title: str, *texts: str) -> Reading:
    places = [sum(len(text) + 2 for text in texts[:place]) for place in range(len(texts))]
    chunks = [Chunk(text, ("Part",), place, 3) for text, place in zip(texts, places, strict=True)]
    return Reading(title, "text/plain", 7, chunks)


async def put(base: KnowledgeBase, origin: Origin, *texts: str, original: str | None = None) -> DocumentInfo:
    return (await stored(base, origin, reading("Title", *texts), original=original))[0]


async def stored(
    base: KnowledgeBase, origin: Origin, reading: Reading, digest: str = "d", original: str | None = None
) -> tuple[DocumentInfo, str]:
    """As if a file had been read as `reading`."""
    put = partial(library.put, origin=origin, reading=reading, digest=digest, size=9, original=original)
    return await base.store.write(put)


def sent(connection: sa.Connection, data: bytes) -> str:
    """Keep an original that an item of a new job refers to, as when a document is sent; the job's id."""
    job, digest = uuid4().hex, originals.keep(connection, data)
    connection.execute(jobs.insert().values(id=job, collection_id=DEFAULT, created=now(), state="running"))
    item = {"source": "upload", "name": "n", "type": "", "fingerprint": "", "state": "running"}
    numbers = {"attempts": 1, "chunks": 0, "embedded": 0}
    connection.execute(items.insert().values(job_id=job, original=digest, **item, **numbers))
    return job


async def kept(base: KnowledgeBase, data: bytes) -> str:
    """Its digest."""
    with (await base.store.open()).write() as connection:
        sent(connection, data)
    return hashlib.sha256(data).hexdigest()


async def forget_jobs(base: KnowledgeBase) -> None:
    with (await base.store.open()).write() as connection:
        connection.execute(sa.text("DELETE FROM jobs"))
        originals.sweep(connection)


async def found(base: KnowledgeBase, query: str, scope: Scope = PUBLIC) -> list[str]:
    return [passage.text for passage in await base.recall(query, scope=scope)]


async def test_what_is_put_is_found_by_words_before_it_has_vectors(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        origin = Origin("pump.txt", source="https://example.com", type="text/x", fingerprint="v1")
        assert await base.find(origin) is None
        info, status = await stored(base, origin, reading("Pump", "The pump is blue.", "It hums."), "d1")
        assert status == "added"
        assert (info.collection, info.source, info.name) == (DEFAULT, "https://example.com", "pump.txt")
        assert (info.title, info.type, info.digest, info.original) == ("Pump", "text/plain", "d1", None)
        assert (info.fingerprint, info.bytes, info.pages, info.chunks) == ("v1", 9, 7, 2)
        assert await base.find(origin) == await base.document(info.id) == info
        assert looking.count(at, "vectors") == 0
        (passage, *_) = await base.recall("blue pump")
        assert (passage.document, passage.page, passage.position, passage.path) == (info.id, 3, 0, ("Part",))
        told: list[tuple[int, int]] = []
        await base.embed(info.id, lambda done, total: told.append((done, total)))
        assert told == [(0, 2), (2, 2)]
        assert looking.count(at, "vectors") == 2
        await base.embed(info.id)
        await base.embed("nothing of that id")
        assert [(one.position, one.text) for one in await base.chunks_of(info.id)] == [
            (0, "The pump is blue."),
            (19, "It hums."),
        ]
        for window, positions in (((0, 18), [0]), ((1, 19), [19]), ((1, 18), []), ((-9, None), [0, 19])):
            found = await base.chunks_of(info.id, None, *window)
            assert [one.position for one in found] == positions


async def test_name_source_and_collection_together_are_a_document(at: Path | str) -> None:
    async with KnowledgeBase(at, None) as base:
        collection = await base.collections.create("Mine", EVERYONE)
        for number, origin in enumerate(
            [Origin("a.txt"), Origin("a.txt", source="s3"), Origin("a.txt", collection.id), Origin("b.txt")]
        ):
            await put(base, origin, f"Number {number}.")
        first = await base.find(Origin("a.txt"))
        assert first
        info, status = await stored(base, Origin("a.txt"), reading("New", "Another text."))
        assert (info.id, status, info.title) == (first.id, "updated", "New")
        assert len(await base.documents()) == 4
        assert await found(base, "another text") == ["Another text."]
        assert "Number 0." not in await found(base, "number 0")
    looking.check(at)


async def test_when_its_note_cannot_be_written_nothing_has_happened(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        before = await base.ingest("a.txt", b"The old text.")
        version, origin = await base.version(), Origin("a.txt")
        seen: list[str] = []

        def note(connection: sa.Connection, document: DocumentInfo, status: str) -> None:
            seen.append(f"{document.id} {status}")
            connection.execute(sa.text("DELETE FROM grants"))
            raise ZeroDivisionError

        for data in (b"The new text.", b"The old text."):
            with pytest.raises(ZeroDivisionError):
                await base.take_in(origin, data, note=note)
        assert seen == [f"{before.id} updated", f"{before.id} unchanged"]
        assert await found(base, "old text") == ["The old text."]
        assert await base.version() == version
        with pytest.raises(BadInput):
            await base.take_in(Origin("a.txt", "nowhere"), b"The new text.")
        done = await base.take_in(origin, b"The new text.", note=lambda *_: None)
        assert (done.id, done.status) == (before.id, "updated")
    looking.check(at)


async def test_an_original_is_kept_once_and_goes_with_the_last_that_needs_it(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        one = await base.ingest("a.txt", b"The same bytes.")
        two = await base.ingest("b.txt", b"The same bytes.")
        assert looking.count(at, "originals") == 1
        assert await base.original(one.id) == ("a.txt", "text/plain", b"The same bytes.")
        await base.delete(one.id)
        assert await base.original(one.id) is None
        assert await base.original(two.id) == ("b.txt", "text/plain", b"The same bytes.")
        await base.ingest("b.txt", b"Other bytes.")
        assert looking.rows(at, "SELECT bytes FROM originals") == [(12,)]
        digest = await kept(base, b"Sent.")
        three = await put(base, Origin("c.txt"), "Sent.", original=digest)
        await forget_jobs(base)
        assert looking.count(at, "originals") == 2
        again = await kept(base, b"Sent.")
        assert again == digest
        await base.delete(three.id)
        await base.delete(two.id)
        assert looking.rows(at, "SELECT digest FROM originals") == [(digest,)]
        await forget_jobs(base)
        assert looking.count(at, "originals") == 0
        without = await put(base, Origin("d.txt"), "No original.")
        assert await base.original(without.id) is None
    looking.check(at)


async def test_processes_that_share_an_original_do_not_get_in_each_others_way(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as one, KnowledgeBase(at, FakeEmbedder()) as other:
        database = await other.store.open()

        async def come_and_go(base: KnowledgeBase, name: str) -> None:
            for _ in range(15):
                added = await base.ingest(name, b"The same bytes.")
                await base.ingest(name, b"Other bytes.")
                await base.delete(added.id)

        def send_and_forget() -> None:
            for _ in range(60):
                with database.write() as connection:
                    job = sent(connection, b"The same bytes.")
                with database.write() as connection:
                    connection.execute(jobs.delete().where(jobs.c.id == job))
                    originals.sweep(connection)

        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(come_and_go, one, f"{number}.txt")
                tasks.start_soon(come_and_go, other, f"{number + 1}.txt")
                tasks.start_soon(anyio.to_thread.run_sync, send_and_forget)
        assert looking.count(at, "originals") == 0
    looking.check(at)


async def test_a_listing_goes_page_by_page(at: Path | str) -> None:
    async with KnowledgeBase(at, None) as base:
        for number in range(7):
            title = f"Title {number // 2}"  # some have the same
            origin = Origin(f"{number}.txt", source="odd" if number % 2 else "even")
            await stored(base, origin, reading(title, "Text."))
        everything = await base.documents()
        assert [one.title for one in everything] == sorted(one.title for one in everything)
        pages: list[DocumentInfo] = []
        after = None
        while page := await base.documents(after=after, limit=2):
            assert len(page) <= 2
            pages += page
            after = page[-1].place
        assert pages == everything
        assert {one.name for one in await base.documents(source="odd")} == {"1.txt", "3.txt", "5.txt"}
        await base.delete(everything[2].id)  # the listing goes on even after one that is gone
        assert await base.documents(after=everything[2].place) == everything[3:]
        assert await base.documents(collection=SEED) == []


async def test_a_document_gets_another_name_title_or_collection(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        other = await base.collections.create("Other", EVERYONE)
        only = Scope(collections=frozenset({other.id}))
        info = await base.ingest("pump.md", b"# Pump\n\nThe blue button starts it.")
        await base.ingest("oven.md", b"# Oven\n\nIt heats bread.")
        assert await found(base, "blue button", only) == []
        moved = await base.change(info.id, collection=other.id, name=" machine.md ", title="Big machine")
        assert moved
        assert (moved.id, moved.collection, moved.name, moved.title) == (
            info.id, other.id, "machine.md", "Big machine",
        )  # fmt: skip
        assert await base.document(info.id) == moved
        assert await found(base, "blue button", only) == ["The blue button starts it."]
        assert (await base.recall("big machine", scope=only))[0].title == "Big machine"
        await base.ready()
        assert looking.count(at, "vectors") == looking.count(at, "chunks") == 2
        await base.ingest("machine.md", b"Another one.", collection=DEFAULT)
        with pytest.raises(BadInput) as caught:
            await base.change(info.id, collection=DEFAULT)
        assert (caught.value.code, caught.value.status) == ("name_taken", 409)
        with pytest.raises(BadInput):
            await base.change(info.id, name=" ")
        assert await base.change(info.id, collection="nowhere") is None
        assert await base.change("nothing", name="x") is None
        assert await base.document(info.id) == moved
    looking.check(at)


async def test_what_is_not_granted_is_as_if_it_were_not_there(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        mine = await base.collections.create("Ada's", "user:ada")
        secret = await put(base, Origin("secret.txt", mine.id), "The secret pump is red.")
        await base.embed(secret.id)
        await base.ingest("pump.txt", b"The public pump is blue.")
        for scope in (PUBLIC, BOB, Scope(frozenset({"user:ada"}), frozenset({DEFAULT})), Scope(frozenset())):
            assert not any("red" in text for text in await found(base, "secret pump red", scope))
            assert await base.document(secret.id, scope) is None
            assert await base.original(secret.id, scope) is None
            assert await base.chunks_of(secret.id, scope) == []
            assert secret not in await base.documents(scope)
            assert await base.documents(scope, collection=mine.id) == []
            assert not await base.delete(secret.id, scope)
            assert await base.change(secret.id, scope, name="stolen.txt") is None
            assert mine.id not in [one.id for one in await base.collections.listing(scope)]
            assert not await base.collections.rename(mine.id, "Bob's", scope)
            assert not await base.collections.delete(mine.id, scope)
            assert not await base.collections.grant(mine.id, "user:bob", "owner", scope)
            assert not await base.collections.revoke(mine.id, "user:ada", scope)
            assert await base.collections.members(mine.id, scope) is None
        assert len(await found(base, "pump", ADA)) == 2
        narrow = Scope(ADA.principals, frozenset({mine.id}))
        assert await found(base, "pump", narrow) == ["The secret pump is red."]
        assert [one.title for one in await base.documents(narrow)] == ["Title"]
        assert await base.sentences() == ["pump.txt".removesuffix(".txt").title(), "The public pump is blue."]


async def test_roles_say_what_may_be_done_and_count_at_once(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base, KnowledgeBase(at, FakeEmbedder()) as other:
        shared = await base.collections.create("  Shared  things ", "user:ada")
        assert (shared.name, shared.role) == ("Shared things", "owner")
        document = await put(base, Origin("a.txt", shared.id), "The pump is red.")
        assert await base.collections.grant(shared.id, "user:bob", "reader", ADA)
        assert await found(other, "red pump", BOB) == ["The pump is red."]
        assert not await other.delete(document.id, BOB)
        assert not await other.collections.grant(shared.id, "user:bob", "owner", BOB)
        assert await base.collections.grant(shared.id, "user:bob", "writer", ADA)
        assert await base.collections.members(shared.id, ADA) == {"user:ada": "owner", "user:bob": "writer"}
        assert await other.collections.members(shared.id, BOB) is None
        (seen,) = [one for one in await other.collections.listing(BOB) if one.id == shared.id]
        assert (seen.role, seen.documents) == ("writer", 1)
        moved = await other.change(document.id, BOB, collection=DEFAULT)
        assert moved
        assert await other.change(document.id, BOB, collection=shared.id)
        assert await base.collections.revoke(shared.id, "user:bob", ADA)
        assert not await base.collections.revoke(shared.id, "user:bob", ADA)
        assert await found(other, "red pump", BOB) == []
        assert await base.collections.rename(shared.id, "Other things", ADA)
        with pytest.raises(BadInput):
            await base.collections.rename(shared.id, " ", ADA)
        assert await base.collections.delete(shared.id, ADA)
        assert await found(other, "red pump", ADA) == []
        with pytest.raises(BadInput):
            await base.collections.delete(DEFAULT, None)
        both = Scope(frozenset({EVERYONE, "user:ada"}))
        await base.collections.grant(DEFAULT, "user:ada", "owner", None)
        (default,) = [one for one in await base.collections.listing(both) if one.id == DEFAULT]
        assert default.role == "owner"
    looking.check(at)


async def test_a_collection_goes_with_everything_in_it(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        collection = await base.collections.create("Old", EVERYONE)
        await base.collections.grant(collection.id, EVERYONE, "owner", None)
        for number in range(3):
            await base.ingest(f"{number}.txt", b"The pump number %d." % number, collection=collection.id)
        await base.ingest("kept.txt", b"The pump number 1.")
        assert len(await found(base, "pump number")) > 1
        assert await base.collections.delete(collection.id, PUBLIC)
        assert await found(base, "pump number") == ["The pump number 1."]
        for table, left in (("documents", 1), ("chunks", 1), ("vectors", 1), ("originals", 1)):
            assert looking.count(at, table) == left
    looking.check(at)


async def test_words_are_found_in_every_form(at: Path | str) -> None:
    async with KnowledgeBase(at, None) as base:
        await put(
            base, Origin("a.txt"), "The café's opening hours are on http://example.com/wi-fi_map (v2.5)."
        )
        await put(base, Origin("b.txt"), "Der Schlüssel liegt im Büro.")
        await put(base, Origin("c.txt"), "Насос синий.")
        await put(base, Origin("d.txt"), "Nothing of the kind.")
        for query, name in [
            ("cafe", "a.txt"),
            ("CAFÉ hour", "a.txt"),
            ("opened", "a.txt"),
            ("example", "a.txt"),
            ("map", "a.txt"),
            ("v2", "a.txt"),
            ("schlussel", "b.txt"),
            ("BÜRO", "b.txt"),
            ("насос", "c.txt"),
        ]:
            best = (await base.candidates(query, PUBLIC, 1)).chunks
            document = await base.document(best[0][0].document) if best else None
            assert document, query
            assert document.name == name, query
        assert (await base.candidates("absent", PUBLIC, 1)).chunks == []


async def test_text_that_no_database_takes_is_mended(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        info = await put(base, Origin("a\0.txt", source="s\ud800"), "The pump\0 is \udfff blue.")
        assert (info.name, info.source) == ("a\ufffd.txt", "s\ufffd")
        assert await found(base, "blue pump") == ["The pump\ufffd is \ufffd blue."]
        assert await base.find(Origin("a\0.txt", source="s\ud800")) == info
        assert await base.recall("pump\0 \ud800") is not None
