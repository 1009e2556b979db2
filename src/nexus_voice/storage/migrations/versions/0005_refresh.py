"""An item of a job may be a document that is to be read again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    op.add_column("items", sa.Column("refreshes", sa.String(32)))
