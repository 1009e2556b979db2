"""The attachments of an e-mail are documents of their own, which know the mail that they are part of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # it can add such a column only so
        op.execute("ALTER TABLE documents ADD COLUMN part_of VARCHAR(32) REFERENCES documents (id)")
    else:
        op.add_column("documents", sa.Column("part_of", sa.String(32), sa.ForeignKey("documents.id")))
    op.create_index("documents_part_of", "documents", ["part_of"])
