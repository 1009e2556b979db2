"""What is known of documents and their chunks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ...core.access import DEFAULT, Role
from ...core.chat import PageStarts

Outcome = Literal["added", "updated", "unchanged"]
"""What became of a document that was handed in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document comes from. The next one of the same collection, source and name replaces it.
    `fingerprint` tells its version, as the source does: by an ETag or a time."""

    name: str
    collection: str = DEFAULT
    source: str = "upload"
    type: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document. `digest` is made by `digest_of`, `original` is the digest of the file if it is kept, and
    `bytes` is the file's size. `warnings` are sentences about what was left out of it or is doubtful.
    `reader` is the `READER_VERSION` by which it was read; 0 if that was before there was one. `part_of` is
    the mail that it was attached to: its document's id."""

    id: str
    collection: str
    source: str
    name: str
    title: str
    type: str
    digest: str
    original: str | None
    fingerprint: str
    bytes: int
    pages: int | None
    chunks: int
    added: datetime
    warnings: tuple[str, ...]
    reader: int
    part_of: str | None = None

    @property
    def place(self) -> str:
        """Its place in a listing, to go on from there."""
        return self.id + self.title


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with the title of its document. `heading` is the title and the path in one line."""

    id: int
    document: str
    title: str
    path: tuple[str, ...]
    heading: str
    text: str
    position: int
    page: int | None = None
    type: str = ""
    page_starts: PageStarts = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """`role` is the strongest that the asking scope has; `documents` is their number."""

    id: str
    name: str
    created: datetime
    role: Role
    documents: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a document that was handed in."""

    id: str
    title: str
    chunks: int
    status: Outcome


def digest_of(type: str, data: bytes) -> str:
    """A digest of a document's content and of the type that it is said to have. It takes a quarter of a
    second for 50 MB, so it is called in a thread."""
    digest = hashlib.sha256(f"{type}\n".encode())
    digest.update(data)
    return digest.hexdigest()


def digest_beside(known: DocumentInfo | None, type: str, data: bytes) -> str:
    """The digest of a file beside the document that is known of its origin: the document's own if it was read
    from this file, and would be read so again, though its sender may have given it another type. It takes as
    long as `digest_of`."""
    same = known and type == known.type and hashlib.sha256(data).hexdigest() == known.original
    return known.digest if known and same else digest_of(type, data)
