"""Checks of the knowledge base, and of the process that reads documents."""

from __future__ import annotations

from io import BytesIO

import anyio

from ...core.errors import NexusError
from ...settings import Settings
from .check import Check, reason

READING_TIMEOUT_S = 60.0
"""How long the reading process may take to start and read one line of text, and one of a picture."""


async def knowledge_base(settings: Settings) -> Check:
    what = "Knowledge base"
    if not settings.knowledge.enabled:
        return Check(what, "note", "switched off", "NEXUS_KNOWLEDGE__ENABLED=true")
    from ...knowledge.base import KnowledgeBase

    remote = isinstance(settings.knowledge_at, str)
    try:
        async with KnowledgeBase(settings.knowledge_at, None) as base:
            documents = await base.documents(None)
    except Exception as error:
        todo = "Look at NEXUS_DATABASE_URL." if remote else f"Look at {settings.data_dir}."
        return Check(what, "fails", reason(error), todo)
    if not documents:
        return Check(what, "works", "empty until the server's first start")
    passages = sum(one.chunks for one in documents)
    database = "PostgreSQL" if remote else "SQLite"
    return Check(what, "works", f"{len(documents)} documents, {passages} passages in {database}")


async def reading() -> Check:
    """Read a document and a picture of print, and report how far the process that reads them is confined."""
    from PIL import Image, ImageDraw, ImageFont

    from ...knowledge.reading.confined_reader import Reader

    what = "Reading of documents"
    try:
        with anyio.fail_after(READING_TIMEOUT_S):
            async with Reader() as reader:
                await reader.read("check.txt", b"A document.")
                picture, file = Image.new("L", (200, 60), 255), BytesIO()
                ImageDraw.Draw(picture).text((20, 15), "A picture.", 0, ImageFont.load_default(24))
                picture.save(file, "PNG")
                await reader.read("check.png", file.getvalue())
                confinement = reader.confinement
    except (NexusError, TimeoutError) as error:
        return Check(what, "fails", reason(error), "Run `make setup` again.")
    if confinement is None or not confinement.complete:
        return Check(
            what,
            "note",
            f"scans too, in a process of its own; {confinement}",
            "On Linux 6.12 or newer with libseccomp, a hostile document can do nothing outside of it.",
        )
    return Check(what, "works", f"scans too, in a process of its own; {confinement}")
