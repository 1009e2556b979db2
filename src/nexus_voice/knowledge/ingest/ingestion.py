"""Documents come in by jobs that outlive the server: they are sent, followed, and worked off here."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar
from uuid import uuid4

import anyio
from anyio import Event, create_task_group, current_time, move_on_after

from ...core.access import Scope
from ...core.errors import NexusError
from ..base import KnowledgeBase
from . import views
from .fetch import Fetched
from .intake import Intake
from .job import Figures, Job, Sent, Task
from .jobs import Jobs

T = TypeVar("T")

LEASE_S = 15.0
"""When a worker was killed, another one may take its item after so long."""
POLL_INTERVAL_S = 1.0
"""Between two looks at what other processes have done."""
RETRY_PAUSE_S = 5.0
"""After the database has failed."""
VIEW_INTERVAL_S, VIEW_INTERVAL_PER_ITEM_S = 0.05, 1e-3
"""Between two views of a job that is followed; longer for a job of many items."""
KEEP_ALIVE_S = 15.0
"""A job that does not change is shown again after so long, because proxies cut silent connections."""

log = logging.getLogger(__name__)


class Ingestion:
    """The jobs, and the worker of one server process. Several processes may share a database.

    `run` works on `at_once` items at a time; the other methods may be used with or without it. `ended` is
    called with what became of each item: added, updated, unchanged or failed. At most `most` items may wait.
    `lease`, `retry_pause` and `keep_alive` are in seconds.
    """

    def __init__(
        self,
        base: KnowledgeBase,
        fetch: Callable[[str], Awaitable[Fetched]],
        *,
        ended: Callable[[str], None] = lambda _: None,
        at_once: int = 1,
        most: int = 100_000,
        lease: float = LEASE_S,
        retry_pause: float = RETRY_PAUSE_S,
        keep_alive: float = KEEP_ALIVE_S,
        jobs: type[Jobs] = Jobs,
    ) -> None:
        self._base, self._fetch, self._ended = base, fetch, ended
        self._at_once, self._most = at_once, most
        self._retry_pause, self._keep_alive = retry_pause, keep_alive
        self._jobs = partial(jobs, worker=uuid4().hex, lease=lease)
        self._news = Event()
        self._running: set[Intake] = set()
        self._untidy = True

    async def run(self) -> None:
        """Work for ever. When it is cancelled, the items under way are taken up at the next start, or by
        another process."""
        async with create_task_group() as tasks:
            for _ in range(self._at_once):
                tasks.start_soon(self._work)

    async def enqueue(self, collection: str, sent: Sequence[Sent], scope: Scope) -> str | None:
        """A new job's id; None when `scope` may not write to such a collection. Raises `JobsFull`."""
        id = await self._do(lambda jobs: jobs.enqueue(collection, sent, scope, self._most))
        self._tell()
        return id

    async def refresh(self, scope: Scope) -> list[Job]:
        """New jobs that read again what an older version of the reader has read; none if there is nothing.
        Raises `JobsFull`."""
        ids = await self._do(lambda jobs: jobs.refresh(scope, self._most))
        self._tell()
        found = [await self.job(id, scope) for id in ids]
        return [job for job in found if job]

    async def outdated(self, scope: Scope) -> int:
        """How many documents `refresh` would read again."""
        return await self._base.store.read(views.count_outdated, scope)

    async def cancel(self, id: str, scope: Scope) -> bool:
        """Whether there is such a job that `scope` may cancel. Items under way stop at once, and items that
        wait are not begun. Documents that are stored stay."""
        cancelled = await self._do(lambda jobs: jobs.cancel(id, scope))
        for intake in self._running:
            if cancelled and intake.task.job_id == id:
                intake.cancel()
        self._tell()
        return cancelled

    async def job(self, id: str, scope: Scope) -> Job | None:
        return await self._base.store.read(views.job, id, scope)

    async def newest(self, scope: Scope, limit: int) -> list[Job]:
        """The newest first, without their items."""
        return await self._base.store.read(views.newest, scope, limit)

    async def figures(self) -> Figures:
        return await self._base.store.read(views.figures)

    async def follow(self, id: str, scope: Scope) -> AsyncGenerator[Job]:
        """The job now, and again whenever it has changed or a while has passed, until it ends. Nothing if
        there is no such job."""
        shown, at = None, 0.0
        while True:
            news = self._news
            job = await self.job(id, scope)
            if job is None:
                return
            if job != shown or current_time() - at >= self._keep_alive:
                yield job
                shown, at = job, current_time()
            if job.over:
                return
            await anyio.sleep(VIEW_INTERVAL_S + VIEW_INTERVAL_PER_ITEM_S * job.total)
            with move_on_after(POLL_INTERVAL_S):
                await news.wait()

    async def _work(self) -> None:
        while True:
            news = self._news
            try:
                task = await self._do(lambda jobs: jobs.claim())
                if task:
                    await self._take_in(task)
                    continue
                await self._rest()
            except Exception as error:
                problem = error
                while isinstance(problem, ExceptionGroup):  # an item and its lease failed together
                    problem = problem.exceptions[0]
                unknown = None if isinstance(problem, NexusError) else error
                log.error(
                    "No documents can be taken in for %g s: %s", self._retry_pause, problem, exc_info=unknown
                )
                await anyio.sleep(self._retry_pause)
                continue
            with move_on_after(POLL_INTERVAL_S):
                await news.wait()

    async def _take_in(self, task: Task) -> None:
        jobs = self._jobs(await self._base.store.open())
        intake = Intake(task, self._base, jobs, self._fetch, self._tell)
        self._running.add(intake)
        self._tell()
        try:
            await intake.run()
        finally:
            self._running.remove(intake)
            if intake.ended:
                self._ended(intake.outcome)
            self._untidy = True
            self._tell()

    async def _rest(self) -> None:
        """No item waits: tidy up once."""
        if self._untidy:
            await self._do(lambda jobs: jobs.tidy())
            self._untidy = False

    async def _do(self, work: Callable[[Jobs], T]) -> T:
        jobs = self._jobs(await self._base.store.open())
        return await self._base.store.run(work, jobs)

    def _tell(self) -> None:
        self._news.set()
        self._news = Event()
