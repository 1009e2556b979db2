"""Takes in one item of a job: fetches it, reads it, stores it, and makes its vectors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
from anyio import CancelScope, create_task_group, current_time, get_cancelled_exc_class, move_on_after
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ...core.errors import NexusError
from ...storage.database import Unavailable
from ..base import KnowledgeBase
from ..documents.records import DocumentInfo, Origin, Outcome
from .fetch import Fetched
from .job import LeaseLost, Task
from .jobs import Jobs

RENEWALS_PER_LEASE = 7.5
"""A lease is renewed so often before it would expire, which also tells whether the job was cancelled."""
PROGRESS_INTERVAL_S = 0.5
"""Between two notes of how many chunks have a vector."""
RELEASE_TIMEOUT_S = 2.0
"""To give an item back when the server stops."""

log = logging.getLogger(__name__)


class Intake:
    """One item. `run` takes it in, unless it stops belonging to this worker. `outcome` becomes added,
    updated, unchanged or failed; it is final if `ended`."""

    def __init__(
        self,
        task: Task,
        base: KnowledgeBase,
        jobs: Jobs,
        fetch: Callable[[str], Awaitable[Fetched]],
        tell: Callable[[], None],
    ) -> None:
        self.task, self.outcome, self.ended = task, task.status or "", False
        self._base, self._jobs, self._fetch, self._tell = base, jobs, fetch, tell
        self._scope = CancelScope()
        self._embedded = 0

    def cancel(self) -> None:
        """Its job was cancelled."""
        self._scope.cancel()

    async def run(self) -> None:
        """Raises nothing but the database's errors; the item is then taken in when its lease has expired."""
        try:
            with self._scope:
                async with create_task_group() as tasks:
                    tasks.start_soon(self._hold)
                    await self._finish()
                    tasks.cancel_scope.cancel()
        except get_cancelled_exc_class():
            with move_on_after(RELEASE_TIMEOUT_S, shield=True):
                await self._base.store.run(self._jobs.release, self.task)
            raise

    async def _hold(self) -> None:
        """Renew the lease and note the progress. Stop when the item no longer belongs to this worker."""
        noted, renewed = 0, current_time()
        interval = self._jobs.lease / RENEWALS_PER_LEASE
        while True:
            await anyio.sleep(min(interval, PROGRESS_INTERVAL_S))
            if self._embedded != noted or current_time() - renewed >= interval:
                noted, renewed = self._embedded, current_time()
                if not await self._base.store.run(self._jobs.renew, self.task, self._embedded):
                    return self.cancel()
                self._tell()

    async def _finish(self) -> None:
        code = message = None
        try:
            await self._take_in()
        except (Unavailable, DBAPIError):
            raise
        except NexusError as error:
            code, message = error.code, error.message
        except Exception as error:
            log.error("“%s” could not be taken in", self.task.name, exc_info=error)
            code, message = "internal", "Something went wrong on our side. The log has the details."
        self.outcome = "failed" if code else self.outcome
        self.ended = await self._base.store.run(self._jobs.end, self.task, code, message, self._embedded)

    async def _take_in(self) -> None:
        document = self.task.document_id if self.task.status else await self._store()
        if document:
            self._tell()
            await self._base.embed(document, self._progress)

    def _progress(self, embedded: int, _: int) -> None:
        self._embedded = embedded

    async def _store(self) -> str | None:
        """The document's id; None if the item no longer belongs to this worker."""
        task = self.task
        if task.refreshes:
            return await self._read_again(task.refreshes)
        origin = Origin(task.name, task.collection, task.source, task.type, task.fingerprint)
        try:
            done = await self._base.known(origin, self._note)
            if done is None:
                got = await self._content()
                version = task.fingerprint or got.fingerprint
                origin = replace(origin, type=got.type, fingerprint=version)
                done = await self._base.take_in(origin, got.data, file_name=got.name, note=self._note)
        except LeaseLost:
            return None
        self.outcome = done.status
        return done.id

    async def _read_again(self, document: str) -> str | None:
        try:
            done = await self._base.read_again(document, self._note)
        except LeaseLost:
            return None
        self.outcome = done.status
        return done.id

    def _note(self, connection: Connection, document: DocumentInfo, status: Outcome) -> None:
        self._jobs.stored(connection, self.task, document, status)

    async def _content(self) -> Fetched:
        """The file, from the web or from the job."""
        task = self.task
        if task.url:
            return await self._fetch(task.url)
        data = await self._base.store.run(self._jobs.original, task)
        return Fetched(data, task.type, task.name, "", task.fingerprint)
