"""The files that documents were read from. Each is kept once, however many documents share it."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from ...storage.database import SCHEMA_LOCK
from ...storage.schema import documents, items, originals

SWEEP_LOCK = SCHEMA_LOCK + 2
"""PostgreSQL's advisory lock: no original is deleted while somebody is about to refer to it."""
KEEP = sa.text(
    "INSERT INTO originals (digest, bytes, data) VALUES (:digest, :bytes, :data)"
    " ON CONFLICT (digest) DO NOTHING"
)


def keep(connection: sa.Connection, data: bytes) -> str:
    """Keep an original; returns its digest. What refers to it must be written in the same transaction, or it
    will be deleted. A transaction that changes documents as well calls `changed` before."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(SWEEP_LOCK)))
    digest = hashlib.sha256(data).hexdigest()
    known = sa.select(originals.c.digest).where(originals.c.digest == digest)
    if connection.scalar(known) is None:
        connection.execute(KEEP, {"digest": digest, "bytes": len(data), "data": data})
    return digest


def load(connection: sa.Connection, digest: str) -> bytes | None:
    data = connection.scalar(sa.select(originals.c.data).where(originals.c.digest == digest))
    return None if data is None else bytes(data)


def sweep(connection: sa.Connection, *digests: str | None) -> None:
    """Delete the originals of `digests`, or all if none is given, that neither a document nor a job needs."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SWEEP_LOCK)))
    needed = [
        sa.exists().where(table.c.original == originals.c.digest).correlate(originals)
        for table in (documents, items)
    ]
    statement = originals.delete().where(*(~one for one in needed))
    if digests:
        statement = statement.where(originals.c.digest.in_([one for one in digests if one]))
    connection.execute(statement)
