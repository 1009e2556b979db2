"""The seed: a folder that the knowledge base is kept in step with, without anybody's doing."""

from __future__ import annotations

import logging
from collections.abc import Set
from pathlib import Path

import anyio

from ..core.access import PUBLIC, SEED
from ..core.errors import BadInput
from .base import KnowledgeBase
from .documents.records import Ingested
from .reading.kinds import SUFFIXES

SOURCE = "seed"
ABOUT = "About Nexus Voice"
"""Name of the collection when the seed is the product's own documentation."""
UNNAMED = "Seed"
"""Name that the collection was made with."""

log = logging.getLogger(__name__)


async def seed(base: KnowledgeBase, folder: Path, called: str = "") -> list[Ingested]:
    """Make the collection hold what `folder` holds: every file of a supported type below it, and nothing
    that an earlier seed had and this one has not. A file that cannot be read is skipped. The collection is
    named as the seed is `called`, by default like the folder, unless a user gave it another name for this
    seed. Questions of the first seconds wait for it, rather than find nothing."""
    async with base.seeding():
        return await _mirror(base, folder, called)


async def _mirror(base: KnowledgeBase, folder: Path, called: str) -> list[Ingested]:
    files = {
        path.relative_to(folder).as_posix(): path
        async for path in anyio.Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES and await path.is_file()
    }
    await _name(base, files.keys(), called or (await anyio.Path(folder).resolve()).name or UNNAMED)
    done: list[Ingested] = []
    for name, path in files.items():
        try:
            done.append(await base.ingest(name, await path.read_bytes(), collection=SEED, source=SOURCE))
        except (BadInput, OSError) as error:
            log.warning("%s was skipped: %s", path, error)
    kept = {one.id for one in done}
    for document in await base.documents(None, SEED, SOURCE):
        if document.id not in kept:
            await base.delete(document.id, None)
    return done


async def _name(base: KnowledgeBase, files: Set[str], called: str) -> None:
    """A seed that has no file of the one before is another one."""
    known = [document.name for document in await base.documents(None, SEED, SOURCE)]
    another = bool(known and files) and files.isdisjoint(known)
    for one in await base.collections.listing(PUBLIC):
        if one.id == SEED and one.name != called and (another or one.name in (UNNAMED, ABOUT)):
            await base.collections.rename(SEED, called, None)
