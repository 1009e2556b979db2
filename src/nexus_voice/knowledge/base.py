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
from .retrieval import POOL, coverage, fuse, relevance, select, weights

if TYPE_CHECKING:
    from ..ports import Vectors
    from .store import DocumentInfo, Store
    from .vectors import VectorIndex

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

FILE = "knowledge.sqlite3"
PIPELINE = 1
"""Part of every digest: raise it when reading or cutting changes, and documents are taken in anew."""
SEED = "seed/"
"""Begins the names of documents from the seed folder: they and uploads never replace each other."""
BATCH = 64
"""Chunks embedded between two looks at the store, when an old base gets a new embedder."""
LONGEST_QUERY, MOST_WORDS = 2_000, 32
"""Characters of a query that are read, and words of it that are looked up."""
REMEMBERED = 256
"""Query vectors kept: a question is asked as a partial transcript first, then as the final one."""

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
    """

    def __init__(
        self,
        path: Path,
        embedder: Embedder | None,
        *,
        max_bytes: int = MAX_BYTES,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.path, self.embedder, self.max_bytes, self.on_change = path, embedder, max_bytes, on_change
        self.trouble = "" if embedder else "no embedding model is configured"
        self._opening, self._changing = anyio.Lock(), anyio.Lock()
        self._threads = anyio.CapacityLimiter(4)
        self._queries: dict[str, Vectors] = {}
        self._store: Store | None = None
        self._index: VectorIndex | None = None
        self._filling: tuple[anyio.Event, float] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._store:
            self._store.close()
        self._store = None

    async def ready(self) -> None:
        """Open, warm up, and give vectors to chunks that have none of this embedder's."""
        store = await self._opened()
        while embedder := self.embedder:
            rows = await self._thread(store.unembedded, embedder.name, BATCH)
            vectors = await self._embed([f"{heading}\n{text}" for _, heading, text in rows], "passage")
            if not rows or vectors is None:
                break
            found = {id: vector.tobytes() for (id, _, _), vector in zip(rows, vectors, strict=True)}
            await self._thread(store.embed, embedder.name, found)
        await self._recall("ready?")

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
        query = query[:LONGEST_QUERY]
        vector = await self._query_vector(query)
        return await self._run(lambda store: self._search(store, query, vector, k))

    def _search(self, store: Store, query: str, vector: Vectors | None, k: int) -> list[Passage]:
        words = content(query)[:MOST_WORDS]
        rankings = [store.match(words, POOL)]
        index = self._index if vector is not None else None
        if index and vector is not None:
            index.sync()
            rankings.append(index.nearest(vector, POOL))
        ids = fuse(*rankings)[: 3 * k]
        cosines = index.cosines(vector, ids) if index and vector is not None else {}
        weight = weights(words, *store.frequencies(words))
        found = store.chunks(ids)
        ranked = [
            (chunk, relevance(coverage(weight, chunk.heading, chunk.text), cosines.get(id)))
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
            vectors = await self._embed(
                [f"{' › '.join([title, *piece.path])}\n{piece.text}" for piece in pieces], "passage"
            )
            embedder = self.embedder.name if self.embedder else None
            info = await self._run(
                lambda store: store.put(name, title, digest, len(data), pieces, vectors, embedder)
            )
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
            return await self._seed(folder)
        finally:
            self._filling = None
            filled.set()

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
        await self.ready()
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
        return await self._run(lambda store: store.revision())

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

    async def _query_vector(self, query: str) -> Vectors | None:
        vector = self._queries.pop(query, None)
        if vector is None:
            vectors = await self._embed([query], "query")
            if vectors is None:
                return None
            vector = vectors[0]
        self._queries[query] = vector  # the newest last
        if len(self._queries) > REMEMBERED:
            del self._queries[next(iter(self._queries))]
        return vector

    async def _embed(self, texts: list[str], kind: Literal["query", "passage"]) -> Vectors | None:
        """None when it cannot be done now: words alone will do, and `ready` tries again."""
        if self.embedder is None or not texts:
            return None
        try:
            vectors = await self.embedder.embed(texts, kind)
        except EngineError as error:
            if not self.trouble:
                log.warning("Documents are searched by words only: %s", error.message)
            self.trouble = error.message
            return None
        self.trouble = ""
        return vectors

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
        from .vectors import VectorIndex

        store = Store(self.path / FILE)
        if self.embedder:
            self._index = VectorIndex(store, self.embedder.name, self.embedder.dimensions)
        self._store = store

    def _changed(self) -> None:
        if self.on_change:
            self.on_change()
