"""Keeps the knowledge base in step with a source: sends what is new or changed, deletes what is gone.

No state is kept here. What the knowledge base has is compared with what the source lists, so the work can
be interrupted at any time and started again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from ...core.errors import BadInput, NexusError
from .report import Report
from .server import Job, Server, Unsendable
from .source import Entry, Source

MAX_BATCH_BYTES, MAX_BATCH_FILES = 8_000_000, 50
"""Bounds of one request. A larger file is sent alone."""
MAX_URLS = 100
"""Pages in one request."""
MAX_OPEN_JOBS = 2
"""Jobs at a time: one is processed while the next is sent."""
FIRST_POLL_INTERVAL_S, POLL_INTERVAL_S = 0.02, 0.5
"""Time between two looks at a job. It begins with the first and doubles up to the second."""
UNFINISHED = ("queued", "running")


@dataclass
class Sync:
    """Syncs sources with one collection of one server.

    `delete` says whether missing documents are deleted. None deletes them unless all are missing, which
    rather means that the folder is not mounted.
    """

    server: Server
    collection: str
    report: Report
    delete: bool | None = None
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    """Maps (source, name) of a failed document to its fingerprint; it is sent again when that changes."""
    _open: list[tuple[str, Source | None, list[Entry]]] = field(default_factory=list)

    def run(self, source: Source) -> None:
        """Sync one source and report every outcome. Raises `NexusError` when it or the server fails."""
        listing = source.listing()
        self.report.begin(source.label)
        for name, why in listing.problems.items():
            self.report.failed(name, why)
        known = self.server.documents(self.collection, source.id) if source.mirrored else {}
        new = []
        for entry in listing.entries.values():
            if entry.name in known and known[entry.name].fingerprint == entry.fingerprint:
                self.report.count("unchanged")
            elif self.failed.get((source.id, entry.name)) != entry.fingerprint:
                new.append(entry)
        self.report.expect(len(new))
        with self._cancelling():
            for batch in batches(new):
                self._wait(MAX_OPEN_JOBS - 1)
                self._send(source, batch)
            self._wait(0)
        gone = listing.missing(known)
        if gone and not listing.entries and self.delete is None:
            self.report.note(f"holds no document now; its {len(gone)} are kept. Delete them with --delete.")
        elif self.delete is not False:
            for name in gone:
                self.server.delete(known[name].id)
                self.report.done(name, "deleted")
        self.report.end(listing.left_out)

    def fetch(self, urls: Sequence[str]) -> None:
        """Have the server fetch pages."""
        self.report.begin("")
        self.report.expect(len(urls))
        with self._cancelling():
            for start in range(0, len(urls), MAX_URLS):
                some = urls[start : start + MAX_URLS]
                job = self.server.send_urls(self.collection, some)
                self._open.append((job["id"], None, [Entry(url, url, 0, "") for url in some]))
                self._wait(0)
        self.report.end({})

    def refresh(self) -> None:
        """Have the server read again what an older version of its reader has read."""
        self.report.begin("")
        jobs = [self.server.job(id) for id in self.server.refresh()]
        if not jobs:
            self.report.note("No document was read by an older version of the reader.")
        self.report.expect(sum(job["total"] for job in jobs))
        with self._cancelling():
            for job in jobs:
                entries = [Entry(one["name"], one["name"], 0, "") for one in job["documents"]]
                self._open.append((job["id"], None, entries))
            self._wait(0)
        self.report.end({})

    def _send(self, source: Source, batch: list[Entry]) -> None:
        with ExitStack() as stack:
            files = []
            for entry in batch:
                try:
                    files.append((entry, stack.enter_context(source.open(entry))))
                except BadInput as error:
                    self._fail(source, entry, error.message)
            if not files:
                return
            try:
                job = self.server.send(self.collection, source.id, files)
            except Unsendable as error:
                problem = error
            else:
                self._open.append((job["id"], source, [entry for entry, _ in files]))
                return
        for entry, _ in files:
            if len(files) == 1:
                self._fail(source, entry, problem.message)
            else:
                self._send(source, [entry])

    def _wait(self, most: int) -> None:
        """Wait until no more than `most` jobs are open."""
        pause = FIRST_POLL_INTERVAL_S
        while len(self._open) > most:
            id, source, entries = self._open[0]
            job = self.server.job(id)
            if job["state"] in UNFINISHED:
                self._show(job)
                time.sleep(pause)
                pause = min(2 * pause, POLL_INTERVAL_S)
                continue
            del self._open[0]
            self._conclude_all(source, entries, job)

    @contextmanager
    def _cancelling(self) -> Iterator[None]:
        """On Ctrl-C, cancel the open jobs. Documents that are done stay."""
        try:
            yield
        except KeyboardInterrupt:
            self.server.patience = 0.0
            try:
                for id, source, entries in self._open:
                    self.server.cancel(id)
                    self._conclude_all(source, entries, self.server.job(id))
            except NexusError as error:
                self.report.note(f"{error.message} What was sent may go on there.")
            self.report.end({})
            raise
        finally:
            self._open.clear()

    def _show(self, job: Job) -> None:
        ended = sum(one["state"] not in UNFINISHED for one in job["documents"])
        running = next((one for one in job["documents"] if one["state"] == "running"), None)
        self.report.progress(ended, running)

    def _conclude_all(self, source: Source | None, entries: list[Entry], job: Job) -> None:
        for entry, document in zip(entries, job["documents"], strict=True):
            if error := document["error"]:
                self._fail(source, entry, error["message"])
            elif document["state"] == "done":
                self.report.done(entry.name, document["status"], document["chunks"])
                for warning in document["warnings"]:
                    self.report.warn(entry.name, warning)
            else:
                self.report.done(entry.name, document["state"])

    def _fail(self, source: Source | None, entry: Entry, why: str) -> None:
        if source:
            self.failed[source.id, entry.name] = entry.fingerprint
        self.report.failed(entry.name, why)


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == MAX_BATCH_FILES or size + entry.size > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch
