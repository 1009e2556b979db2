"""The knowledge base's tables, in one place, for SQLite and PostgreSQL alike.

`migrations/` makes them; the word index and the vectors, which differ, are there too. Times are UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from .times import Moment

HEAD = "0001"
"""The newest migration."""

Serial = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

collections = Table(
    "collections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created", Moment, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("role", Text, nullable=False),  # domain.access.Role
    Index("grants_principal", "principal"),
)

originals = Table(
    "originals",
    metadata,
    Column("digest", String(64), primary_key=True),  # sha256 of the bytes
    Column("bytes", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("source", Text, nullable=False),  # "upload", "url", "seed", or where a folder is kept in step with
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("type", Text, nullable=False),  # media type of the original; "" where there is none
    Column("digest", String(64), nullable=False),  # of the content and of the way it was read
    Column("original", ForeignKey("originals.digest"), index=True),
    Column("fingerprint", Text, nullable=False),  # what the source says of this version: an ETag, a time
    Column("bytes", Integer, nullable=False),
    Column("pages", Integer),
    Column("added", Moment, nullable=False),
    UniqueConstraint("collection_id", "source", "name"),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),  # in the document's text, in characters
    Column("page", Integer),
    Column("path", JSON, nullable=False),
    Column("heading", Text, nullable=False),  # title and path in one line, for the word index
    Column("text", Text, nullable=False),
    Index("chunks_document", "document_id", "position"),
    sqlite_autoincrement=True,  # a vector index elsewhere must never meet an id again
)

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),  # counts changes, also those of other processes
    Column("removals", Integer, nullable=False),  # counts those that took chunks away
    Column("embedder", Text),  # "name/dimensions" whose vectors are searched
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("created", Moment, nullable=False),
    Column("ended", Moment),
    Column("state", Text, nullable=False),  # queued, running, done, cancelled
    Index("jobs_created", "created"),
)

items = Table(
    "items",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),  # media type as the sender says; may be ""
    Column("url", Text),  # to be fetched
    Column("original", ForeignKey("originals.digest"), index=True),  # None until it is fetched
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),  # queued, running, done, failed, cancelled
    Column("worker", Text),  # who runs it
    Column("leased_until", Float),  # seconds since the epoch; past that another may run it
    Column("status", Text),  # added, updated, unchanged
    Column("document_id", ForeignKey("documents.id", ondelete="SET NULL"), index=True),
    Column("chunks", Integer, nullable=False),  # found so far
    Column("embedded", Integer, nullable=False),  # of these
    Column("error_code", Text),
    Column("error", Text),
    Index("items_job", "job_id"),
    Index("items_state", "state"),
)
