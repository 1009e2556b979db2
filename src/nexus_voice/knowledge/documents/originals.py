"""The files that documents were made from, each kept once, however many documents share it."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from ...storage.database import LOCK
from ...storage.schema import documents, items, originals

SWEEPING = LOCK + 2
"""PostgreSQL's advisory lock: nothing is swept away that somebody is just about to refer to."""
KEEP = sa.text(
    "INSERT INTO originals (digest, bytes, data) VALUES (:digest, :bytes, :data)"
    " ON CONFLICT (digest) DO NOTHING"
)


def keep(connection: sa.Connection, data: bytes) -> str:
    """Its digest. What refers to it must be written in the same transaction, or it will be swept away; and
    one that changes documents as well calls `changed` before."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(SWEEPING)))
    digest = hashlib.sha256(data).hexdigest()
    known = sa.select(originals.c.digest).where(originals.c.digest == digest)
    if connection.scalar(known) is None:
        connection.execute(KEEP, {"digest": digest, "bytes": len(data), "data": data})
    return digest


def load(connection: sa.Connection, digest: str) -> bytes | None:
    data = connection.scalar(sa.select(originals.c.data).where(originals.c.digest == digest))
    return None if data is None else bytes(data)


def sweep(connection: sa.Connection, *digests: str | None) -> None:
    """Delete those of `digests` (of all, if none is given) that neither a document nor a job needs."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SWEEPING)))
    needed = [
        sa.exists().where(table.c.original == originals.c.digest).correlate(originals)
        for table in (documents, items)
    ]
    statement = originals.delete().where(*(~one for one in needed))
    if digests:
        statement = statement.where(originals.c.digest.in_([one for one in digests if one]))
    connection.execute(statement)
