"""Documents on their way in: jobs and their items, kept in the database until they are done.

Synchronous, as `database.py` is. A claimed item belongs to its worker for as long as the lease is renewed,
and everything that a worker writes about it depends on that: so an item is taken in once, whoever is
killed when. A transaction that ends items locks the job's row first: then the last item to end knows that
it is the last.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from ...core.access import Scope
from ...storage.database import LOCK, Database
from ...storage.schema import items, jobs
from ...storage.times import now
from ..documents import originals
from ..documents.records import DocumentInfo
from ..documents.sharing import WRITE, allowed, within
from .job import UNFINISHED, JobsFull, LeaseLost, Sent, Task
from .views import JobViews

ATTEMPTS = 3
"""Times that an item is begun: what kills the server each time must not do so for ever."""
KEPT = 1_000
"""Ended jobs that are remembered."""
CLAIMS = LOCK + 1
"""PostgreSQL's advisory lock for taking items in turn."""


class Jobs:
    """The queue as one `worker` sees it; `lease` is in seconds."""

    def __init__(self, database: Database, worker: str, lease: float) -> None:
        self._database, self._worker, self._lease = database, worker, lease
        self.views = JobViews(database)

    def enqueue(self, collection: str, sent: Sequence[Sent], scope: Scope, most: int) -> str | None:
        """A new job's id; None when `scope` may not write to such a collection. The bytes are kept with
        it, one document in memory at a time. Raises `JobsFull` when more than `most` items would wait."""
        id = uuid4().hex
        with self._database.write() as connection:
            if not allowed(connection, collection, scope, WRITE):
                return None
            if self.views.waiting() + len(sent) > most:
                raise JobsFull("Too many documents are waiting to be read. Try again later.", retry_after=60)
            connection.execute(
                jobs.insert().values(id=id, collection_id=collection, created=now(), state="queued")
            )
            for one in sent:
                data = one.read() if one.read and not one.problem else None
                digest = None if data is None else originals.keep(connection, data)
                connection.execute(items.insert().values(job_id=id, original=digest, **_item(one)))
            _conclude(connection, id)
        return id

    def claim(self) -> Task | None:
        """The next item, now this worker's; None when there is none. An item whose lease has expired
        comes first. Two items for one document are never run at once, so that the later one wins."""
        with self._database.read() as connection:  # looked for often, found seldom
            if connection.execute(self._next()).first() is None:
                return None
        with self._database.write() as connection:
            if self._database.postgres:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CLAIMS)))
            while row := connection.execute(self._next()).mappings().one_or_none():
                connection.execute(sa.select(jobs.c.id).where(jobs.c.id == row["job_id"]).with_for_update())
                given_up = row["attempts"] >= ATTEMPTS and not row["status"]
                taken = (
                    {"state": "failed", "error_code": "gave_up", "error": GAVE_UP, "original": None}
                    if given_up
                    else {"state": "running", "worker": self._worker, "leased_until": self._until}
                )
                same = [items.c[name].is_not_distinct_from(row[name]) for name in ("state", "leased_until")]
                change = items.update().where(items.c.id == row["id"], *same)
                if not connection.execute(change.values(attempts=row["attempts"] + 1, **taken)).rowcount:
                    continue  # cancelled meanwhile
                if given_up:
                    _conclude(connection, row["job_id"])
                    continue
                connection.execute(jobs.update().where(jobs.c.id == row["job_id"]).values(state="running"))
                return Task(**{name: row[name] for name in Task.__slots__})
        return None

    def renew(self, task: Task, embedded: int) -> bool:
        """Whether the item is still this worker's; if so, for another lease."""
        with self._database.write() as connection:
            return self._change(connection, task, leased_until=self._until, embedded=embedded)

    def original(self, task: Task) -> bytes:
        assert task.original
        with self._database.read() as connection:
            data = originals.load(connection, task.original)
        assert data is not None  # the item itself keeps it
        return data

    def stored(self, connection: sa.Connection, task: Task, document: DocumentInfo, status: str) -> None:
        """Note with the item what became of its document, in the transaction that stores it. Raises
        `LeaseLost`."""
        found = {"document_id": document.id, "status": status, "chunks": document.chunks}
        if not self._change(connection, task, **found):
            raise LeaseLost

    def end(self, task: Task, code: str | None, message: str | None, embedded: int) -> bool:
        """The last word on the item, done or failed with this error; whether it was still ours."""
        state = "failed" if code else "done"
        error = {"error_code": code, "error": message}
        with self._database.write() as connection:
            connection.execute(sa.select(jobs.c.id).where(jobs.c.id == task.job_id).with_for_update())
            ours = self._change(connection, task, state=state, original=None, embedded=embedded, **error)
            _conclude(connection, task.job_id)
        return ours

    def release(self, task: Task) -> None:
        """Somebody else may run it, at once; this attempt does not count."""
        with self._database.write() as connection:
            again = {"state": "queued", "worker": None, "attempts": items.c.attempts - 1}
            self._change(connection, task, **again)

    def cancel(self, job: str, scope: Scope) -> bool:
        """Whether there is such a job in collections that `scope` may write to. What is not done by now
        is not done any more; documents that are stored stay."""
        mine = sa.select(jobs.c.id).where(jobs.c.id == job, within(jobs.c.collection_id, scope, WRITE))
        with self._database.write() as connection:
            if connection.scalar(mine.with_for_update()) is None:
                return False
            unfinished = items.c.job_id == job, items.c.state.in_(UNFINISHED)
            connection.execute(items.update().where(*unfinished).values(state="cancelled", original=None))
            ended = jobs.update().where(jobs.c.id == job, jobs.c.state.in_(UNFINISHED))
            connection.execute(ended.values(state="cancelled", ended=now()))
        return True

    def tidy(self) -> None:
        """Forget old jobs, and remove originals that neither a document nor an item refers to."""
        ended = jobs.c.state.not_in(UNFINISHED)
        kept = sa.select(jobs.c.id).where(ended).order_by(jobs.c.created.desc()).limit(KEPT)
        with self._database.write() as connection:
            connection.execute(jobs.delete().where(ended, jobs.c.id.not_in(kept)))
            originals.sweep(connection)

    @property
    def _now(self) -> Any:
        """One clock for all workers: the server's where there is one, else this machine's."""
        clock = sa.func.extract("epoch", sa.func.clock_timestamp())
        return clock if self._database.postgres else time.time()

    @property
    def _until(self) -> Any:
        return self._now + self._lease

    def _next(self) -> sa.Select[Any]:
        """The item to run next."""
        running, other = items.alias(), jobs.alias()
        busy = sa.exists().where(
            running.c.state == "running",
            running.c.id != items.c.id,
            running.c.source == items.c.source,
            running.c.name == items.c.name,
            other.c.id == running.c.job_id,
            other.c.collection_id == jobs.c.collection_id,
        )
        first = sa.select(items.c.id).join(jobs).where(~busy).order_by(items.c.id).limit(1)
        expired = first.where(items.c.state == "running", items.c.leased_until < self._now)
        queued = first.where(items.c.state == "queued")
        return (
            sa.select(items, jobs.c.collection_id.label("collection"))
            .join(jobs)
            .where(items.c.id == sa.func.coalesce(expired.scalar_subquery(), queued.scalar_subquery()))
        )

    def _change(self, connection: sa.Connection, task: Task, **values: Any) -> bool:
        ours = items.c.id == task.id, items.c.worker == self._worker, items.c.state == "running"
        return connection.execute(items.update().where(*ours).values(**values)).rowcount > 0


GAVE_UP = (
    f"In {ATTEMPTS} attempts at this document the server stopped or its database failed. Send it again, or "
    "leave it out."
)


def _item(one: Sent) -> dict[str, Any]:
    about = {"source": one.source, "name": one.name, "type": one.type, "url": one.url}
    start: dict[str, Any] = {"state": "queued", "attempts": 0, "chunks": 0, "embedded": 0}
    if one.problem:
        start |= {"state": "failed", "error_code": one.problem.code, "error": one.problem.message}
    return {**about, **start, "fingerprint": one.fingerprint}


def _conclude(connection: sa.Connection, job: str) -> None:
    """The job is done when all its items have ended."""
    unfinished = sa.exists().where(items.c.job_id == job, items.c.state.in_(UNFINISHED))
    ended = jobs.update().where(jobs.c.id == job, jobs.c.state.in_(UNFINISHED), ~unfinished)
    connection.execute(ended.values(state="done", ended=now()))
