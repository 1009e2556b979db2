"""The user's documents: take them in, keep them, find the passages that may answer a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Self, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread
from sqlalchemy import Connection

from ..core.access import DEFAULT, PUBLIC, Role, Scope
from ..core.chat import Passage
from ..core.errors import BadInput, EngineError
from ..ports import Embedder
from ..text.prose import is_code, sentences
from .documents import library, originals, sharing
from .documents.records import Collection, DocumentInfo, Ingested, Origin, Status, Stored, digest_of
from .documents.revisions import changed, revision
from .index.embedders import Embedders
from .index.embedders import Status as EmbeddingStatus
from .reading.chunks import chunks
from .reading.kinds import MEDIA_TYPE
from .reading.limits import Limits
from .reading.read import read_as
from .reading.reader import Reader, Reading
from .search.choosing import Chooser
from .search.recalling import Found, Question, candidates
from .store import Store

__all__ = [
    "Collection",
    "DocumentInfo",
    "Ingested",
    "KnowledgeBase",
    "Origin",
    "Reading",
    "Stored",
    "digest_of",
]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Note = Callable[[Connection, DocumentInfo, Status], object]
"""Writes down what became of a document, in the transaction that stores it. If it raises, nothing is."""

LONGEST_QUERY = 2_000
"""Characters of a query that are read."""
CANDIDATES = 30
"""Chunks that passages are chosen from."""
By = Literal["words", "meaning", "both"]
CATCH_UP = 5.0
"""Seconds between two looks whether chunks were left without vectors."""
FILLING = 10.0
"""Seconds from the start of a seed in which a question waits for its end."""


class KnowledgeBase:
    """Documents `at` a folder (SQLite) or a PostgreSQL URL, found by words and by meaning together.

    It opens at the first use or `ready`, in a worker thread. Without an `embedder`, or while that fails,
    words alone decide; `trouble` then says why. `on_change` is called after every change made here.

    Vectors of two embedders do not compare. A base that was made with another one is read anew by
    `ready`, and until that is done the other one answers if it is given as `meanwhile`, else words alone.

    What a `scope` may not see is as if it were not there; a scope of None is the program itself.
    """

    def __init__(
        self,
        at: Path | str,
        embedder: Embedder | None,
        *,
        reader: Reader | None = None,
        chooser: Chooser | None = None,
        limits: Limits | None = None,
        on_change: Callable[[], None] | None = None,
        meanwhile: Embedder | None = None,
    ) -> None:
        self.on_change = on_change
        self._reader, self._limits = reader, limits or Limits()
        self._choose = chooser or Chooser()
        self.store = Store(at)
        self._embedders = Embedders(self.store, embedder, meanwhile)
        self._filling: tuple[anyio.Event, float] | None = None

    @property
    def embedder(self) -> Embedder | None:
        """The one chosen last; `status` tells whether it serves already."""
        return self._embedders.wanted.embedder if self._embedders.wanted else None

    @property
    def trouble(self) -> str:
        """Why words alone decide; "" when they don't."""
        return self._embedders.trouble

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()

    async def ready(self) -> None:
        """Open, give vectors to chunks that have none of the embedder's, warm up."""
        try:
            await self._embedders.read()
        except EngineError as error:
            self._embedders.failed(error)
        await self.candidates("ready?", PUBLIC, 1)

    async def keep_up(self) -> None:
        """For ever: what has no vectors, because the embedder failed or a title changed, is given some."""
        await self.ready()
        while True:
            await anyio.sleep(CATCH_UP)
            if self._embedders.behind:
                await self.ready()

    async def use(self, embedder: Embedder) -> None:
        """Change to another embedder: it reads every chunk while the one before goes on answering, then
        takes over at once. Returns when that is done, or when yet another one was chosen. Cancelled or
        killed, it goes on from there the next time. Raises `EngineError` when the embedder fails: the
        one before goes on, and `use` or `ready` may be tried again."""
        self._embedders.want(embedder)
        await self._embedders.read()

    async def status(self) -> EmbeddingStatus:
        return await self.store.read(self._embedders.status)

    async def version(self) -> int:
        """Counts changes to the documents, other processes' included."""
        return (await self.store.read(revision)).number

    async def recall(self, query: str, k: int = 5, *, scope: Scope = PUBLIC) -> list[Passage]:
        """At most `k` passages, best first, of 2,000 tokens together. `score` is 0..1: 0.4 and more
        is probably an answer, below 0.3 hardly. A few milliseconds more than embedding the query; in
        the first seconds of a seed it waits for that, rather than find nothing."""
        if self._filling:
            filled, started = self._filling
            with anyio.move_on_after(started + FILLING - anyio.current_time()):
                await filled.wait()
        found = await self.candidates(query, scope, CANDIDATES)
        return await self._choose(query, found.chunks, max(k, 0))

    async def search(self, query: str, k: int = 10, *, scope: Scope = PUBLIC) -> list[Passage]:
        """At most `k` passages, best first, however long together."""
        found = await self.candidates(query, scope, max(CANDIDATES, k))
        return await self._choose(query, found.chunks, k, budget=None)

    async def candidates(self, query: str, scope: Scope, limit: int, by: By = "both") -> Found:
        """At most `limit` chunks that may answer the query; by words or meaning alone to measure these."""
        await self.store.open()
        query, index = query[:LONGEST_QUERY], self.store.index
        while True:
            meaning = self._embedders.now if by != "words" else None
            vector = await self._embedders.tried(meaning.query(query)) if meaning else None
            question = Question(query if by != "meaning" else "", meaning, vector)
            found = await self.store.read(candidates, index, question, scope, limit)
            if found.by_meaning or vector is None or meaning is self._embedders.now:
                return found  # else another embedder has taken over meanwhile

    async def ingest(
        self,
        name: str,
        data: bytes,
        type: str | None = None,
        *,
        collection: str = DEFAULT,
        source: str = "upload",
    ) -> Ingested:
        """Take in a file's bytes: read, store, give vectors. The same name with new content replaces the
        old document in one step, the same content changes nothing. Raises `BadInput`."""
        if not name.strip():
            raise BadInput("A document needs a name.", code="name_missing")
        done = await self.take_in(Origin(name, collection, source, type or ""), data)
        await self.embed(done.id)
        return done

    async def ingest_text(self, title: str, text: str) -> Ingested:
        """Take in Markdown or plain text under a title, which is its name too."""
        return await self.ingest(title, text.encode(), "text/markdown")

    @asynccontextmanager
    async def filling(self) -> AsyncIterator[None]:
        """For as long as the block runs, at most the first seconds, questions wait for its end."""
        self._filling = filled, _ = anyio.Event(), anyio.current_time()
        try:
            yield
        finally:
            self._filling = None
            filled.set()
        await self.candidates("ready?", PUBLIC, 1)

    async def take_in(
        self, origin: Origin, data: bytes, *, file_name: str = "", note: Note | None = None
    ) -> Ingested:
        """The one way in: read a file's bytes and store the document and the file, without vectors yet. It
        replaces the document of the same origin; the same content changes nothing but its fingerprint.
        The kind of file is told by `file_name` where the origin's name is none. Raises `BadInput`, and what
        `note` raises."""
        digest = await anyio.to_thread.run_sync(digest_of, origin.type, data)
        known = await self.find(origin)
        if known and known.digest == digest:
            return await self._unchanged(known, origin.fingerprint, note)
        reading = await self._read(file_name or origin.name, data, origin.type)

        def store(connection: Connection) -> Ingested:
            changed(connection)
            original = originals.keep(connection, data)
            info, change = library.put(
                connection, origin, reading, digest=digest, size=len(data), original=original
            )
            if note:
                note(connection, info, change)
            return Ingested(info.id, info.title, info.chunks, change)

        return await self._change(store)

    async def known(self, origin: Origin, note: Note | None = None) -> Ingested | None:
        """The document of this origin, if its source has had no other version since, as the fingerprint
        tells: then its content need not be fetched."""
        found = await self.find(origin) if origin.fingerprint else None
        if found is None or found.fingerprint != origin.fingerprint:
            return None
        return await self._unchanged(found, origin.fingerprint, note)

    async def embed(self, id: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Give the document's chunks the vectors they lack, batch by batch, each kept at once. Without a
        working embedder it returns: `keep_up` makes up for it. `progress` is told how many of how many
        chunks have one."""
        await self._embedders.embed(id, progress)

    async def find(self, origin: Origin) -> DocumentInfo | None:
        """The document of this identity, whoever asks."""
        return await self.store.read(library.find, origin)

    async def documents(
        self,
        scope: Scope | None = PUBLIC,
        collection: str | None = None,
        source: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[DocumentInfo]:
        """By title; `after` is the `place` of the last one of the page before."""
        return await self.store.read(library.listing, scope, collection, source, after, limit)

    async def document(self, id: str, scope: Scope | None = PUBLIC) -> DocumentInfo | None:
        return await self.store.read(lambda at: library.document(at, id, scope))

    async def chunks_of(
        self, id: str, scope: Scope | None = PUBLIC, first: int = 0, last: int | None = None
    ) -> list[Stored]:
        """Those whose position is from `first` to `last`, in reading order; none when there is no such
        document."""
        return await self.store.read(library.chunks_of, id, scope, first, last)

    async def original(self, id: str, scope: Scope | None = PUBLIC) -> tuple[str, str, bytes] | None:
        """(name, media type, bytes) of the file that the document was made from, where it is kept."""
        return await self.store.read(library.original, id, scope)

    async def delete(self, id: str, scope: Scope | None = PUBLIC) -> bool:
        """Whether there was such a document. It is gone from every search at once."""
        return await self._change(library.delete, id, scope)

    async def change(
        self,
        id: str,
        scope: Scope | None = PUBLIC,
        *,
        collection: str | None = None,
        name: str | None = None,
        title: str | None = None,
    ) -> DocumentInfo | None:
        """Move a document to another collection, or give it another name or title, with which `keep_up`
        makes its vectors anew. None when there is no such document or collection that may be changed.
        Raises `BadInput`."""
        done = await self._change(lambda at: library.change(at, id, scope, collection, name, title))
        if done and title is not None:
            self._embedders.behind = True  # its headings are others
        return done

    async def collections(self, scope: Scope = PUBLIC) -> list[Collection]:
        """By name."""
        return await self.store.read(sharing.listing, scope)

    async def create_collection(self, name: str, principal: str) -> Collection:
        """It belongs to `principal`."""
        return await self._change(sharing.create, name, principal)

    async def rename_collection(self, id: str, name: str, scope: Scope | None) -> bool:
        return await self._change(sharing.rename, id, name, scope)

    async def delete_collection(self, id: str, scope: Scope | None) -> bool:
        """With its documents and jobs."""
        return await self._change(sharing.delete, id, scope)

    async def members(self, collection: str, scope: Scope | None) -> dict[str, Role] | None:
        """Principal -> role; for owners only, else None."""
        return await self.store.read(sharing.members, collection, scope)

    async def grant(self, collection: str, principal: str, role: Role, scope: Scope | None) -> bool:
        return await self._change(sharing.grant, collection, principal, role, scope)

    async def revoke(self, collection: str, principal: str, scope: Scope | None) -> bool:
        return await self._change(sharing.revoke, collection, principal, scope)

    async def sentences(self, limit: int = 2_000, *, scope: Scope | None = PUBLIC) -> list[str]:
        """Titles, headings and sentences, each once: what people are likely to ask about."""
        found = await self.store.read(library.texts, limit, scope)
        return await anyio.to_thread.run_sync(_phrases, found, limit)

    async def _unchanged(self, known: DocumentInfo, fingerprint: str, note: Note | None) -> Ingested:
        def write(connection: Connection) -> None:
            if note:
                note(connection, known, "unchanged")
            if fingerprint:
                library.refresh(connection, known.id, fingerprint)

        if note or fingerprint not in ("", known.fingerprint):
            await self.store.write(write)
        return Ingested(known.id, known.title, known.chunks, "unchanged")

    async def _read(self, name: str, data: bytes, type: str | None) -> Reading:
        if self._reader:
            return await self._reader.read(name, data, type or "")
        return await anyio.to_thread.run_sync(_read, name, data, type, self._limits)

    async def _change(self, work: Callable[[Connection, Unpack[Ts]], T], *arguments: *Ts) -> T:
        """Write, and say so if anything was done."""
        async with self.store.changing:
            done = await self.store.write(work, *arguments)
        if done and self.on_change:
            self.on_change()
        return done


def _read(name: str, data: bytes, type: str | None, limits: Limits) -> Reading:
    """In this process: for what can be trusted."""
    kind, document = read_as(name, data, type, limits)
    return Reading(document.title, MEDIA_TYPE[kind], len(document.pages) or None, chunks(document))


def _phrases(chunks: Sequence[Stored], limit: int) -> list[str]:
    """At most `limit` titles, headings and sentences of the chunks, each once. A third of a second for
    2,000 chunks: call it in a thread."""
    found = dict.fromkeys(heading for chunk in chunks for heading in (chunk.title, *chunk.path))
    for chunk in chunks:
        if len(found) >= limit:
            break
        for line in chunk.text.split("\n"):
            if not is_code(line):
                found |= dict.fromkeys(sentences(line))
    return list(found)[:limit]
