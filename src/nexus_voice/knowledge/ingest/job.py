"""A job is some documents that were handed in together: what its sender, its worker and its readers know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ...core.errors import BadInput, Busy

UNFINISHED = ("queued", "running")
"""States of jobs and items that have not ended."""


class JobsFull(Busy):
    code = "jobs_full"
    status = 429


class LeaseLost(Exception):
    """The item is no longer this worker's: its job was cancelled, or another worker has it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One document as it was handed in: `read` gives its bytes, or they are fetched from `url`. A document
    with a `problem` is refused, which does not affect the others of its job."""

    name: str
    read: Callable[[], bytes] | None = None
    type: str = ""
    source: str = "upload"
    fingerprint: str = ""
    url: str | None = None
    problem: BadInput | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A claimed item. `status` is set if its document was stored in an earlier attempt. `refreshes` is the
    document that is to be read again."""

    id: int
    job_id: str
    collection: str
    source: str
    name: str
    type: str
    url: str | None
    original: str | None
    fingerprint: str
    status: str | None
    document_id: str | None
    refreshes: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One document on its way in.

    `state` is queued, running, done, failed or cancelled. `status` is added, updated or unchanged once the
    document is stored. `document_id` is None until then, and again after the document was deleted.
    `embedded` of the `chunks` have a vector. `warnings` are those of the document.
    """

    name: str
    source: str
    state: str
    status: str | None
    document_id: str | None
    chunks: int
    embedded: int
    error_code: str | None
    error: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """`state` is queued, running, done (every item has ended, well or not) or cancelled. `done` and `failed`
    count items. `items` are in the order in which they were sent; a list of jobs has them not."""

    id: str
    collection: str
    created: datetime
    ended: datetime | None
    state: str
    total: int
    done: int
    failed: int
    items: tuple[Item, ...] = ()

    @property
    def over(self) -> bool:
        return self.state not in UNFINISHED


@dataclass(frozen=True, slots=True)
class Figures:
    """What the knowledge base holds for everybody together, and how many items have not ended."""

    documents: int
    passages: int
    documents_waiting: int
