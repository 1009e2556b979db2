"""Reads EPUB: the pages of the book in the order of its spine."""

from __future__ import annotations

import logging
import posixpath
import zipfile
from urllib.parse import unquote

from lxml import etree

from . import archive, html
from .document import Block, Contents
from .limits import Limits, broken, encrypted
from .parts import tolerant
from .text import decode, doubts

CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
OPF = "{http://www.idpf.org/2007/opf}"

MAX_NAMED = 5
"""Lost chapters that a warning names."""

log = logging.getLogger(__name__)


def epub(name: str, data: bytes, limits: Limits) -> Contents:
    """Raises `BadInput`: `encrypted_document`."""
    book = archive.opened(name, data, limits)
    warnings = list[str]()
    try:
        title, chapters = _spine(book)
    except Exception as error:
        log.warning("%s: %s", error.__class__.__name__, str(error)[:200])
        title, chapters = "", []
    if not chapters:
        chapters = [one for one in book.namelist() if one.lower().endswith((".xhtml", ".html", ".htm"))]
        warnings.append("The book does not say in which order its chapters are.")
    locked = _locked(book)
    if chapters and locked.issuperset(chapters):
        raise encrypted(name)
    blocks, lost = list[Block](), list[str]()
    for chapter in chapters:
        found = None if chapter in locked else _chapter(book, chapter, warnings)
        if found is None:
            lost.append(chapter)
        else:
            blocks += found
    if lost:
        named = ", ".join(lost[:MAX_NAMED]) + (" and others" if lost[MAX_NAMED:] else "")
        verb = "is" if len(lost) == 1 else "are"
        warnings.append(f"{len(lost)} of {len(chapters)} chapters {verb} missing or damaged: {named}.")
        if len(lost) == len(chapters):
            raise broken(name)
    return Contents(title, blocks, warnings=warnings)


def _chapter(book: zipfile.ZipFile, member: str, warnings: list[str]) -> list[Block] | None:
    """None if it cannot be read."""
    blocks: list[Block] | None = None
    with tolerant(lambda: None):  # it is not there, its checksum is wrong
        page = decode(book.read(member))
        if page and not page.useless:
            blocks = list(html.read(page.text, guess=True).blocks)
            warnings += doubts(page)
    return blocks


def _spine(book: zipfile.ZipFile) -> tuple[str, list[str]]:
    """The title, and the names of the members to read in their order, without the table of contents."""
    container = archive.xml(book, "META-INF/container.xml")
    root = next(container.iter(f"{CONTAINER}rootfile")).attrib["full-path"]
    package = archive.xml(book, root)
    items = {
        item.attrib["id"]: posixpath.normpath(
            posixpath.join(posixpath.dirname(root), unquote(item.attrib["href"]))
        )
        for item in package.iter(f"{OPF}item")
        if "nav" not in item.get("properties", "").split() and "html" in item.get("media-type", "html")
    }
    order = [items[ref.attrib["idref"]] for ref in package.iter(f"{OPF}itemref") if ref.get("idref") in items]
    return package.findtext(f"{OPF}metadata/{archive.TITLE}") or "", order


def _locked(book: zipfile.ZipFile) -> set[str]:
    """The members that cannot be read without a key. In many books these are only the fonts."""
    try:
        root = archive.xml(book, "META-INF/encryption.xml")
    except (KeyError, zipfile.BadZipFile, etree.XMLSyntaxError):
        return set()
    return {unquote(node.attrib["URI"]) for node in root.iter() if "URI" in node.attrib}
