"""The seed: a folder whose documents the server takes in by itself when it starts."""

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
INITIAL_NAME = "Seed"
"""Name that the migration gives the collection."""

log = logging.getLogger(__name__)


async def seed(base: KnowledgeBase, folder: Path, called: str = "") -> list[Ingested]:
    """Make the seed's collection hold what `folder` holds: every file of a supported type below it.

    Documents of an earlier seed that are not there any more are deleted. A file that cannot be read is
    skipped. The collection gets the name `called`, or else the folder's, unless a user has renamed it since
    this seed was first taken in. In the first seconds questions wait for the seed, rather than find nothing.
    """
    async with base.seeding():
        return await _mirror(base, folder, called)


async def _mirror(base: KnowledgeBase, folder: Path, called: str) -> list[Ingested]:
    files = {
        path.relative_to(folder).as_posix(): path
        async for path in anyio.Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES and await path.is_file()
    }
    await _name(base, files.keys(), called or (await anyio.Path(folder).resolve()).name or INITIAL_NAME)
    done: list[Ingested] = []
    for name, path in files.items():
        try:
            done.append(await base.ingest(name, await path.read_bytes(), collection=SEED, source=SOURCE))
        except (BadInput, OSError) as error:
            log.warning("%s was skipped: %s", path, error)
    kept = {one.id for one in done}
    for document in await base.documents(None, SEED, SOURCE):
        if document.id not in kept and document.part_of not in kept:
            await base.delete(document.id, None)
    return done


async def _name(base: KnowledgeBase, files: Set[str], called: str) -> None:
    """Name the collection. A seed that shares no file with the one before is new, and gets its own name."""
    known = [one.name for one in await base.documents(None, SEED, SOURCE) if one.part_of is None]
    another = bool(known and files) and files.isdisjoint(known)
    for one in await base.collections.listing(PUBLIC):
        if one.id == SEED and one.name != called and (another or one.name in (INITIAL_NAME, ABOUT)):
            await base.collections.rename(SEED, called, None)
