"""Documents keep the reader's warnings and its version, passages where the pages in them begin."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.add_column("documents", sa.Column("warnings", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("documents", sa.Column("reader", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("chunks", sa.Column("page_starts", sa.JSON()))
