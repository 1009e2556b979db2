"""Reads OpenDocument files (ISO 26300): texts and presentations, and through `opendocument_sheets` others."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from ...text.prose import CODE
from . import archive, opendocument_sheets, sheets, tables
from .document import Block, Contents, flat, in_one_line, labelled
from .limits import Limits, broken, encrypted
from .nodes import attribute, name_of
from .opendocument_text import Line, Lists, Look
from .parts import hidden_slides, member, tolerant

SKIPPED = frozenset({
    "tracked-changes", "forms", "sequence-decls", "variable-decls", "user-field-decls", "table-column",
    "annotation", "settings", "event-listeners", "enhanced-geometry", "title", "desc", "notes", "image",
    "page-thumbnail",
})  # fmt: skip
REPEATED = frozenset({"page-number", "date-time", "footer", "header", "page"})
"""What every slide has."""
MAX_COVERED = 100_000
"""Cells that a document's merged cells cover."""


def read(name: str, data: bytes, limits: Limits) -> Contents:
    """Raises `BadInput`: `encrypted_document`."""
    book = archive.opened(name, data, limits)
    if b"encryption-data" in _member(book, "META-INF/manifest.xml"):
        raise encrypted(name)
    warnings = list[str]()
    body = archive.xml(book, "content.xml").find("{*}body")
    title = _title(book)
    if (sheet := body.find("{*}spreadsheet")) is not None:
        look = Look([sheet.getroottree().getroot()])
        found = sheets.read(name, opendocument_sheets.sheets(name, sheet, look, limits, warnings), warnings)
        return Contents(title, found, warnings=warnings)
    document = _Document(book, body, warnings)
    if (shown := body.find("{*}presentation")) is not None:
        pages = list(shown.iterchildren("{*}page"))
        limits.check_pages(name, len(pages))
        return Contents(title, document.slides(pages), len(pages), warnings)
    if (text := body.find("{*}text")) is None:
        raise broken(name)
    return Contents(title, [*document.margins(), *document.content(text)], warnings=warnings)


def _member(book: zipfile.ZipFile, name: str) -> bytes:
    return book.read(name) if name in book.namelist() else b""


def _title(book: zipfile.ZipFile) -> str:
    try:
        found = next(archive.xml(book, "meta.xml").iter(archive.TITLE), None)
        return "" if found is None else found.text or ""
    except MemoryError:
        raise
    except Exception:  # a document may do without
        return ""


