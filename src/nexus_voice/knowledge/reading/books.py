"""Reads EPUB: the pages of the book in the order of its spine."""

from __future__ import annotations

import posixpath
import zipfile
from urllib.parse import unquote

from . import archive, html
from .document import Contents
from .limits import Limits, encrypted
from .text import decode

CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
OPF = "{http://www.idpf.org/2007/opf}"


def epub(name: str, data: bytes, limits: Limits) -> Contents:
    """Raises `BadInput`: `encrypted_document`."""
    book = archive.opened(name, data, limits)
    title, chapters = _spine(book)
    if not _locked(book).isdisjoint(chapters):
        raise encrypted(name)
    pages = [decode(book.read(chapter)) for chapter in chapters]
    return Contents(title, [block for page in pages if page for block in html.read(page, guess=True).blocks])


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
    except KeyError:
        return set()
    return {unquote(node.attrib["URI"]) for node in root.iter() if "URI" in node.attrib}
