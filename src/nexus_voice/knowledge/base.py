"""The user's documents: take them in, find the passages that may answer a question."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread

from ..domain.chat import Passage
from ..domain.errors import BadInput, EngineError
from ..domain.prose import is_code, sentences
from ..domain.words import content
from ..ports import Embedder
from .chunks import Chunk, chunks
from .documents import MAX_BYTES, SUFFIXES, read
from .embedders import Embedders, Status
from .meaning import Meaning
from .retrieval import POOL, coverage, fuse, relevance, select, weights

if TYPE_CHECKING:
    from ..ports import Vectors
    from .store import DocumentInfo, Store

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

FILE = "knowledge.sqlite3"
PIPELINE = 1
"""Part of every digest: raise it when reading or cutting changes, and documents are taken in anew."""
SEED = "seed/"
"""Begins the names of documents from the seed folder: they and uploads never replace each other."""
LONGEST_QUERY, MOST_WORDS = 2_000, 32
"""Characters of a query that are read, and words of it that are looked up."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a document that was handed in."""

    id: str
    title: str
    chunks: int
    status: Literal["added", "updated", "unchanged"]


FILLING = 10.0
"""Seconds from the start of a seed in which a question waits for its end."""


class KnowledgeBase:
    """Documents in an SQLite file in the folder `path`, found by words and by meaning, both ranks fused.

    It opens at the first use or `ready`, in a worker thread. Without an `embedder`, or while that fails,
    words alone decide; `trouble` then says why. `on_change` is called after every change made here.

    Vectors of two embedders do not compare. A base that was made with another one is read anew by
    `ready`, and until that is done the other one answers if it is given as `meanwhile`, else words alone.
    """

    def __init__(
        self,
        path: Path,
        embedder: Embedder | None,
        *,
        max_bytes: int = MAX_BYTES,
        on_change: Callable[[], None] | None = None,
        meanwhile: Embedder | None = None,
    ) -> None:
        self.path, self.max_bytes, self.on_change = path, max_bytes, on_change
        self._opening, self._changing = anyio.Lock(), anyio.Lock()
        self._threads = anyio.CapacityLimiter(4)
        self._store: Store | None = None
        self._embedders = Embedders(embedder, meanwhile, self._threads)
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
        if self._store:
            self._store.close()
        self._store = None

    async def ready(self) -> None:
        """Open, give vectors to chunks that have none of the embedder's, warm up."""
        store = await self._opened()
        try:
            await self._embedders.read(store, self._changing)
        except EngineError as error:
            self._embedders.failed(error)
        await self._recall("ready?")

    async def use(self, embedder: Embedder) -> None:
        """Change to another embedder: it reads every chunk while the one before goes on answering, then
        takes over at once. Returns when that is done, or when yet another one was chosen. Cancelled or
        killed, it goes on from there the next time. Raises `EngineError` when the embedder fails: the
        one before goes on, and `use` or `ready` may be tried again."""
        self._embedders.want(embedder)
        await self._embedders.read(await self._opened(), self._changing)

    async def status(self) -> Status:
        return await self._run(self._embedders.status)

    async def recall(self, query: str, k: int = 5) -> list[Passage]:
        """At most `k` passages, best first, of 2,000 tokens together. `score` is 0..1: 0.4 and more
        is probably an answer, below 0.3 hardly. A few milliseconds more than embedding the query; in
        the first seconds of a seed it waits for that, rather than find nothing."""
        if self._filling:
            filled, started = self._filling
            with anyio.move_on_after(started + FILLING - anyio.current_time()):
                await filled.wait()
        return await self._recall(query, k)

    async def _recall(self, query: str, k: int = 5) -> list[Passage]:
        query, meaning = query[:LONGEST_QUERY], self._embedders.now
        vector = await self._embedders.tried(meaning.query(query)) if meaning else None
        return await self._run(lambda store: self._search(store, query, meaning, vector, k))

    def _search(
        self, store: Store, query: str, meaning: Meaning | None, vector: Vectors | None, k: int
    ) -> list[Passage]:
        words = content(query)[:MOST_WORDS]
        rankings = [store.match(words, POOL)]
        near = meaning.near(vector, POOL) if meaning and vector is not None else None
        if near is not None:
            rankings.append(near)
        ids = fuse(*rankings)[: 3 * k]
        meant = meaning.likeness(vector, ids) if meaning and vector is not None and near is not None else {}
        weight = weights(words, *store.frequencies(words))
        found = store.chunks(ids)
        ranked = [
            (chunk, relevance(coverage(weight, chunk.heading, chunk.text), meant.get(id)))
            for id in ids
            if (chunk := found.get(id))
        ]
        return select(ranked, k)

    async def ingest(self, name: str, data: bytes, type: str | None = None) -> Ingested:
        """Take in a file's bytes. `name` is its identity: the same name with new content replaces the
        old document in one step, the same content changes nothing. Raises `BadInput`."""
        if not name.strip():
            raise BadInput("A document needs a name.", code="name_missing")
        async with self._changing:
            digest = hashlib.sha256(f"{PIPELINE} {type or ''}\n".encode() + data).hexdigest()
            known = await self._run(lambda store: store.find(name))
            if known and known[1] == digest:
                return Ingested(known[0].id, known[0].title, known[0].chunks, "unchanged")
            title, pieces = await self._run(lambda _: self._read(name, data, type))
            texts = [f"{' › '.join([title, *piece.path])}\n{piece.text}" for piece in pieces]
            meaning = self._embedders.now
            made = await self._embedders.tried(meaning.embed(texts, "passage")) if meaning and texts else None
            key = meaning.key if meaning else ""
            info = await self._run(lambda store: store.put(name, title, digest, len(data), pieces, key, made))
        self._changed()
        return Ingested(info.id, info.title, info.chunks, "updated" if known else "added")

    async def ingest_text(self, title: str, text: str) -> Ingested:
        """Take in Markdown or plain text under a title, which is its name too."""
        return await self.ingest(title, text.encode(), "text/markdown")

    async def seed(self, folder: Path) -> list[Ingested]:
        """Make the base hold what `folder` holds: every file of a supported type below it, and nothing
        that an earlier seed had and this one has not. A file that cannot be read is skipped."""
        self._filling = filled, _ = anyio.Event(), anyio.current_time()
        try:
            done = await self._seed(folder)
        finally:
            self._filling = None
            filled.set()
        await self.ready()
        return done

    async def _seed(self, folder: Path) -> list[Ingested]:
        done: list[Ingested] = []
        async for path in anyio.Path(folder).rglob("*"):
            if path.suffix.lower() in SUFFIXES and await path.is_file():
                try:
                    name = SEED + path.relative_to(folder).as_posix()
                    done.append(await self.ingest(name, await path.read_bytes()))
                except (BadInput, OSError) as error:
                    log.warning("%s was skipped: %s", path, error)
        kept = {one.id for one in done}
        for document in await self.documents():
            if document.name.startswith(SEED) and document.id not in kept:
                await self.delete(document.id)
        return done

    async def documents(self) -> list[DocumentInfo]:
        return await self._run(lambda store: store.documents())

    async def delete(self, id: str) -> bool:
        """Whether there was such a document. It is gone from every search at once."""
        async with self._changing:
            deleted = await self._run(lambda store: store.delete(id))
        if deleted:
            self._changed()
        return deleted

    async def version(self) -> int:
        """Counts changes to the documents, other processes' included."""
        return await self._run(lambda store: store.state()[0])

    async def sentences(self, limit: int = 2_000) -> list[str]:
        """Titles, headings and sentences, each once: what people are likely to ask about."""
        found = await self._run(lambda store: store.texts(limit))
        headings = [heading for chunk in found for heading in (chunk.title, *chunk.path)]
        lines = [line for chunk in found for line in chunk.text.split("\n") if not is_code(line)]
        said = [sentence for line in lines for sentence in sentences(line)]
        return list(dict.fromkeys([*headings, *said]))[:limit]

    def _read(self, name: str, data: bytes, type: str | None) -> tuple[str, list[Chunk]]:
        document = read(name, data, type, max_bytes=self.max_bytes)
        return document.title, chunks(document)

    async def _run(self, work: Callable[[Store], T]) -> T:
        return await self._thread(work, await self._opened())

    async def _thread(self, work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._threads)

    async def _opened(self) -> Store:
        async with self._opening:
            if self._store is None:
                await self._thread(self._open)
        assert self._store is not None
        return self._store

    def _open(self) -> None:
        from .store import Store  # SQLAlchemy and FAISS take a second to import

        store = Store(self.path / FILE)
        self._embedders.open(store)
        self._store = store

    def _changed(self) -> None:
        if self.on_change:
            self.on_change()