class _Document:
    def __init__(self, book: zipfile.ZipFile, body: Any, warnings: list[str]) -> None:
        self._book, self._warnings = book, warnings
        roots = [body.getroottree().getroot()]
        if "styles.xml" in book.namelist():
            with tolerant(partial(warnings.append, "The formats of its paragraphs could not be read.")):
                roots.append(archive.xml(book, "styles.xml"))
        self._roots = roots
        self._look, self._lists = Look(roots), Lists(roots)
        self._notes = {"footnote": 0, "endnote": 0}
        self._covered = 0
        self._page = 0

    def margins(self) -> Iterator[Block]:
        """What stands above and below the pages, each text once."""
        said = set[str]()
        for root in self._roots[1:]:
            for name in ("header", "footer"):
                for margin in root.iter("{*}" + name, "{*}" + name + "-first", "{*}" + name + "-left"):
                    if (
                        attribute(margin, "display") == "false"
                        or name_of(margin.getparent()) != "master-page"
                    ):
                        continue
                    for block in self.content(margin):
                        if block.text not in said:
                            said.add(block.text)
                            yield Block(block.text, whole=block.whole)

    def slides(self, pages: list[Any]) -> list[Block]:
        blocks, hidden = list[Block](), list[int]()
        for self._page, page in enumerate(pages, 1):
            if self._look.says(page, "drawing-page", "visibility") == "hidden":
                hidden.append(self._page)
                continue
            frames = list(page.iterchildren("{*}*"))
            title = next((one for one in frames if attribute(one, "class") == "title"), None)
            name = flat(" ".join(one.text for one in self.content(title))) if title is not None else ""
            blocks.append(Block(name or f"Slide {self._page}", 2, page=self._page))
            frames += [frame for notes in page.iterchildren("{*}notes") for frame in notes]
            for frame in frames:
                if frame is not title and attribute(frame, "class") not in REPEATED:
                    blocks += self.shape(frame)
        self._warnings += hidden_slides(hidden)
        return [Block(one.text, one.level, one.tight, one.whole, one.page or self._page) for one in blocks]

    def content(self, node: Any, at: int = 0, list_style: str = "") -> Iterator[Block]:
        """The blocks of a text, a cell, a box or a list's item."""
        for child in node.iterchildren("{*}*"):
            yield from self._element(child, at, list_style)

    def _element(self, node: Any, at: int, list_style: str) -> Iterator[Block]:
        match name_of(node):
            case "p" | "h":
                yield from self._paragraph(node)
            case "list":
                yield from self._list(node, at + 1, attribute(node, "style-name") or list_style)
            case "table":
                yield from tables.blocks(self._rows(node), self._page)
            case "section" if attribute(node, "display") == "none":
                pass
            case "frame" | "custom-shape" | "g" | "rect" | "text-box" | "object":
                yield from self.shape(node)
            case name if name not in SKIPPED:
                yield from self.content(node, at, list_style)

    def shape(self, node: Any) -> Iterator[Block]:
        """What a drawn shape says."""
        if name_of(node) == "object":
            yield from self._chart(attribute(node, "href"))
        elif name_of(node) not in SKIPPED:
            yield from self.content(node)

    def _paragraph(self, node: Any, label: str | None = None, tight: bool = False) -> Iterator[Block]:
        line = Line(self._look)
        style = self._look.names(node, "paragraph")
        if self._look.says(node, "paragraph", "display") != "none":
            line.take(node)
        text = flat(line.text)
        level = 0
        if name_of(node) == "h":
            level = min(int(attribute(node, "outline-level") or 1), 6)
            label = self._lists.heading(level, style) if label is None and text else label
        elif "title" in style:
            level = 1
        if line.paged and len([word for word in text.split() if word.isalpha()]) <= 2:
            text = ""
        if "preformatted text" in style and text:
            yield Block(
                "\n".join(CODE + one for one in line.text.expandtabs(4).rstrip().split("\n")),
                whole=True,
                page=self._page,
            )
        elif text:
            shown, _ = labelled(text, label, level)
            yield Block(shown, level, tight and not level, page=self._page)
        for box in line.boxes:
            yield from self.shape(box)
        for note in line.notes:
            kind = attribute(note, "note-class") or "footnote"
            self._notes[kind] = self._notes.get(kind, 0) + 1
            bodies = note.iterchildren("{*}note-body")
            said = flat(" ".join(one.text for body in bodies for one in self.content(body)))
            if said:
                yield Block(f"{kind.capitalize()} {self._notes[kind]}: {said}", page=self._page)

    def _list(self, node: Any, at: int, style: str) -> Iterator[Block]:
        if (
            at == 1
            and attribute(node, "continue-numbering") != "true"
            and not attribute(node, "continue-list")
        ):
            self._lists.begin(style)
        first = at == 1
        for item in node.iterchildren("{*}list-item", "{*}list-header"):
            numbered = name_of(item) == "list-item"
            for child in item.iterchildren("{*}*"):
                if name_of(child) in ("p", "h"):
                    label = self._lists.label(style, at, attribute(item, "start-value")) if numbered else None
                    yield from self._paragraph(child, label, tight=not first and label is not None)
                    numbered = first = False
                else:
                    yield from self._element(child, at, style)

    def _rows(self, node: Any) -> Iterator[list[str]]:
        """A cell that covers several rows or columns is in each of them."""
        cover = dict[tuple[int, int], str]()
        for number, row in enumerate(opendocument_sheets.rows_of(node)):
            texts = list[str]()
            for cell in row.iterchildren("{*}table-cell", "{*}covered-table-cell"):
                text = "" if name_of(cell) == "covered-table-cell" else self._cell(cell)
                for _ in range(min(int(attribute(cell, "number-columns-repeated") or 1), 100)):
                    place = number, len(texts)
                    if name_of(cell) == "covered-table-cell":
                        texts.append(cover.pop(place, ""))
                        continue
                    texts.append(text)
                    high, wide = opendocument_sheets.size_of(cell)
                    self._covered += high * wide
                    if self._covered < MAX_COVERED:
                        for down in range(high):
                            for right in range(wide):
                                cover[number + down, place[1] + right] = (
                                    tables.Spread(text) if right else text
                                )
            yield texts

    def _cell(self, node: Any) -> str:
        return in_one_line(self.content(node))

    def _chart(self, link: str) -> Iterator[Block]:
        """The values of a chart: "Sales: North 19.2, South 21.4"."""
        name = f"{link.removeprefix('./').strip('/')}/content.xml"
        if name not in self._book.namelist():
            return
        root = member(self._book, name, self._warnings, "A chart could not be read.")
        if root is None:
            return
        lines = [flat("".join(one.itertext())) for one in root.iterfind(".//{*}chart/{*}title")]
        for table in root.iterfind(".//{*}chart/{*}table"):
            head, *rows = [*self._rows(table)] or [[""]]
            for column in range(1, len(head)):
                values = [f"{row[0]} {row[column]}" for row in rows if column < len(row) and row[column]]
                lines.append(f"{head[column]}: {', '.join(map(flat, values))}")
        if lines:
            yield Block("\n".join(lines), whole=True, page=self._page)
