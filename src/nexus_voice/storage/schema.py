"""The tables of the knowledge base, for SQLite and PostgreSQL alike.

`migrations/` makes them, and also the word index and the vectors, which differ. Times are in UTC.
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
    Table,
    UniqueConstraint,
    column,
    table,
)

from .columns import Moment, PlainText

HEAD = "0005"
"""The newest migration."""

Serial = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

collections = Table(
    "collections",
    metadata,
    Column("id", PlainText(32), primary_key=True),
    Column("name", PlainText, nullable=False),
    Column("created", Moment, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("principal", PlainText, primary_key=True),
    Column("role", PlainText, nullable=False),  # domain.access.Role
    Index("grants_principal", "principal"),
)

originals = Table(
    "originals",
    metadata,
    Column("digest", PlainText(64), primary_key=True),  # sha256 of the bytes
    Column("bytes", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", PlainText(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("source", PlainText, nullable=False),  # "upload", "url", "seed", or a folder's or bucket's address
    Column("name", PlainText, nullable=False),
    Column("title", PlainText, nullable=False),
    Column("type", PlainText, nullable=False),  # media type of the original; "" where there is none
    Column("digest", PlainText(64), nullable=False),  # of the content and of the way it was read
    Column("original", ForeignKey("originals.digest"), index=True),
    Column("fingerprint", PlainText, nullable=False),  # what the source says of this version: an ETag, a time
    Column("bytes", Integer, nullable=False),
    Column("pages", Integer),
    Column("chunks", Integer, nullable=False),
    Column("added", Moment, nullable=False),
    Column("warnings", JSON, nullable=False),  # sentences about what was left out or is doubtful
    Column("reader", Integer, nullable=False),  # knowledge.reading.chunks.READER_VERSION
    Column("part_of", ForeignKey("documents.id")),  # the mail that it was attached to
    UniqueConstraint("collection_id", "source", "name"),
    Index("documents_part_of", "part_of"),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),  # in the document's text, in characters
    Column("page", Integer),
    Column("page_starts", JSON(none_as_null=True)),  # [offset in the text, page number] of each page in it
    Column("path", JSON, nullable=False),
    Column("heading", PlainText, nullable=False),  # title and path in one line, for the word index
    Column("text", PlainText, nullable=False),
    Column("heading_words", PlainText),  # as indexed (text.folding.indexed); None: as it is written
    Column("text_words", PlainText),
    Index("chunks_document", "document_id", "position"),
    sqlite_autoincrement=True,  # a vector index elsewhere must never meet an id again
)

vectors = table("vectors", column("embedder"), column("chunk_id"))
"""The columns that the tables of vectors of both databases have; `embedder` is "name/dimensions"."""

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),  # counts changes, also those of other processes
    Column("embedder", PlainText),  # "name/dimensions" whose vectors are searched
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", PlainText(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("created", Moment, nullable=False),
    Column("ended", Moment),
    Column("state", PlainText, nullable=False),  # queued, running, done, cancelled
    Index("jobs_created", "created"),
)

items = Table(
    "items",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("source", PlainText, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("type", PlainText, nullable=False),  # media type as the sender says; may be ""
    Column("url", PlainText),  # to be fetched
    Column("original", ForeignKey("originals.digest"), index=True),  # None until it is fetched
    Column("refreshes", PlainText(32)),  # the document that is to be read again from its original
    Column("fingerprint", PlainText, nullable=False),
    Column("state", PlainText, nullable=False),  # queued, running, done, failed, cancelled
    Column("worker", PlainText),  # who runs it
    Column("leased_until", Float),  # seconds since the epoch; past that another may run it
    Column("attempts", Integer, nullable=False),  # times that somebody began to run it
    Column("status", PlainText),  # added, updated, unchanged
    Column("document_id", ForeignKey("documents.id", ondelete="SET NULL"), index=True),
    Column("chunks", Integer, nullable=False),  # found so far
    Column("embedded", Integer, nullable=False),  # of these
    Column("error_code", PlainText),
    Column("error", PlainText),
    Index("items_job", "job_id", "state"),
    Index("items_state", "state", "id"),
)
