"""Brings a database to the newest schema with Alembic. `versions/` holds the steps."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError

from ...core.errors import EngineError


def upgrade(connection: sa.Connection, to: str = "head") -> None:
    """Within the connection's transaction, up `to` this revision. Raises `EngineError` for a database of a
    newer version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise EngineError(
            f"The knowledge base was written by a newer version ({error}): "
            "upgrade Nexus Voice, or use another data folder.",
            code="knowledge_too_new",
        ) from error
