"""ZIP files, which many types are: looked at before anything is unpacked."""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree

from ...core.errors import BadInput
from .limits import Limits

MAX_RATIO, RATIO_FROM = 200, 20_000_000
"""Times a file of more than `RATIO_FROM` bytes may grow. XML of real spreadsheets grows about 50 times."""
MAX_MEMBERS = 20_000

ENTITY = re.compile(rb"<\0?!\0?E\0?N\0?T\0?I\0?T\0?Y")
"""In UTF-8 or UTF-16."""
MAY_DECLARE = (".html", ".xhtml", ".htm", ".svg")
"""These are read as HTML, which knows no such thing, or not at all."""

TITLE = "{http://purl.org/dc/elements/1.1/}title"


def opened(name: str, data: bytes, limits: Limits) -> zipfile.ZipFile:
    """An archive whose members are whole and together of a bearable size.

    Raises `BadInput`: `archive_bomb`, `encrypted_document`; `BadZipFile`, `ValueError`. A member's size is
    the archive's own word, but `zipfile` never unpacks more than that.
    """
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    swollen = size > RATIO_FROM and size > MAX_RATIO * len(data)
    if size > limits.unpacked or swollen or len(members) > MAX_MEMBERS:
        raise BadInput(
            f"“{name}” was not added: it would unpack to {size:,} bytes in {len(members):,} files, which "
            "looks like an attack. If it is not, split it into parts.",
            code="archive_bomb",
            status=413,
        )
    if any(member.flag_bits & 1 for member in members):
        raise encrypted(name)
    for member in members:
        _check(archive, member)
    return archive


def _check(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Unpack it once, which compares the checksums. XML with entities of its own is refused, because a few
    of them can make gigabytes; programs write none."""
    entities = not member.filename.lower().endswith(MAY_DECLARE)
    tail = b""
    with archive.open(member) as file:
        while piece := file.read(1 << 20):
            if entities and ENTITY.search(tail + piece):
                raise ValueError(f"{member.filename} declares entities")
            tail = piece[-20:]


def xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """The root of a member of an `opened` archive. Raises `KeyError`, `ParseError`."""
    return ElementTree.fromstring(archive.read(name))  # noqa: S314 - it declares no entities


def title(archive: zipfile.ZipFile) -> str:
    """The title among the properties of an Office file; "" when there is none."""
    try:
        return xml(archive, "docProps/core.xml").findtext(TITLE) or ""
    except (KeyError, ElementTree.ParseError):
        return ""


def broken(name: str) -> BadInput:
    return BadInput(
        f"“{name}” is damaged and cannot be read. Open it in the program that made it, save it again, and "
        "try once more.",
        code="broken_document",
        status=422,
    )


def encrypted(name: str) -> BadInput:
    return BadInput(
        f"“{name}” is protected by a password. Save it without one and try again.",
        code="encrypted_document",
        status=422,
    )
