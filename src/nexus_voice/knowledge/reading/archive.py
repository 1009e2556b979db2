"""ZIP files, which several types of documents are. They are checked before anything is unpacked."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from lxml import etree

from ...core.errors import BadInput
from .limits import Limits, encrypted

MAX_UNPACKED_RATIO = 200
"""Times that an archive may grow. The XML of real spreadsheets grows about 50 times."""
MIN_RATIO_CHECKED_BYTES = 20_000_000
"""An archive that unpacks to less may grow as much as it likes."""
MAX_MEMBERS = 20_000
"""Files in one archive."""

ENTITY_DECLARATION = re.compile(rb"<\0?!\0?E\0?N\0?T\0?I\0?T\0?Y")
"""In UTF-8 or UTF-16."""
ENTITIES_HARMLESS_IN = (".html", ".xhtml", ".htm", ".svg")
"""Suffixes of files that are read as HTML, which has no entities of its own, or not at all."""

Links = dict[str, tuple[str, str]]
"""The members that a part of an Office file refers to: (kind, name) by the id of the relationship."""

TITLE = "{http://purl.org/dc/elements/1.1/}title"


def opened(name: str, data: bytes, limits: Limits) -> zipfile.ZipFile:
    """Open an archive, after checking that its members are not too large together and declare no entities.

    Raises `BadInput` (`archive_bomb`, `encrypted_document`), `BadZipFile` and `ValueError`. The size of a
    member is what the archive claims, but `zipfile` never unpacks more than that.
    """
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    swollen = size > MIN_RATIO_CHECKED_BYTES and size > MAX_UNPACKED_RATIO * len(data)
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
        with suppress(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            _check(archive, member)  # a broken member costs something only if it is read
    return archive


def _check(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Unpack a member. XML that declares entities is refused, because a few of
    them can grow to gigabytes, and no usual program writes any."""
    entities = not member.filename.lower().endswith(ENTITIES_HARMLESS_IN)
    tail = b""
    with archive.open(member) as file:
        while piece := file.read(1 << 20):
            if entities and ENTITY_DECLARATION.search(tail + piece):
                raise ValueError(f"{member.filename} declares entities")
            tail = piece[-20:]


def xml(archive: zipfile.ZipFile, name: str) -> Any:
    """The root element of a member of an `opened` archive. Raises `KeyError` and `XMLSyntaxError`."""
    return etree.fromstring(archive.read(name), etree.XMLParser(resolve_entities=False, no_network=True))


def forget(node: Any) -> None:
    """Free the memory of an element that `iterparse` has given, and of those before it."""
    node.clear()
    while node.getprevious() is not None:
        del node.getparent()[0]


def title(archive: zipfile.ZipFile) -> str:
    """The title among the properties of an Office file; "" when there is none."""
    try:
        return xml(archive, "docProps/core.xml").findtext(TITLE) or ""
    except (KeyError, etree.XMLSyntaxError):
        return ""


def main_part(archive: zipfile.ZipFile, usual: str) -> str:
    """The member of an Office file that holds the document itself."""
    targets = related(archive, "").values()
    return next((target for kind, target in targets if kind == "officeDocument"), usual)


def related(archive: zipfile.ZipFile, part: str) -> Links:
    folder, file = posixpath.split(part)
    try:
        root = xml(archive, posixpath.join(folder, "_rels", f"{file}.rels"))
    except (KeyError, etree.XMLSyntaxError):
        return {}
    return {
        one.get("Id", ""): (
            one.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, unquote(one.get("Target", "")))).lstrip("/"),
        )
        for one in root.iterchildren("{*}Relationship")
        if one.get("TargetMode") != "External"
    }
