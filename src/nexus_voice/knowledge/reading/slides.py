"""Reads PowerPoint files: each visible slide under its title, with tables, charts, diagrams and notes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from . import archive, drawings, tables
from .document import Block, Contents, flat
from .limits import Limits, broken
from .nodes import name_of, reference
from .parts import hidden_slides, member, some_slides, tolerant
from .word_text import chosen

REPEATED = frozenset({"sldNum", "dt", "ftr", "hdr"})
"""Placeholders that every slide has: its number, the date, the footer."""
NUMBERED = re.compile(r"\d+\. ")
TITLES = frozenset({"title", "ctrTitle"})


def read(name: str, data: bytes, limits: Limits) -> Contents:
    """Its pages are the slides, the hidden ones included."""
    book = archive.opened(name, data, limits)
    part = archive.main_part(book, "ppt/presentation.xml")
    links = archive.related(book, part)
    shown = archive.xml(book, part).find("{*}sldIdLst")
    ids = [] if shown is None else [reference(one) for one in shown.iterchildren("{*}sldId")]
    limits.check_pages(name, len(ids))
    blocks, warnings = list[Block](), list[str]()
    hidden, lost = list[int](), list[int]()
    for number, id in enumerate(ids, 1):
        with tolerant(partial(lost.append, number)):
            target = links[id][1]
            root = archive.xml(book, target)
            if root.get("show") in ("0", "false"):
                hidden.append(number)
            else:
                blocks += _Slide(book, root, archive.related(book, target), number, warnings).blocks()
    if ids and len(lost) == len(ids):
        raise broken(name)
    damaged = some_slides(lost, "is damaged and could not be read", "are damaged and could not be read")
    warnings[:0] = [*hidden_slides(hidden), *damaged]
    return Contents(archive.title(book), blocks, len(ids), warnings)


class _Slide:
    def __init__(
        self, book: zipfile.ZipFile, root: Any, links: archive.Links, number: int, warnings: list[str]
    ) -> None:
        self._book, self._root, self._links = book, root, links
        self._number, self._warnings = number, warnings

    def blocks(self) -> Iterator[Block]:
        shapes = list(_shapes(self._root.find("{*}cSld/{*}spTree")))
        title = next((one for one in shapes if _placeholder(one) in TITLES), None)
        name = flat(" ".join(_paragraphs(title))) if title is not None else ""
        yield Block(name or f"Slide {self._number}", 2, page=self._number)
        for shape in shapes:
            if shape is not title and _placeholder(shape) not in REPEATED:
                yield from self._shape(shape)
        for kind, target in self._links.values():
            if kind == "notesSlide":
                yield from self._notes(target)

    def _shape(self, shape: Any) -> Iterator[Block]:
        table = next(shape.iter("{*}tbl"), None)
        if table is not None:
            yield from tables.blocks(_rows(table), self._number)
            return
        for kind, link in (("chart", "id"), ("relIds", "dm")):
            for found in shape.iter("{*}" + kind):
                yield from self._picture(kind, reference(found, link))
        yield from self._texts(shape, listed=_placeholder(shape) is not None)

    def _texts(self, shape: Any, listed: bool = False) -> Iterator[Block]:
        texts = list(_paragraphs(shape))
        listed = listed and len(texts) > 1
        for index, text in enumerate(texts):
            bullet = "- " if listed and not NUMBERED.match(text) else ""
            yield Block(f"{bullet}{text}", tight=listed and index > 0, page=self._number)

    def _picture(self, kind: str, id: str) -> Iterator[Block]:
        def lost(what: str) -> None:
            self._warnings.append(f"A {what} on slide {self._number} could not be read.")

        if lines := drawings.lines(self._book, self._links, kind, id, lost):
            yield Block("\n".join(lines), whole=True, page=self._number)

    def _notes(self, target: str) -> Iterator[Block]:
        lost = f"The notes of slide {self._number} could not be read."
        root = member(self._book, target, self._warnings, lost)
        for shape in _shapes(None if root is None else root.find("{*}cSld/{*}spTree")):
            if _placeholder(shape) == "body":
                yield from self._texts(shape)


def _shapes(tree: Any | None) -> Iterator[Any]:
    """The visible ones in their order, also those in groups."""
    for shape in () if tree is None else tree.iterchildren("{*}*"):
        about = next((one for one in shape.iterdescendants("{*}cNvPr")), None)
        if about is not None and about.get("hidden") in ("1", "true"):
            continue
        match name_of(shape):
            case "grpSp":
                yield from _shapes(shape)
            case "AlternateContent":
                yield from _shapes(chosen(shape))
            case "sp" | "graphicFrame" | "cxnSp" | "pic":
                yield shape


def _placeholder(shape: Any) -> str | None:
    """The type of a placeholder; None for another shape."""
    found = next(shape.iterdescendants("{*}ph"), None)
    return None if found is None else str(found.get("type", "obj"))


def _paragraphs(shape: Any) -> Iterator[str]:
    """The texts of a shape that are not empty, with their numbers where PowerPoint counts them."""
    counts = dict[int, int]()
    body = next(shape.iterchildren("{*}txBody"), None)
    for paragraph in () if body is None else body.iterchildren("{*}p"):
        text = _line(paragraph)
        if not text:
            continue
        properties = paragraph.find("{*}pPr")
        level = int(properties.get("lvl", 0)) if properties is not None else 0
        numbered = properties.find("{*}buAutoNum") if properties is not None else None
        counts = {at: count for at, count in counts.items() if at <= level - (numbered is None)}
        if numbered is not None:
            counts[level] = counts.get(level, int(numbered.get("startAt", 1)) - 1) + 1
            text = f"{counts[level]}. {text}"
        yield text


def _line(paragraph: Any) -> str:
    parts = list[str]()
    for node in paragraph.iterdescendants("{*}t", "{*}br"):
        field = node.getparent()
        if name_of(node) == "br":
            parts.append(" ")
        elif not (name_of(field) == "fld" and field.get("type") == "slidenum"):
            parts.append(node.text or "")
    return flat("".join(parts))


def _rows(table: Any) -> Iterator[list[str]]:
    """A cell that covers several rows or columns is in each of them."""
    above: list[str] = []
    for row in table.iterchildren("{*}tr"):
        texts = list[str]()
        for cell in row.iterchildren("{*}tc"):
            at = len(texts)
            if cell.get("hMerge") in ("1", "true") and texts:
                texts.append(tables.Spread(texts[-1]))
            elif cell.get("vMerge") in ("1", "true") and at < len(above):
                texts.append(above[at])
            else:
                texts.append(flat(" ".join(_paragraphs(cell))))
        above = texts
        yield texts
