"""Reads Word files as Word shows them: with numbers, tables, boxes and notes, without hidden text."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ...text.prose import CODE
from . import archive, drawings, tables
from .document import Block, Contents, flat, in_one_line, labelled
from .limits import Limits
from .nodes import attribute, name_of
from .numbering import Numbering, is_on, value
from .parts import member
from .word_styles import Style, Styles
from .word_text import SKIPPED, Text, chosen

MAX_PAGE_WORDS = 2
"""Words beside the page number, such as "page" and "of"."""
MAX_COLUMNS = 63
"""Of a table in Word."""
REFERENCES = {"header": "headerReference", "footer": "footerReference"}


def read(name: str, data: bytes, limits: Limits) -> Contents:
    """Headers and footers come first, each once. Notes and text boxes follow the paragraph they belong to."""
    book = archive.opened(name, data, limits)
    warnings = list[str]()
    document = _Document(book, archive.main_part(book, "word/document.xml"), warnings)
    return Contents(archive.title(book), document.blocks(), warnings=warnings)


class _Document:
    def __init__(self, book: zipfile.ZipFile, part: str, warnings: list[str]) -> None:
        self._book, self._warnings = book, warnings
        self._related = archive.related(book, part)
        self._body = archive.xml(book, part).find("{*}body")
        self._styles = Styles(self._part("styles", "formats of its paragraphs"))
        self._numbering = Numbering(self._part("numbering", "numbers of its paragraphs"))
        self._notes = {kind: self._read_notes(kind) for kind in ("footnote", "endnote")}
        self._counts = dict.fromkeys(self._notes, 0)
        self._links = self._related
        self._pending = list[Block]()
        """Notes that come after the paragraph or table."""
        self._in_table = 0

    def blocks(self) -> list[Block]:
        return _joined([*self._margins(), *self._content(self._body)])

    def _part(self, kind: str, what: str) -> Any | None:
        target = next((target for known, target in self._related.values() if known == kind), None)
        if target is None:
            return None
        return member(self._book, target, self._warnings, f"The {what} could not be read.")

    def _read_notes(self, kind: str) -> dict[str, Any]:
        root = self._part(f"{kind}s", f"{kind}s")
        return {} if root is None else {attribute(one, "id"): one for one in root.iterchildren("{*}" + kind)}

    def _margins(self) -> Iterator[Block]:
        """What stands above and below the pages, each text once."""
        settings = self._part("settings", "settings")
        even = settings is not None and is_on(settings.find("{*}evenAndOddHeaders"))
        said = set[str]()
        for kind in REFERENCES:
            for section in self._body.iter("{*}sectPr"):
                first = is_on(section.find("{*}titlePg"))
                shown = ("default", *["even"] * even, *["first"] * first)
                for reference in section.iterchildren("{*}" + REFERENCES[kind]):
                    if attribute(reference, "type") in shown:
                        yield from self._margin(kind, attribute(reference, "id"), said)

    def _margin(self, kind: str, id: str, said: set[str]) -> Iterator[Block]:
        _, target = self._related.get(id, ("", ""))
        warnings = [] if target in said else self._warnings
        root = member(self._book, target, warnings, f"A {kind} of the pages could not be read.")
        if root is None:
            said.add(target)
            return
        outer, self._links = self._links, archive.related(self._book, target)
        for block in list(self._content(root)):
            if block.text not in said:
                said.add(block.text)
                yield Block(block.text, whole=block.whole)
        self._links = outer

    def _content(self, node: Any) -> Iterator[Block]:
        """The blocks of a body, a cell, a box, a note or a header."""
        for child in node.iterchildren("{*}*"):
            match name_of(child):
                case "p":
                    yield from self._paragraph(child)
                case "tbl":
                    yield from self._table(child)
                case "AlternateContent":
                    yield from self._content(chosen(child))
                case name if name not in SKIPPED:  # sdt, sdtContent, customXml, ins, moveTo
                    yield from self._content(child)

    def _paragraph(self, node: Any) -> Iterator[Block]:
        properties = node.find("{*}pPr")
        named = value(properties, "pStyle") if properties is not None else ""
        style = self._styles.of(named or self._styles.default)
        run = Text(self._styles, bool(style.hidden))
        run.take(node)
        text = run.text()
        label = self._label(properties, style, bool(text))
        level = style.level
        if properties is not None and (outline := value(properties, "outlineLvl")).isdecimal():
            level = min(int(outline) + 1, 6) if int(outline) < 9 else 0
        if run.paged and len(re.findall(r"[^\W\d_]+", text)) <= MAX_PAGE_WORDS:
            text = ""
        if style.code and text:
            yield Block("\n".join(CODE + line for line in run.raw().split("\n")), whole=True)
        elif text:
            shown, listed = labelled(text, label, level)
            yield Block(shown, level, tight=listed)
        for box in run.boxes:
            yield from self._content(box)
        for picture in run.pictures:
            yield from self._picture(*picture)
        self._pending += [block for note in run.notes for block in self._note(*note)]
        if not self._in_table:
            yield from self._pending
            self._pending = []

    def _label(self, properties: Any | None, style: Style, shown: bool) -> str | None:
        """The number of a paragraph: "" for a bullet, None for none."""
        numbers = properties.find("{*}numPr") if properties is not None else None
        mark = properties.find("{*}rPr") if properties is not None else None
        gone = mark is not None and (mark.find("{*}del") is not None or is_on(mark.find("{*}vanish")))
        if gone and not shown:
            return None
        list_id, at = style.list, style.at
        if list_id and at is None:
            at = self._numbering.level_of(list_id, style.numbered_by)
        if numbers is not None:
            list_id = value(numbers, "numId") or list_id
            level = value(numbers, "ilvl")
            at = int(level) if level.isdecimal() else at
        if not list_id or list_id == "0":
            return None
        return self._numbering.label(list_id, at or 0)

    def _note(self, kind: str, id: str) -> Iterator[Block]:
        note = self._notes[kind].pop(id, None)
        if note is None:
            return
        self._counts[kind] += 1
        text = flat(" ".join(block.text for block in self._content(note)))
        if text:
            yield Block(f"{kind.capitalize()} {self._counts[kind]}: {text}")

    def _picture(self, kind: str, id: str) -> Iterator[Block]:
        def lost(what: str) -> None:
            self._warnings.append(f"A {what} could not be read.")

        if lines := drawings.lines(self._book, self._links, kind, id, lost):
            yield Block("\n".join(lines), whole=True)

    def _table(self, node: Any) -> Iterator[Block]:
        self._in_table += 1
        nodes = [row for row in _within(node, "tr") if not _gone(row)]
        rows = [_row(row) for row in nodes]
        found = [
            [_Cell(list(self._content(cell)), wide, goes_on) for cell, wide, goes_on in row] for row in rows
        ]
        self._in_table -= 1
        frame = all(len(row) == 1 for row in found)  # around text, or for its layout
        if frame or (len(found) == 1 and any(len(cell.blocks) > 1 for cell in found[0])):
            for row in found:
                for cell in row:
                    yield from cell.blocks
        else:
            texts = [row for row in _texts(nodes, found) if any(row)]
            yield from tables.blocks(
                texts, marked=bool(nodes) and is_on(nodes[0].find("{*}trPr/{*}tblHeader"))
            )
        if not self._in_table:
            yield from self._pending
            self._pending = []


@dataclass(slots=True)
class _Cell:
    """`goes_on`: it is a part of the cell above."""

    blocks: list[Block]
    wide: int
    goes_on: bool

    @property
    def text(self) -> str:
        return in_one_line(self.blocks)


def _texts(nodes: list[Any], rows: list[list[_Cell]]) -> Iterator[list[str]]:
    """The rows of a table. A cell that covers several rows or columns is in each of them."""
    above: list[str] = []
    for node, row in zip(nodes, rows, strict=True):
        texts = [""] * _number(node.find("{*}trPr"), "gridBefore")
        for cell in row:
            at = len(texts)
            text = above[at] if cell.goes_on and at < len(above) else cell.text
            texts += [text, *[tables.Spread(text)] * (cell.wide - 1)]
        above = texts
        yield texts


def _joined(blocks: list[Block]) -> list[Block]:
    """Lines of code become one block. A list item is tight if one is before it."""
    found = list[Block]()
    for code, group in groupby(blocks, key=lambda block: block.whole and block.text.startswith(CODE)):
        same = list(group)
        found += [Block("\n".join(block.text for block in same), whole=True)] if code else same
    tight = [block.tight for block in found]
    return [
        Block(block.text, block.level, block.tight and index > 0 and tight[index - 1], block.whole)
        for index, block in enumerate(found)
    ]


def _within(node: Any, name: str) -> Iterator[Any]:
    """Children of this name, also those in content controls."""
    for child in node.iterchildren("{*}*"):
        if name_of(child) == name:
            yield child
        elif name_of(child) in ("sdt", "sdtContent", "customXml", "ins"):
            yield from _within(child, name)


def _gone(row: Any) -> bool:
    """Whether a row was deleted or is hidden."""
    properties = row.find("{*}trPr")
    if properties is None:
        return False
    return properties.find("{*}del") is not None or is_on(properties.find("{*}hidden"))


def _row(row: Any) -> list[tuple[Any, int, bool]]:
    """(cell, the columns that it is wide, whether it goes on from the row above)."""
    found = list[tuple[Any, int, bool]]()
    for cell in _within(row, "tc"):
        properties = cell.find("{*}tcPr")
        merge = properties.find("{*}vMerge") if properties is not None else None
        goes_on = merge is not None and attribute(merge, "val") in ("", "continue")
        found.append((cell, max(_number(properties, "gridSpan"), 1), goes_on))
    return found


def _number(properties: Any | None, name: str) -> int:
    found = value(properties, name) if properties is not None else ""
    return min(int(found), MAX_COLUMNS) if found.isdecimal() else 0
