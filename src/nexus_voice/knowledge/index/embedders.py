"""Which embedder a knowledge base is searched with, and how another one takes its place.

The vectors of two embedders cannot be compared. So a new embedder first makes a vector of every chunk, while
the one before goes on serving. Its vectors are stored batch by batch beside the others, so that a process
that is killed loses one batch.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from sqlalchemy import Connection

from ...core.errors import EngineError
from ...ports import Embedder
from ..documents.revisions import revision
from ..store import Store
from .meaning import Meaning
from .protocol import count_vectors, embed, missing, serve, unembedded

if TYPE_CHECKING:
    from ...ports import Vectors

BATCH_CHUNKS = 64
"""Chunks that are embedded between two writes to the database."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """`embedder` is the name of the one that serves now; "" while a search goes by words alone. `coming` is
    the one that has made vectors of `done` of the `total` chunks and then takes over; "" if none is."""

    embedder: str
    coming: str
    done: int
    total: int
    trouble: str


class Embedders:
    """`now` serves, unless the vectors that are searched are another embedder's. `wanted` is `now`, or is to
    become it. `behind` is True when chunks were left without vectors, and `catch_up` should be called."""

    def __init__(self, store: Store, embedder: Embedder | None, meanwhile: Embedder | None) -> None:
        self._store, self._catching_up = store, anyio.Lock()
        store.on_open = self._opened
        self.now = self.wanted = Meaning(embedder) if embedder else None
        self.trouble = "" if embedder else "no embedding model is configured"
        self.behind = False
        self._meanwhile = Meaning(meanwhile) if meanwhile and embedder else None

    def want(self, embedder: Embedder) -> None:
        for meaning in (self.now, self.wanted):
            if meaning and meaning.embedder is embedder:
                self.wanted = meaning
                return
        self.wanted = Meaning(embedder)

    async def catch_up(self) -> None:
        """Make a vector of every chunk with the wanted embedder, and then search these vectors. Raises
        `EngineError`."""
        async with self._catching_up:
            self.behind = False
            try:
                await self._take_over()
            except BaseException:
                self.behind = True
                raise

    async def embed(self, document: str, told: Callable[[int, int], None] | None) -> None:
        """Make the vectors that the document's chunks lack; return early when the embedder fails. `told` is
        called with (chunks that have a vector, all of its chunks) now and after every batch."""
        while meaning := self.now:
            if not meaning.key and await self.tried(meaning.embed(["ready?"], "query")) is None:
                self.behind = True
                return
            left, total = await self._store.read(missing, meaning.key, document)
            if told:
                told(total - left, total)
            if not left:
                return
            rows = await self._store.read(unembedded, meaning.key, BATCH_CHUNKS, 0, document)
            made = await self.tried(meaning.embed(_texts(rows), "passage"))
            if made is None:
                self.behind = True
                return
            async with self._store.changing:
                if meaning is self.now:  # else another embedder has taken over
                    await self._keep(meaning, rows, made)

    def progress(self, connection: Connection) -> Progress:
        serving = revision(connection).embedder
        now, wanted = self.now, self.wanted
        fits = wanted is not None and wanted.fits(serving)
        key = (wanted.key if wanted else "") or (serving if fits and serving else "")
        done, total = count_vectors(connection, key)
        found = now.embedder.name if now and now.fits(serving) and not self.trouble else ""
        coming = wanted.embedder.name if wanted and total and (done < total or not fits) else ""
        return Progress(found, coming, done, total, self.trouble)

    async def tried(self, work: Awaitable[Vectors]) -> Vectors | None:
        """The vectors, or None when the embedder fails: a search then goes by words alone."""
        try:
            vectors = await work
        except EngineError as error:
            self.failed(error)
            return None
        self.trouble = ""
        return vectors

    def failed(self, error: EngineError) -> None:
        if not self.trouble:
            log.warning("Documents are searched by words only: %s", error.message)
        self.trouble = error.message

    def _opened(self, connection: Connection) -> None:
        serving = revision(connection).embedder
        if self._meanwhile and serving and self._meanwhile.fits(serving):
            self.now = self._meanwhile

    async def _take_over(self) -> None:
        wanted = self.wanted
        if wanted is None or not await self._fill(wanted):
            return
        if wanted is self.now and (await self._store.read(revision)).embedder == wanted.key:
            return
        await self._store.read(self._store.index.prepare, wanted.key)
        async with self._store.changing:  # also for chunks that have come since
            if await self._fill(wanted):
                await self._store.write(serve, self._store.index, wanted.key)
                self.now, self.trouble = wanted, ""

    async def _fill(self, wanted: Meaning) -> bool:
        """Whether every chunk has a vector; False when another embedder was chosen meanwhile."""
        after = 0
        if not wanted.key:
            await wanted.embed(["ready?"], "query")
        while self.wanted is wanted:
            rows = await self._store.read(unembedded, wanted.key, BATCH_CHUNKS, after, None)
            if not rows:
                return True
            made = await wanted.embed(_texts(rows), "passage")
            await self._keep(wanted, rows, made)
            after = rows[-1][0]
        return False

    async def _keep(self, meaning: Meaning, rows: Sequence[tuple[int, str, str]], made: Vectors) -> None:
        ids = [id for id, _, _ in rows]
        await self._store.write(embed, self._store.index, meaning.key, ids, made)


def _texts(rows: Sequence[tuple[int, str, str]]) -> list[str]:
    """What is embedded of each chunk: the headings say what the text is about."""
    return [f"{heading}\n{text}" for _, heading, text in rows]
