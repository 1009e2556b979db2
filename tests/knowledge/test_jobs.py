"""The queue in the database: order, leases, ends, and who sees what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from nexus_voice.core.access import DEFAULT, PUBLIC, Scope
from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.documents import library, permissions
from nexus_voice.knowledge.documents.records import Origin
from nexus_voice.knowledge.ingest import jobs as queue
from nexus_voice.knowledge.ingest import views
from nexus_voice.knowledge.ingest.job import Job, JobsFull, LeaseLost, Sent, Task
from nexus_voice.knowledge.ingest.jobs import Jobs
from nexus_voice.knowledge.reading.chunks import Reading
from nexus_voice.storage.database import Database
from nexus_voice.storage.schema import originals

T = TypeVar("T")

ADA = Scope(frozenset({"user:ada"}))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    at = tmp_path if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = Database(at)
    yield database
    database.close()


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, "worker", 60)


@pytest.fixture
def other(database: Database) -> Jobs:
    return Jobs(database, "another worker", 60)


def sent(*names: str) -> list[Sent]:
    return [Sent(name, lambda name=name: f"about {name}".encode()) for name in names]  # type: ignore[misc]


def enqueue(jobs: Jobs, *names: str) -> str:
    id = jobs.enqueue(DEFAULT, sent(*names), PUBLIC, 100)
    assert id
    return id


def claimed(jobs: Jobs) -> Task:
    task = jobs.claim()
    assert task
    return task


def look(jobs: Jobs, view: Callable[..., T], *arguments: Any) -> T:
    with jobs.database.read() as connection:
        return view(connection, *arguments)


def seen(jobs: Jobs, id: str) -> Job:
    job = look(jobs, views.job, id, PUBLIC)
    assert job
    return job


def states(jobs: Jobs, id: str) -> list[str]:
    return [item.state for item in seen(jobs, id).items]


def finish(jobs: Jobs, task: Task) -> None:
    jobs.end(task, None, None, 0)


def test_items_are_taken_in_the_order_in_which_they_came(jobs: Jobs) -> None:
    first, second = enqueue(jobs, "a", "b"), enqueue(jobs, "c")
    assert [claimed(jobs).name for _ in range(3)] == ["a", "b", "c"]
    assert jobs.claim() is None
    assert [job.id for job in look(jobs, views.newest, PUBLIC, 9)] == [second, first]


def test_a_worker_that_has_lost_its_item_changes_nothing(database: Database, other: Jobs) -> None:
    late = Jobs(database, "late worker", -1)
    with database.write() as connection:
        known, _ = library.put(
            connection, Origin("a"), Reading("A", "", None, []), digest="", size=0, original=None
        )
    enqueue(late, "a")
    task = claimed(late)
    assert claimed(other).id == task.id
    with pytest.raises(LeaseLost), database.write() as connection:
        late.stored(connection, task, known, "unchanged")
    assert not late.renew(task, 0)
    with database.read() as connection:
        assert library.document(connection, known.id, None) == known


def test_an_item_has_one_worker_at_a_time(jobs: Jobs, other: Jobs) -> None:
    enqueue(jobs, *(str(number) for number in range(40)))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: (jobs, other)[number % 2].claim(), range(48)))
    assert sorted(int(task.name) for task in found if task) == list(range(40))


def test_the_last_item_to_end_ends_its_job(jobs: Jobs, other: Jobs) -> None:
    id = enqueue(jobs, *map(str, range(16)))
    assert seen(jobs, id).state == "queued"
    tasks = [claimed(jobs) for _ in range(16)]
    assert seen(jobs, id).state == "running"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda task: finish(jobs, task), tasks))
    job = seen(jobs, id)
    assert (job.state, job.total, job.done, job.failed) == ("done", 16, 16, 0)
    assert job.ended


def test_the_item_of_a_worker_that_is_gone_is_anothers(database: Database, other: Jobs) -> None:
    gone = Jobs(database, "gone", -1)  # seconds: its leases have expired when it gets them
    id = enqueue(gone, "a", "b")
    lost = claimed(gone)
    found = claimed(other)
    assert found == lost
    assert not gone.renew(lost, 5)
    gone.end(lost, "internal", "late", 5)
    gone.release(lost)
    assert states(other, id) == ["running", "queued"]
    assert other.renew(found, 7)
    finish(other, found)
    assert seen(other, id).done == 1


def test_what_kills_its_worker_each_time_is_given_up(database: Database) -> None:
    dying = Jobs(database, "dying", -1)
    id = enqueue(dying, "poison", "fine")
    names = [claimed(dying).name for _ in range(queue.MAX_ATTEMPTS + 1)]
    assert names == ["poison"] * queue.MAX_ATTEMPTS + ["fine"]
    first, second = seen(dying, id).items
    assert (first.state, first.error_code) == ("failed", "gave_up")
    assert second.state == "running"


def test_a_server_that_is_stopped_gives_its_item_back(jobs: Jobs, other: Jobs) -> None:
    id = enqueue(jobs, "a")
    for _ in range(2 * queue.MAX_ATTEMPTS):
        jobs.release(claimed(jobs))
    finish(other, claimed(other))
    assert states(jobs, id) == ["done"]


def test_two_versions_of_a_document_are_not_taken_in_at_once(jobs: Jobs, other: Jobs) -> None:
    enqueue(jobs, "a", "b")
    enqueue(jobs, "a", "a")
    first = claimed(jobs)
    assert claimed(other).name == "b"
    assert other.claim() is None
    finish(jobs, first)
    second = claimed(other)
    assert second.name == "a"
    assert jobs.claim() is None
    finish(other, second)
    assert claimed(jobs).id > second.id


def test_a_cancelled_job_goes_no_further(jobs: Jobs) -> None:
    id = enqueue(jobs, "a", "b", "c")
    finish(jobs, claimed(jobs))
    running = claimed(jobs)
    assert jobs.cancel(id, PUBLIC)
    assert not jobs.renew(running, 1)
    finish(jobs, running)
    assert jobs.claim() is None
    assert states(jobs, id) == ["done", "cancelled", "cancelled"]
    assert (seen(jobs, id).state, seen(jobs, id).ended is None) == ("cancelled", False)
    assert jobs.cancel(id, PUBLIC)  # once more does no harm
    assert not jobs.cancel("nothing", PUBLIC)


def test_a_document_that_is_refused_does_not_hold_up_the_others(jobs: Jobs) -> None:
    bad = Sent("b", problem=BadInput("No.", code="too_large"))
    id = jobs.enqueue(DEFAULT, [*sent("a"), bad], PUBLIC, 100)
    assert id
    assert states(jobs, id) == ["queued", "failed"]
    assert seen(jobs, id).items[1].error == "No."
    refused = jobs.enqueue(DEFAULT, [bad], PUBLIC, 100)
    assert refused
    assert seen(jobs, refused).state == "done"


def test_a_full_queue_takes_no_more(jobs: Jobs, database: Database) -> None:
    jobs.enqueue(DEFAULT, sent("a", "b"), PUBLIC, 3)
    with pytest.raises(JobsFull) as full:
        jobs.enqueue(DEFAULT, sent("c", "d"), PUBLIC, 3)
    assert (full.value.status, full.value.code) == (429, "jobs_full")
    assert len(look(jobs, views.newest, PUBLIC, 9)) == 1
    assert held(database) == 2


def test_bytes_that_cannot_be_read_leave_nothing(jobs: Jobs, database: Database) -> None:
    def broken() -> bytes:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        jobs.enqueue(DEFAULT, [*sent("a"), Sent("b", broken)], PUBLIC, 100)
    assert not look(jobs, views.newest, PUBLIC, 9)
    assert held(database) == 0


def test_jobs_belong_to_those_who_may_see_their_collection(jobs: Jobs, database: Database) -> None:
    with database.write() as connection:
        hers = permissions.create(connection, "Ada's", "user:ada").id
        permissions.grant(connection, hers, "user:bob", "reader", None)
    bob = Scope(frozenset({"user:bob"}))
    assert jobs.enqueue(hers, sent("a"), PUBLIC, 100) is None
    assert jobs.enqueue(hers, sent("a"), bob, 100) is None
    assert jobs.enqueue("nowhere", sent("a"), ADA, 100) is None
    id = jobs.enqueue(hers, sent("a"), ADA, 100)
    assert id
    assert look(jobs, views.job, id, PUBLIC) is None
    assert not look(jobs, views.newest, PUBLIC, 9)
    assert look(jobs, views.job, id, bob)
    assert not jobs.cancel(id, bob)
    assert jobs.cancel(id, ADA)


def test_a_deleted_collection_takes_its_jobs_along(jobs: Jobs, database: Database) -> None:
    with database.write() as connection:
        hers = permissions.create(connection, "Ada's", "user:ada").id
    jobs.enqueue(hers, sent("a", "b"), ADA, 100)
    running = claimed(jobs)
    with database.write() as connection:
        permissions.delete(connection, hers, ADA)
    assert not jobs.renew(running, 1)
    finish(jobs, running)
    assert jobs.claim() is None
    assert held(database) == 0


def held(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(originals)) or 0


def test_originals_stay_as_long_as_somebody_needs_them(jobs: Jobs, database: Database) -> None:
    enqueue(jobs, "a", "a")
    assert held(database) == 1
    first = claimed(jobs)
    assert jobs.original(first) == b"about a"
    jobs.end(first, "broken_document", "No.", 0)
    jobs.tidy()
    assert held(database) == 1
    jobs.end(claimed(jobs), "broken_document", "No.", 0)
    jobs.tidy()
    assert held(database) == 0


def test_old_jobs_are_forgotten(jobs: Jobs) -> None:
    ids = [enqueue(jobs, str(number)) for number in range(5)]
    for _ in ids[:4]:
        finish(jobs, claimed(jobs))
    jobs.tidy(max_ended_jobs=2)
    assert [job.id for job in look(jobs, views.newest, PUBLIC, 9)] == [*ids[:1:-1]]


def test_the_figures_count_what_everyone_has(jobs: Jobs) -> None:
    enqueue(jobs, "a", "b")
    assert look(jobs, views.figures).documents_waiting == 2
    finish(jobs, claimed(jobs))
    figures = look(jobs, views.figures)
    assert (figures.documents, figures.passages, figures.documents_waiting) == (0, 0, 1)
