"""The seed: a folder that the knowledge base is kept in step with, without anybody's doing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ..domain.access import SEED
from ..domain.errors import BadInput
from .reading.kinds import SUFFIXES
from .records import Ingested

if TYPE_CHECKING:
    from .base import KnowledgeBase

SOURCE = "seed"

log = logging.getLogger(__name__)


async def seed(base: KnowledgeBase, folder: Path) -> list[Ingested]:
    """Make the collection hold what `folder` holds: every file of a supported type below it, and nothing
    that an earlier seed had and this one has not. A file that cannot be read is skipped."""
    done: list[Ingested] = []
    async for path in anyio.Path(folder).rglob("*"):
        if path.suffix.lower() in SUFFIXES and await path.is_file():
            try:
                name, data = path.relative_to(folder).as_posix(), await path.read_bytes()
                done.append(await base.ingest(name, data, collection=SEED, source=SOURCE))
            except (BadInput, OSError) as error:
                log.warning("%s was skipped: %s", path, error)
    kept = {one.id for one in done}
    for document in await base.documents(None, SEED, SOURCE):
        if document.id not in kept:
            await base.delete(document.id, None)
    return done
