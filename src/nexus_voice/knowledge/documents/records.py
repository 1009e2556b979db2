"""What is known of documents and their chunks, as values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ...core.access import DEFAULT, Role

PIPELINE = 2
"""Part of every digest: raise it when reading or cutting changes, and documents are taken in anew."""

Outcome = Literal["added", "updated", "unchanged"]
"""What became of a document that was handed in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document comes from. Collection, source and name are its identity: the next one that has
    the same replaces it. `fingerprint` is what the source says of this version: an ETag, a time."""

    name: str
    collection: str = DEFAULT
    source: str = "upload"
    type: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document. `digest` is that of `digest_of`, `original` that of its file where this is kept, `bytes`
    the file's size."""

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

    @property
    def place(self) -> str:
        """Where a listing goes on after this one."""
        return self.id + self.title


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with its document's title; `heading` is title and path in one line."""

    id: int
    document: str
    title: str
    path: tuple[str, ...]
    heading: str
    text: str
    position: int
    page: int | None = None
    type: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """`role` is the strongest that the asking scope has; `documents` are counted."""

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
    """Of a document's content and of the way it is read: the same means there is nothing to do.
    A quarter of a second for 50 MB: call it in a thread."""
    digest = hashlib.sha256(f"{PIPELINE} {type}\n".encode())
    digest.update(data)
    return digest.hexdigest()
