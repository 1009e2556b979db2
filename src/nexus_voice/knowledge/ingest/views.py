"""Jobs as those who sent them see them. Every function takes the connection of a transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ...core.access import Scope
from ...storage.schema import documents, items, jobs
from ..documents.permissions import WRITE, within
from ..reading.chunks import READER_VERSION
from .job import UNFINISHED, Figures, Item, Job


def job(connection: sa.Connection, id: str, scope: Scope) -> Job | None:
    row = connection.execute(_jobs(scope).where(jobs.c.id == id)).one_or_none()
    if row is None:
        return None
    fields = [items.c[name] for name in Item.__slots__ if name != "warnings"]
    statement = sa.select(*fields, documents.c.warnings).select_from(items.outerjoin(documents))
    rows = connection.execute(statement.where(items.c.job_id == id).order_by(items.c.id)).mappings()
    found = tuple(Item(**{**one, "warnings": tuple(one["warnings"] or ())}) for one in rows)
    return Job(**row._mapping, items=found)


def newest(connection: sa.Connection, scope: Scope, limit: int) -> list[Job]:
    """The newest first, without their items."""
    order = jobs.c.created.desc(), jobs.c.id
    rows = connection.execute(_jobs(scope).order_by(*order).limit(limit))
    return [Job(**row._mapping) for row in rows]


def waiting(connection: sa.Connection) -> int:
    """Items that have not ended, of everyone's jobs."""
    unfinished = sa.select(sa.func.count()).where(items.c.state.in_(UNFINISHED))
    return connection.execute(unfinished).scalar_one()


def outdated(scope: Scope) -> sa.Select[Any]:
    """The documents that `scope` may change, whose file is kept and that an older version of the reader has
    read, but for those that wait to be read again, and for attachments, which are read with their mail."""
    waits = sa.exists().where(items.c.refreshes == documents.c.id, items.c.state.in_(UNFINISHED))
    return (
        sa.select(documents)
        .where(
            documents.c.reader < READER_VERSION,
            documents.c.original.is_not(None),
            documents.c.part_of.is_(None),
            within(documents.c.collection_id, scope, WRITE),
            ~waits,
        )
        .order_by(documents.c.collection_id, documents.c.id)
    )


def count_outdated(connection: sa.Connection, scope: Scope) -> int:
    found = sa.select(sa.func.count()).select_from(outdated(scope).subquery())
    return connection.execute(found).scalar_one()


def figures(connection: sa.Connection) -> Figures:
    count = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(documents.c.chunks), 0))
    held, passages = connection.execute(count.select_from(documents)).one()
    return Figures(held, int(passages), waiting(connection))


def _jobs(scope: Scope) -> sa.Select[Any]:
    def count(*only: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
        return sa.select(sa.func.count()).where(items.c.job_id == jobs.c.id, *only).scalar_subquery()

    return sa.select(
        jobs.c.id,
        jobs.c.collection_id.label("collection"),
        jobs.c.created,
        jobs.c.ended,
        jobs.c.state,
        count().label("total"),
        count(items.c.state == "done").label("done"),
        count(items.c.state == "failed").label("failed"),
    ).where(within(jobs.c.collection_id, scope))
