"""Which embedder a knowledge base is searched with, and how another one takes its place.

Vectors of two embedders do not compare. So the new one first reads every chunk, while the one before
goes on serving; its vectors are kept as they are made, beside the others, and a kill costs a batch.
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
from .protocol import embed, missing, progress, serve, unembedded

if TYPE_CHECKING:
    from ...ports import Vectors

BATCH = 64
"""Chunks embedded between two writes to the database."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """`embedder` finds passages by meaning now; "": words alone do. `reading` has read `done` of `total`
    chunks and will then be the one that does; "" when every chunk is read."""

    embedder: str
    reading: str
    done: int
    total: int
    trouble: str


class Embedders:
    """`now` serves, unless the vectors that are searched are another's; `wanted` is, or is to be, `now`.

    `behind`: chunks were left without
    vectors, and `read` is to make up for it.
    """

    def __init__(self, store: Store, embedder: Embedder | None, meanwhile: Embedder | None) -> None:
        self._store, self._reading = store, anyio.Lock()
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

    async def read(self) -> None:
        """Give every chunk a vector of the wanted embedder, then search these. Raises `EngineError`."""
        async with self._reading:
            self.behind = False
            try:
                await self._read()
            except BaseException:
                self.behind = True
                raise

    async def embed(self, document: str, told: Callable[[int, int], None] | None) -> None:
        """Give the document's chunks the vectors they lack; it stops when the embedder does. `told`
        hears (chunks with a vector, all of them) now and after every batch."""
        while meaning := self.now:
            if not meaning.key and await self.tried(meaning.embed(["ready?"], "query")) is None:
                self.behind = True
                return
            left, total = await self._store.read(missing, meaning.key, document)
            if told:
                told(total - left, total)
            if not left:
                return
            rows = await self._store.read(unembedded, meaning.key, BATCH, 0, document)
            made = await self.tried(meaning.embed(_texts(rows), "passage"))
            if made is None:
                self.behind = True
                return
            async with self._store.changing:
                if meaning is self.now:  # else it would come too late
                    await self._keep(meaning, rows, made)

    def status(self, connection: Connection) -> Status:
        serving = revision(connection).embedder
        now, wanted = self.now, self.wanted
        fits = wanted is not None and wanted.fits(serving)
        key = (wanted.key if wanted else "") or (serving if fits and serving else "")
        done, total = progress(connection, key)
        found = now.embedder.name if now and now.fits(serving) and not self.trouble else ""
        reading = wanted.embedder.name if wanted and total and (done < total or not fits) else ""
        return Status(found, reading, done, total, self.trouble)

    async def tried(self, work: Awaitable[Vectors]) -> Vectors | None:
        """None when it cannot be done now: words alone will do, and `read` makes up for it."""
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

    async def _read(self) -> None:
        wanted = self.wanted
        if wanted is None or not await self._fill(wanted):
            return
        if wanted is self.now and (await self._store.read(revision)).embedder == wanted.key:
            return
        await self._store.read(self._store.index.prepare, wanted.key)
        async with self._store.changing:  # and what was taken in since
            if await self._fill(wanted):
                await self._store.write(serve, self._store.index, wanted.key)
                self.now, self.trouble = wanted, ""

    async def _fill(self, wanted: Meaning) -> bool:
        """Whether all is read; not when another embedder was chosen meanwhile."""
        after = 0
        if not wanted.key:
            await wanted.embed(["ready?"], "query")
        while self.wanted is wanted:
            rows = await self._store.read(unembedded, wanted.key, BATCH, after, None)
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
    """What is embedded of a chunk: its headings tell what it is about."""
    return [f"{heading}\n{text}" for _, heading, text in rows]
