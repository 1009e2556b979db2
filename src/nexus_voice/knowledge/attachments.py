"""The attachments of an e-mail, which become documents of their own beside it: "mail.eml › plan.pdf"."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio
import anyio.to_thread
from sqlalchemy import Connection

from ..core.errors import BadInput
from .documents import library, originals
from .documents.records import DocumentInfo, Origin, digest_of
from .reading.chunks import Reading
from .reading.limits import MAX_ATTACHMENTS

MAX_DEPTH = 3
"""Mails within each other whose attachments are read."""
TIMEOUT_S = 300.0
"""In which the attachments of a mail have to be read, all together; the rest is left out."""
SIGN = " › "

Read = Callable[[str, bytes, str], Awaitable[Reading]]
"""Reads a file: its name, its bytes, its media type."""


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment, read."""

    origin: Origin
    reading: Reading
    data: bytes
    digest: str


async def read(origin: Origin, reading: Reading, read: Read) -> tuple[list[Part], list[str]]:
    """The attachments of a mail and of the mails within it, and what could not be read of them, for the user.

    An attachment that cannot be read costs only itself. Raises what `read` raises other than `BadInput`.
    """
    parts, warnings = list[Part](), list[str]()
    deadline = anyio.current_time() + TIMEOUT_S

    async def take(above: str, reading: Reading, depth: int) -> None:
        for attached in reading.attachments:
            name = above + SIGN + attached.name
            if len(parts) >= MAX_ATTACHMENTS or depth > MAX_DEPTH or anyio.current_time() > deadline:
                warnings.append(f"“{attached.name}” was left out: the mail has too much attached.")
                continue
            try:
                found = await read(attached.name, attached.data, attached.type)
            except BadInput as error:
                warnings.append(error.message)
                continue
            digest = await anyio.to_thread.run_sync(digest_of, attached.type, attached.data)
            own = replace(origin, name=name, type=attached.type, fingerprint="")
            parts.append(Part(own, replace(found, title=name, attachments=()), attached.data, digest))
            await take(name, found, depth + 1)

    await take(origin.name, reading, 1)
    return parts, warnings


def put(connection: Connection, mail: DocumentInfo, parts: list[Part]) -> None:
    """Store the attachments of a stored mail, and forget those that it has no more."""
    kept = set[str]()
    for part in parts:
        original = originals.keep(connection, part.data)
        info, _ = library.put(
            connection, part.origin, part.reading, digest=part.digest, size=len(part.data), original=original,
            part_of=mail.id,
        )  # fmt: skip
        kept.add(info.id)
    for id in library.parts_of(connection, mail.id):
        if id not in kept:
            library.delete(connection, id, None)
