"""Reads a PDF with PDFium: its lines with their place, size and font, and its ruled tables."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from itertools import islice, pairwise
from math import hypot
from statistics import median
from typing import Any, NamedTuple

from . import grid, layout, tables
from .document import Block, Contents, chosen_title, flat
from .layout import Line
from .limits import Limits, encrypted

MAX_RULES = 3_000
"""A page with more drawn lines is not searched for tables."""
BOLD = re.compile(r"bold|black|heavy|semibold|demi|CMBX", re.IGNORECASE)
MONO = re.compile(r"mon[ol]|courier|consol|typewriter|CMTT|menlo|code", re.IGNORECASE)
MIN_BOLD_WEIGHT = 600
FIXED_PITCH_FLAG = 1
"""Of a font's descriptor (PDF 1.7, table 123)."""
RECTANGLE_SEGMENTS = 5
"""Of the path that draws a rectangle."""
MAX_OUTLINE_DEPTH = 6
SCANNED = "holds no text: it is probably scanned. Run it through OCR (text recognition) and add the result"


class Font(NamedTuple):
    """`size` is in points, rounded to halves. A `mono` font has letters of one width."""

    size: float
    bold: bool
    mono: bool


def read(name: str, data: bytes, limits: Limits) -> Contents:
    """If the file has no title, the line in the largest font of its first page is the title.

    Raises `BadInput` (`encrypted_document`, `too_many_pages`) and `PdfiumError`.
    """
    import pypdfium2 as pdfium
    from pypdfium2 import raw

    try:
        pdf = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise encrypted(name) from error
        raise
    limits.check_pages(name, len(pdf))
    pages = [list(_page(pdf, index)) for index in range(len(pdf))]
    outline = {
        (dest.get_index(), flat(mark.get_title()).casefold()): mark.level + 1
        for mark in pdf.get_toc(max_depth=MAX_OUTLINE_DEPTH)
        if (dest := mark.get_dest()) is not None
    }
    title = chosen_title(pdf.get_metadata_value("Title")) or layout.title(pages)
    return Contents(title, list(layout.blocks(pages, outline)), len(pdf))


def _page(pdf: Any, index: int) -> Iterator[Line | Block]:
    """The lines of a page in reading order. The blocks of a ruled table stand where its first line was."""
    page = pdf[index]
    text = page.get_textpage()
    try:
        lines = list(_lines(text, index, page.get_bbox()))
        tabled: dict[int, list[Block]] = {}
        for box, xs, ys in _grids(page):
            inside = [line for line in lines if _holds(box, line)]
            if inside and (table := _table(text, xs, ys, inside)):
                tabled.update({id(line): [] for line in inside})
                tabled[id(inside[0])] = table
        for line in lines:
            yield from tabled.get(id(line), [line])
    finally:
        text.close()
        page.close()


def _lines(text: Any, index: int, bounds: grid.Box) -> Iterator[Line]:
    from pypdfium2 import raw

    at = 0
    for part in text.get_text_range().split("\r\n"):
        if shown := part.strip():
            begin = at + part.index(shown[0])
            first = raw.FPDFText_GetCharIndexFromTextIndex(text, begin)
            last = raw.FPDFText_GetCharIndexFromTextIndex(text, begin + len(shown) - 1)
            if first < 0 or last < first:
                first, last = max(first, last, 0), max(first, last, 0)
            left, foot, _, top = text.get_charbox(first, loose=True)
            _, end, right, _ = text.get_charbox(last, loose=True)
            fonts = [_font(text, char) for char in (first, (first + last) // 2, last)]
            yield Line(
                _shown(shown),
                left, right, top, foot, end, (foot - bounds[1]) / max(1.0, bounds[3] - bounds[1]),
                size=median(font.size for font in fonts),
                bold=sum(font.bold for font in fonts) > 1,
                mono=sum(font.mono for font in fonts) > 1,
                page=index,
            )  # fmt: skip
        at += len(part) + 2


def _font(text: Any, char: int) -> Font:
    from pypdfium2 import raw

    name, flags, matrix = ctypes.create_string_buffer(128), ctypes.c_int(), raw.FS_MATRIX()
    raw.FPDFText_GetFontInfo(text, char, name, 128, flags)
    scale = hypot(matrix.c, matrix.d) if raw.FPDFText_GetMatrix(text, char, matrix) else 1.0
    shown = name.value.decode(errors="replace")
    return Font(
        round(2 * scale * raw.FPDFText_GetFontSize(text, char)) / 2,
        raw.FPDFText_GetFontWeight(text, char) >= MIN_BOLD_WEIGHT or bool(BOLD.search(shown)),
        bool(flags.value & FIXED_PITCH_FLAG) or bool(MONO.search(shown)),
    )


def _grids(page: Any) -> list[grid.Grid]:
    from pypdfium2 import raw

    rules = list[grid.Box]()
    for path in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=1):
        rules += islice(_strokes(path), MAX_RULES)
        if len(rules) >= MAX_RULES:
            return []
    return grid.find(rules)


def _strokes(path: Any) -> Iterator[grid.Box]:
    """The boxes of the straight lines of a path. A single line or rectangle is one box."""
    from pypdfium2 import raw

    count = raw.FPDFPath_CountSegments(path)
    if count <= RECTANGLE_SEGMENTS:
        yield path.get_bounds()
        return
    matrix, x, y = path.get_matrix(), ctypes.c_float(), ctypes.c_float()
    last = (0.0, 0.0)
    for index in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = matrix.on_point(x.value, y.value)
        if raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_LINETO:
            (left, right), (foot, top) = sorted((last[0], point[0])), sorted((last[1], point[1]))
            yield left, foot, right, top
        last = point


def _table(text: Any, xs: list[float], ys: list[float], lines: list[Line]) -> list[Block]:
    """The blocks of a table; none if its cells do not hold the text of the lines, as in a drawing."""
    rows = [
        [_shown(text.get_text_bounded(left, foot, right, top)) for left, right in pairwise(xs)]
        for top, foot in pairwise(ys)
    ]
    letters = sum(len(cell.replace(" ", "")) for row in rows for cell in row)
    if abs(letters - sum(len(line.text.replace(" ", "")) for line in lines)) > 0.05 * letters:
        return []
    return list(tables.blocks(rows, lines[0].page + 1))


def _holds(box: grid.Box, line: Line) -> bool:
    x, y = (line.x0 + line.x1) / 2, (line.top + line.foot) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _shown(text: str) -> str:
    return flat(text.replace("\ufffe", ""))  # PDFium's mark of a hyphen at a line's end
