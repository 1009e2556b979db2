"""Which embedder a knowledge base is searched with, and how another one takes its place.

Vectors of two embedders do not compare. So the new one first reads every chunk, while the one before
goes on serving; its vectors are kept as they are made, beside the others, and a kill costs a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread

from ..domain.errors import EngineError
from ..ports import Embedder
from .meaning import Meaning

if TYPE_CHECKING:
    from ..ports import Vectors
    from .store import Store

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BATCH = 64
"""Chunks embedded between two writes to the store."""

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
    """`now` serves, unless the store's vectors are another's; `wanted` is, or is to be, `now`."""

    def __init__(
        self, embedder: Embedder | None, meanwhile: Embedder | None, threads: anyio.CapacityLimiter
    ) -> None:
        self.now = self.wanted = Meaning(embedder) if embedder else None
        self.trouble = "" if embedder else "no embedding model is configured"
        self._meanwhile = Meaning(meanwhile) if meanwhile and embedder else None
        self._threads, self._reading = threads, anyio.Lock()

    def open(self, store: Store) -> None:
        """Blocks; call it once, before the rest."""
        from .vectors import VectorIndex  # FAISS takes a while to import

        _, serving = store.state()
        if self._meanwhile and serving and self._meanwhile.fits(serving):
            self.now = self._meanwhile
        if self.now:
            self.now.index = VectorIndex(store)

    def want(self, embedder: Embedder) -> None:
        for meaning in (self.now, self.wanted):
            if meaning and meaning.embedder is embedder:
                self.wanted = meaning
                return
        self.wanted = Meaning(embedder)

    async def read(self, store: Store, changing: anyio.Lock) -> None:
        """Give every chunk a vector of the wanted embedder, then search these.

        Documents change under the lock `changing`. Raises `EngineError`.
        """
        async with self._reading:
            wanted = self.wanted
            if wanted is None or not await self._fill(store, wanted):
                return
            if wanted is self.now and (await self._run(store.state))[1] == wanted.key:
                return
            await self._run(self._prepare, store, wanted)
            async with changing:  # and what was taken in since
                if await self._fill(store, wanted):
                    await self._run(self._take_over, store, wanted)

    def status(self, store: Store) -> Status:
        """Blocks."""
        _, serving = store.state()
        now, wanted = self.now, self.wanted
        fits = wanted is not None and wanted.fits(serving)
        done, total = store.progress((wanted.key if wanted else "") or (serving if fits and serving else ""))
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

    async def _fill(self, store: Store, wanted: Meaning) -> bool:
        """Whether all is read; not when another embedder was chosen meanwhile."""
        after = 0
        if not wanted.key:
            await wanted.embed(["ready?"], "query")
        while self.wanted is wanted:
            rows = await self._run(store.unembedded, wanted.key, after, BATCH)
            if not rows:
                return True
            made = await wanted.embed([f"{heading}\n{text}" for _, heading, text in rows], "passage")
            await self._run(store.embed, wanted.key, [id for id, _, _ in rows], made)
            after = rows[-1][0]
        return False

    def _prepare(self, store: Store, wanted: Meaning) -> None:
        from .vectors import VectorIndex

        wanted.index = wanted.index or VectorIndex(store)
        wanted.index.load(wanted.key)

    def _take_over(self, store: Store, wanted: Meaning) -> None:
        if self.now and self.now.index and self.now is not wanted:
            self.now.index.freeze()
        store.serve(wanted.key)
        if wanted.index:
            wanted.index.sync(wanted.key)
        self.now, self.trouble = wanted, ""

    async def _run(self, work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._threads)
