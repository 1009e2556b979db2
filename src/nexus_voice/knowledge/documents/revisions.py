"""One row that tells every process whether anything has changed since it last looked."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from ...storage.schema import state


class Revision(NamedTuple):
    """`number` counts changes. `embedder` is the key of the vectors that are searched; None while there are
    none."""

    number: int
    embedder: str | None


def revision(connection: sa.Connection) -> Revision:
    row = connection.execute(sa.select(state.c.revision, state.c.embedder)).one()
    return Revision(*row)


def changed(connection: sa.Connection) -> None:
    """Count a change. It is called first in a transaction that changes documents, and makes it the only
    writer."""
    connection.execute(state.update().values(revision=state.c.revision + 1))
