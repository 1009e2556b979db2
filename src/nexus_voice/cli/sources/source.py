"""What every source of documents has in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from ...core.errors import BadInput
from ...knowledge.reading.kinds import SUFFIXES
from ...server.rag.names import one_line, relative_path

UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\]')
"""Characters that do not survive in a multipart form."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as its source lists it. `name` is its name in the knowledge base, `key` its name in the
    source, `size` is in bytes. The fingerprint changes whenever the content changes."""

    name: str
    key: str
    size: int
    fingerprint: str


@dataclass(slots=True)
class Listing:
    """The documents of a source. `limit` is the size of the largest one allowed, in bytes."""

    limit: int
    entries: dict[str, Entry] = field(default_factory=dict)
    """By name."""
    problems: dict[str, str] = field(default_factory=dict)
    """Maps a name to why it cannot be read. A name that ends in "/" stands for everything below it."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Counts the files of unsupported types, by suffix."""

    def add(self, key: str, name: str, size: int, fingerprint: str) -> None:
        try:
            entry = Entry(safe(name), key, size, fingerprint)
        except BadInput as error:
            self.problems[name] = error.message
            return
        if size > self.limit:
            self.problems[entry.name] = (
                f"is larger than {self.limit:,} bytes. Raise NEXUS_KNOWLEDGE__FILE, here and for the server."
            )
        elif entry.name in self.entries:
            self.problems[key] = f"would replace {self.entries[entry.name].key}. Rename one of them."
        else:
            self.entries[entry.name] = entry

    def readable(self, name: str) -> bool:
        """Whether files of this type can be read. Counts those that cannot."""
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in SUFFIXES:
            return True
        self.left_out[suffix or "without a suffix"] += 1
        return False

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that the source no longer has, except where it could not be read."""
        unreadable_folders = tuple(one for one in self.problems if one.endswith("/"))
        present = self.entries.keys() | self.problems.keys()
        return sorted(
            name for name in names if name not in present and not name.startswith(unreadable_folders)
        )


class Source(Protocol):
    id: str
    """The `source` of its documents in the knowledge base."""
    label: str
    """Printed before the names of its documents."""
    mirrored: bool
    """Whether the knowledge base mirrors it: unchanged documents are not sent, missing ones are deleted."""

    def listing(self) -> Listing:
        """List the documents. Raises `NexusError` when the source cannot be read."""

    def open(self, entry: Entry) -> AbstractContextManager[BinaryIO]:
        """Open a document as a seekable file. Raises `BadInput`."""


def safe(name: str) -> str:
    """The path as the knowledge base stores it, without what a form would change. Raises `BadInput`."""
    return relative_path(UNSAFE.sub("_", name))


def identity(text: str) -> str:
    """A source's id as the knowledge base stores it."""
    return one_line(UNSAFE.sub("_", text), 500)


def unreadable(what: str) -> BadInput:
    return BadInput(what, code="unreadable")
