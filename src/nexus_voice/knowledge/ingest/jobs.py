"""The queue of documents on their way in: jobs and their items, kept in the database until they are done.

It is synchronous, like `Database`. A claimed item belongs to its worker as long as the worker renews the
lease, and whatever the worker writes about the item depends on that. So an item is taken in once, whichever
process is killed at whatever moment. A transaction that ends items first locks the row of the job: then the
last item to end knows that it is the last.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from ...core.access import Scope
from ...storage.columns import now
from ...storage.database import SCHEMA_LOCK, Database
from ...storage.schema import items, jobs
from ..documents import originals
from ..documents.permissions import WRITE, allowed, within
from ..documents.records import DocumentInfo
from .job import UNFINISHED, JobsFull, LeaseLost, Sent, Task
from .views import outdated, waiting

MAX_ATTEMPTS = 3
"""Times that an item is begun: a document that kills the server must not do so for ever."""
MAX_REFRESHED = 500
"""Documents of one job that are read again."""
MAX_ENDED_JOBS = 1_000
"""Jobs that are kept after they have ended."""
CLAIM_LOCK = SCHEMA_LOCK + 1
"""PostgreSQL's advisory lock for claiming items one after the other."""


class Jobs:
    """The queue as one `worker` sees it; `lease` is in seconds."""

    def __init__(self, database: Database, worker: str, lease: float) -> None:
        self.database, self.lease, self._worker = database, lease, worker

    def enqueue(self, collection: str, sent: Sequence[Sent], scope: Scope, most: int) -> str | None:
        """The id of a new job; None if `scope` may not write to such a collection. The files are stored with
        the job; one is in memory at a time. Raises `JobsFull` if more than `most` items would wait."""
        id = uuid4().hex
        with self.database.write() as connection:
            if not allowed(connection, collection, scope, WRITE):
                return None
            if waiting(connection) + len(sent) > most:
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

    def refresh(self, scope: Scope, most: int) -> list[str]:
        """New jobs that read the documents of `outdated` again, of `MAX_REFRESHED` documents at most each;
        their ids. A document that waits for it already is left out. Raises `JobsFull` if more than `most`
        items would wait."""
        made = list[str]()
        with self.database.write() as connection:
            rows = connection.execute(outdated(scope)).all()
            if rows and waiting(connection) + len(rows) > most:
                raise JobsFull("Too many documents are waiting to be read. Try again later.", retry_after=60)
            for collection, group in groupby(rows, key=lambda row: row.collection_id):
                for some in batched(group, MAX_REFRESHED):
                    id = uuid4().hex
                    values = {"id": id, "collection_id": collection, "created": now(), "state": "queued"}
                    connection.execute(jobs.insert().values(values))
                    for row in some:
                        sent = _item(Sent(row.name, type=row.type, source=row.source))
                        connection.execute(items.insert().values(job_id=id, refreshes=row.id, **sent))
                    made.append(id)
        return made

    def claim(self) -> Task | None:
        """The next item, which belongs to this worker from now on; None if there is none. An item whose lease
        has expired comes first. Two items of one document never run at the same time, so that the later one
        wins."""
        with self.database.read() as connection:  # it is asked for often, and there seldom is one
            if connection.execute(self._next()).first() is None:
                return None
        with self.database.write() as connection:
            if self.database.postgres:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CLAIM_LOCK)))
            while row := connection.execute(self._next()).mappings().one_or_none():
                connection.execute(sa.select(jobs.c.id).where(jobs.c.id == row["job_id"]).with_for_update())
                given_up = row["attempts"] >= MAX_ATTEMPTS and not row["status"]
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
        """Renew the lease. Whether the item still belongs to this worker."""
        with self.database.write() as connection:
            return self._change(connection, task, leased_until=self._until, embedded=embedded)

    def original(self, task: Task) -> bytes:
        assert task.original
        with self.database.read() as connection:
            data = originals.load(connection, task.original)
        assert data is not None  # as long as the item refers to it
        return data

    def stored(self, connection: sa.Connection, task: Task, document: DocumentInfo, status: str) -> None:
        """Note with the item what became of its document, in the transaction that stores it. Raises
        `LeaseLost`."""
        found = {"document_id": document.id, "status": status, "chunks": document.chunks}
        if not self._change(connection, task, **found):
            raise LeaseLost

    def end(self, task: Task, code: str | None, message: str | None, embedded: int) -> bool:
        """Mark the item as done, or as failed with this error. Whether it still belonged to this worker."""
        state = "failed" if code else "done"
        error = {"error_code": code, "error": message}
        with self.database.write() as connection:
            connection.execute(sa.select(jobs.c.id).where(jobs.c.id == task.job_id).with_for_update())
            ours = self._change(connection, task, state=state, original=None, embedded=embedded, **error)
            _conclude(connection, task.job_id)
        return ours

    def release(self, task: Task) -> None:
        """Give the item back, so that any worker may take it at once. This attempt does not count."""
        with self.database.write() as connection:
            again = {"state": "queued", "worker": None, "attempts": items.c.attempts - 1}
            self._change(connection, task, **again)

    def cancel(self, job: str, scope: Scope) -> bool:
        """Whether there is such a job in a collection that `scope` may write to. Items that have not ended
        are cancelled; documents that are stored stay."""
        mine = sa.select(jobs.c.id).where(jobs.c.id == job, within(jobs.c.collection_id, scope, WRITE))
        with self.database.write() as connection:
            if connection.scalar(mine.with_for_update()) is None:
                return False
            unfinished = items.c.job_id == job, items.c.state.in_(UNFINISHED)
            connection.execute(items.update().where(*unfinished).values(state="cancelled", original=None))
            ended = jobs.update().where(jobs.c.id == job, jobs.c.state.in_(UNFINISHED))
            connection.execute(ended.values(state="cancelled", ended=now()))
        return True

    def tidy(self, max_ended_jobs: int = MAX_ENDED_JOBS) -> None:
        """Delete old jobs, and originals that neither a document nor an item refers to."""
        ended = jobs.c.state.not_in(UNFINISHED)
        kept = sa.select(jobs.c.id).where(ended).order_by(jobs.c.created.desc()).limit(max_ended_jobs)
        with self.database.write() as connection:
            connection.execute(jobs.delete().where(ended, jobs.c.id.not_in(kept)))
            originals.sweep(connection)

    @property
    def _now(self) -> Any:
        """The time by a clock that all workers share: the database server's, or else this machine's."""
        clock = sa.func.extract("epoch", sa.func.clock_timestamp())
        return clock if self.database.postgres else time.time()

    @property
    def _until(self) -> Any:
        return self._now + self.lease

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


def batched(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some


GAVE_UP = (
    f"In {MAX_ATTEMPTS} attempts at this document the server stopped or its database failed. Send it again, "
    "or leave it out."
)


def _item(one: Sent) -> dict[str, Any]:
    about = {"source": one.source, "name": one.name, "type": one.type, "url": one.url}
    start: dict[str, Any] = {"state": "queued", "attempts": 0, "chunks": 0, "embedded": 0}
    if one.problem:
        start |= {"state": "failed", "error_code": one.problem.code, "error": one.problem.message}
    return {**about, **start, "fingerprint": one.fingerprint}


def _conclude(connection: sa.Connection, job: str) -> None:
    """Mark the job as done if all its items have ended."""
    unfinished = sa.exists().where(items.c.job_id == job, items.c.state.in_(UNFINISHED))
    ended = jobs.update().where(jobs.c.id == job, jobs.c.state.in_(UNFINISHED), ~unfinished)
    connection.execute(ended.values(state="done", ended=now()))
