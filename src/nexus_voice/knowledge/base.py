"""The user's documents: take them in, keep them, find the passages that may answer a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread
from sqlalchemy import Connection

from ..core.access import DEFAULT, PUBLIC, Scope
from ..core.chat import Passage
from ..core.errors import BadInput, EngineError
from ..ports import Embedder
from ..text.prose import is_code, sentences
from . import attachments
from .collections import Collections
from .documents import library, originals
from .documents.records import DocumentInfo, Ingested, Origin, Outcome, StoredChunk, digest_beside
from .documents.revisions import changed, revision
from .index.embedders import Embedders, Progress
from .reading.chunks import READER_VERSION, Reading
from .reading.confined_reader import Reader
from .reading.document import told
from .reading.limits import Limits
from .reading.read import read_here
from .search.choosing import Chooser
from .search.retrieval import Found, Question, candidates
from .store import Store

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Note = Callable[[Connection, DocumentInfo, Outcome], object]
"""Notes what became of a document, in the transaction that stores it. Nothing is stored if it raises."""
SearchBy = Literal["words", "meaning", "both"]

MAX_QUERY_CHARS = 2_000
"""The rest of a longer query is not read."""
MAX_CANDIDATES = 30
"""Chunks from which the passages are chosen."""
CATCH_UP_INTERVAL_S = 5.0
"""Between two looks for chunks without vectors."""
MAX_SEED_WAIT_S = 10.0
"""A question waits for the end of a seed until so long after the seed began."""


class KnowledgeBase:
    """Documents `at` a folder (SQLite) or a PostgreSQL URL, found by their words and their meaning.

    The database is opened at the first use, in a thread. Without an `embedder`, or while it fails, a search
    goes by words alone, and `trouble` says why. `on_change` is called after every change that this process
    has made to what can be found.

    The vectors of two embedders cannot be compared. If the stored vectors are another embedder's, `ready`
    makes new ones; until it is done the other embedder answers if it is given as `meanwhile`, else words
    alone do.

    `busy_timeout` are the seconds to wait while another process writes.

    What a `scope` may not see does not exist for it. A scope of None is the program itself.
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
        busy_timeout: float | None = None,
    ) -> None:
        self.on_change = on_change
        self.store = Store(at, busy_timeout)
        self.collections = Collections(self.store, self._change)
        self._reader, self._limits = reader, limits or Limits()
        self._choose = chooser or Chooser()
        self._embedders = Embedders(self.store, embedder, meanwhile)
        self._seeding: tuple[anyio.Event, float] | None = None

    @property
    def trouble(self) -> str:
        """Why a search goes by words alone; "" when it does not."""
        return self._embedders.trouble

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()

    async def ready(self) -> None:
        """Open the database, make the vectors that are missing, and warm up."""
        try:
            await self._embedders.catch_up()
        except EngineError as error:
            self._embedders.failed(error)
        await self.candidates("ready?", PUBLIC, 1)

    async def keep_up(self, interval_s: float = CATCH_UP_INTERVAL_S) -> None:
        """For ever, make the vectors that are missing because the embedder failed or a title changed."""
        await self.ready()
        while True:
            await anyio.sleep(interval_s)
            if self._embedders.behind:
                await self.ready()

    async def use(self, embedder: Embedder) -> None:
        """Change to another embedder. It makes a vector of every chunk while the one before goes on
        answering, and then takes over at once.

        Returns when it has taken over, or when yet another embedder was chosen. A call that was cancelled
        is continued by the next one, also after a restart. Raises `EngineError` when the embedder fails:
        the one before goes on, and `use` or `ready` may be called again.
        """
        self._embedders.want(embedder)
        await self._embedders.catch_up()

    async def progress(self) -> Progress:
        """Which embedder serves, and how far another one is on its way."""
        return await self.store.read(self._embedders.progress)

    async def version(self) -> int:
        """A number that grows with every change to the documents, also by other processes."""
        return (await self.store.read(revision)).number

    async def recall(self, query: str, k: int = 5, *, scope: Scope = PUBLIC) -> list[Passage]:
        """At most `k` passages of 2,000 tokens together, best first.

        A passage with a `score` (0..1) of 0.4 or more probably answers the query, one below 0.3 hardly. It
        takes a few milliseconds more than embedding the query. In the first seconds of a seed it waits for
        the seed, rather than find nothing.
        """
        if self._seeding:
            seeded, began = self._seeding
            with anyio.move_on_after(began + MAX_SEED_WAIT_S - anyio.current_time()):
                await seeded.wait()
        found = await self.candidates(query, scope, MAX_CANDIDATES)
        return await self._choose(query, found.chunks, max(k, 0))

    async def search(self, query: str, k: int = 10, *, scope: Scope = PUBLIC) -> list[Passage]:
        """At most `k` passages, best first, however long they are together."""
        found = await self.candidates(query, scope, max(MAX_CANDIDATES, k))
        return await self._choose(query, found.chunks, k, budget=None)

    async def candidates(self, query: str, scope: Scope, limit: int, by: SearchBy = "both") -> Found:
        """At most `limit` chunks that may answer the query. Searching by words or by meaning alone is for
        measuring these."""
        await self.store.open()
        query, index = query[:MAX_QUERY_CHARS], self.store.index
        while True:
            meaning = self._embedders.now if by != "words" else None
            if meaning and not meaning.understands(query):
                meaning = None
            vector = await self._embedders.tried(meaning.query(query)) if meaning else None
            question = Question(query if by != "meaning" else "", meaning, vector)
            found = await self.store.read(candidates, index, question, scope, limit)
            if found.by_meaning or vector is None or meaning is self._embedders.now:
                return found  # else another embedder has taken over meanwhile: search with that one

    async def ingest(
        self,
        name: str,
        data: bytes,
        type: str | None = None,
        *,
        collection: str = DEFAULT,
        source: str = "upload",
    ) -> Ingested:
        """Take in a file's bytes and give the document vectors. Raises `BadInput`."""
        if not name.strip():
            raise BadInput("A document needs a name.", code="name_missing")
        done = await self.take_in(Origin(name, collection, source, type or ""), data)
        await self.embed(done.id)
        return done

    async def take_in(
        self, origin: Origin, data: bytes, *, file_name: str = "", note: Note | None = None
    ) -> Ingested:
        """Read a file's bytes, and store the document with its file, and what is attached to it as documents
        of their own. Its vectors are `embed`'s to make.

        The document of the same origin is replaced in one step. If the content is the same, and reading has
        not improved since, nothing changes but its fingerprint; when it is only read again, it keeps its
        title, which somebody may have chosen. `file_name` tells the kind of file where the
        origin's name does not. Raises `BadInput`, and what `note` raises.
        """
        known = await self.find(origin)
        digest = await anyio.to_thread.run_sync(digest_beside, known, origin.type, data)
        if known and known.digest == digest and known.reader == READER_VERSION:
            return await self._unchanged(known, origin.fingerprint, note)
        reading = await self._read(file_name or origin.name, data, origin.type)
        if known and (known.part_of or known.digest == digest):
            reading = replace(reading, title=known.title)
        if known and known.part_of:  # what is attached to it comes with the mail that it is part of
            reading = replace(reading, attachments=())
        parts, lost = await attachments.read(origin, reading, self._read)
        reading = replace(reading, warnings=told([*reading.warnings, *lost]))

        def store(connection: Connection) -> Ingested:
            changed(connection)
            original = originals.keep(connection, data)
            info, outcome = library.put(
                connection, origin, reading, digest=digest, size=len(data), original=original
            )
            attachments.put(connection, info, parts)
            if note:
                note(connection, info, outcome)
            return Ingested(info.id, info.title, info.chunks, outcome)

        return await self._change(store)

    async def read_again(self, id: str, note: Note | None = None) -> Ingested:
        """Read a document from the file that is kept of it, if reading has improved since. Raises `BadInput`,
        also when the document is deleted or renamed meanwhile, and what `note` raises."""
        gone = BadInput("This document is no longer there.", code="not_found", status=404)
        info, kept = await self.document(id, None), await self.original(id, None)
        if info is None or kept is None:
            raise gone

        def still_there(connection: Connection, document: DocumentInfo, outcome: Outcome) -> None:
            if document.id != id:
                raise gone
            if note:
                note(connection, document, outcome)

        origin = Origin(info.name, info.collection, info.source, info.type, info.fingerprint)
        return await self.take_in(origin, kept[2], note=still_there)

    async def known(self, origin: Origin, note: Note | None = None) -> Ingested | None:
        """The stored document if it has the origin's fingerprint, and reading has not improved since: then
        its content need not be fetched."""
        found = await self.find(origin) if origin.fingerprint else None
        if found is None or (found.fingerprint, found.reader) != (origin.fingerprint, READER_VERSION):
            return None
        return await self._unchanged(found, origin.fingerprint, note)

    @asynccontextmanager
    async def seeding(self) -> AsyncIterator[None]:
        """Questions wait for the end of the block, as long as the block has just begun."""
        self._seeding = seeded, _ = anyio.Event(), anyio.current_time()
        try:
            yield
        finally:
            self._seeding = None
            seeded.set()
        await self.candidates("ready?", PUBLIC, 1)

    async def embed(self, id: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Make the vectors that a document and its attachments lack, and keep each batch at once. It returns
        early when the embedder fails; `keep_up` makes the rest. `progress` is told how many chunks of the
        document have a vector, and how many there are."""
        await self._embedders.embed(id, progress)
        for part in await self.store.read(library.parts_of, id):
            await self._embedders.embed(part, None)

    async def find(self, origin: Origin) -> DocumentInfo | None:
        """The document of this origin, whoever asks."""
        return await self.store.read(library.find, origin)

    async def documents(
        self,
        scope: Scope | None = PUBLIC,
        collection: str | None = None,
        source: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[DocumentInfo]:
        """By title. `after` is the `place` of the last document of the page before."""
        return await self.store.read(library.listing, scope, collection, source, after, limit)

    async def document(self, id: str, scope: Scope | None = PUBLIC) -> DocumentInfo | None:
        return await self.store.read(library.document, id, scope)

    async def chunks_of(
        self, id: str, scope: Scope | None = PUBLIC, first: int = 0, last: int | None = None
    ) -> list[StoredChunk]:
        """Those whose position is from `first` to `last`, in reading order; none when there is no such
        document."""
        return await self.store.read(library.chunks_of, id, scope, first, last)

    async def original(self, id: str, scope: Scope | None = PUBLIC) -> tuple[str, str, bytes] | None:
        """(name, media type, bytes) of the file that the document was read from, if it is kept."""
        return await self.store.read(library.original, id, scope)

    async def delete(self, id: str, scope: Scope | None = PUBLIC) -> bool:
        """Whether there was such a document. No search finds it any more."""
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
        """Move a document to another collection, or give it another name or title. None when there is no
        such document or collection that `scope` may change. Raises `BadInput`."""
        done = await self._change(library.change, id, scope, collection, name, title)
        if done and title is not None:
            self._embedders.behind = True  # the title is a part of what is embedded
        return done

    async def sentences(self, limit: int = 2_000, *, scope: Scope | None = PUBLIC) -> list[str]:
        """Titles, headings and sentences, each once: what people are likely to ask about."""
        found = await self.store.read(library.texts, limit, scope)
        return await anyio.to_thread.run_sync(_phrases, found, limit)

    async def _read(self, name: str, data: bytes, type: str) -> Reading:
        if self._reader:
            return await self._reader.read(name, data, type)
        return await anyio.to_thread.run_sync(read_here, name, data, type, self._limits)

    async def _unchanged(self, known: DocumentInfo, fingerprint: str, note: Note | None) -> Ingested:
        def write(connection: Connection) -> None:
            if note:
                note(connection, known, "unchanged")
            if fingerprint:
                library.refresh(connection, known.id, fingerprint)

        if note or fingerprint not in ("", known.fingerprint):
            await self.store.write(write)
        return Ingested(known.id, known.title, known.chunks, "unchanged")

    async def _change(self, work: Callable[[Connection, Unpack[Ts]], T], *arguments: *Ts) -> T:
        """Write, and announce it once it is committed if anything was done."""
        async with self.store.changing:
            done = await self.store.write(work, *arguments)
        if done and self.on_change:
            self.on_change()
        return done


def _phrases(chunks: Sequence[StoredChunk], limit: int) -> list[str]:
    """At most `limit` titles, headings and sentences of the chunks, each once. It takes a third of a second
    for 2,000 chunks, so it is called in a thread."""
    found = dict.fromkeys(heading for chunk in chunks for heading in (chunk.title, *chunk.path))
    for chunk in chunks:
        if len(found) >= limit:
            break
        for line in chunk.text.split("\n"):
            if not is_code(line):
                found |= dict.fromkeys(sentences(line))
    return list(found)[:limit]
