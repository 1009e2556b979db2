"""The attachments of an e-mail are documents of their own, which know the mail that they are part of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # it can add such a column only so
        op.execute(
            "ALTER TABLE documents ADD COLUMN part_of TEXT REFERENCES documents (id) ON DELETE CASCADE"
        )
    else:
        reference = sa.ForeignKey("documents.id", ondelete="CASCADE")
        op.add_column("documents", sa.Column("part_of", sa.Text(), reference))
    op.create_index("documents_part_of", "documents", ["part_of"])
