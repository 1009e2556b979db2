"""What a place with documents must tell."""

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
"""What a form changes on its way."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as its source lists it: `name` in the knowledge base, `key` in the source, `size` in
    bytes. The fingerprint is another one whenever the content is."""

    name: str
    key: str
    size: int
    fingerprint: str


@dataclass(slots=True)
class Listing:
    """`limit` is the largest document in bytes."""

    limit: int
    entries: dict[str, Entry] = field(default_factory=dict)
    """By name."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why a document, by its name, cannot be had; a name that ends in "/" stands for all below it."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many files of each suffix cannot be read."""

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
        """Whether files of this type can be read; those that cannot are counted."""
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in SUFFIXES:
            return True
        self.left_out[suffix or "without a suffix"] += 1
        return False

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that are not there, as far as could be seen."""
        unseen = tuple(one for one in self.problems if one.endswith("/"))
        present = self.entries.keys() | self.problems.keys()
        return sorted(name for name in names if name not in present and not name.startswith(unseen))


class Source(Protocol):
    id: str
    """Its documents' `source` in the knowledge base."""
    label: str
    """Stands before their names in what is printed."""
    mirrored: bool
    """Whether it is kept in step: unchanged documents are not sent, those that are gone are deleted."""

    def listing(self) -> Listing:
        """Raises `NexusError` when it cannot be looked at."""

    def open(self, entry: Entry) -> AbstractContextManager[BinaryIO]:
        """Its bytes, with `seek`. Raises `BadInput`."""


def safe(name: str) -> str:
    """A path as the knowledge base keeps it, which comes through a form unchanged. Raises `BadInput`."""
    return relative_path(UNSAFE.sub("_", name))


def identity(text: str) -> str:
    """A source's id as the knowledge base keeps it."""
    return one_line(UNSAFE.sub("_", text), 500)


def unreadable(what: str) -> BadInput:
    return BadInput(what, code="unreadable")
