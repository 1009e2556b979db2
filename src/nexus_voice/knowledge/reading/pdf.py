"""Reads a PDF with PDFium: its lines with their place, size and font, and its ruled tables."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from functools import partial
from itertools import islice, pairwise
from typing import Any

from . import form, grid, hyphens, layout, pdf_lines, pdf_scans, scans, tables
from .document import Block, Contents, chosen_title, flat
from .layout import Line
from .limits import Limits, encrypted
from .parts import unread_pages

MAX_RULES = 3_000
"""A page with more drawn lines is not searched for tables."""
RECTANGLE_SEGMENTS = 5
"""Of the path that draws a rectangle."""
MAX_OUTLINE_DEPTH = 6
NO_TEXT = f"holds no text, and {scans.NO_PRINT}"


log = logging.getLogger(__name__)


def read(name: str, data: bytes, limits: Limits, scanner: scans.Scanner) -> Contents:
    """A page that cannot be read is left out with a warning.

    Raises `BadInput` (`encrypted_document`, `too_many_pages`), and `PdfiumError` if nothing can be read.
    """
    import pypdfium2 as pdfium
    from pypdfium2 import raw

    try:
        pdf = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise encrypted(name) from error
        raise
    pages, broken, warnings = list[list[Line | Block]](), 0, list[str]()
    try:
        pdf.init_forms()  # before its pages are opened
    except pdfium.PdfiumError:
        warnings.append("The fields of its form could not be read.")
    limits.check_pages(name, len(pdf))
    for index in range(len(pdf)):
        try:
            pages.append(list(_page(pdf, index, scanner)))
        except Exception as error:  # of one page; recognising print may raise anything
            log.warning("page %d: %s: %s", index + 1, error.__class__.__name__, str(error)[:200])
            pages.append([])
            broken += 1
            if broken == len(pdf):
                raise
    warnings += unread_pages(broken, len(pdf))
    body = layout.body_size([page for index, page in enumerate(pages) if index not in scanner.read])
    pages = [scans.sized(page, body) if index in scanner.read else page for index, page in enumerate(pages)]
    warnings += scanner.warnings
    blocks = hyphens.resolved(layout.blocks(pages, _outline(pdf)))
    return Contents(chosen_title(pdf.get_metadata_value("Title")), list(blocks), len(pdf), warnings)


def _outline(pdf: Any) -> layout.Outline:
    return {
        (dest.get_index(), flat(mark.get_title()).casefold()): mark.level + 1
        for mark in pdf.get_toc(max_depth=MAX_OUTLINE_DEPTH)
        if (dest := mark.get_dest()) is not None
    }


def _page(pdf: Any, index: int, scanner: scans.Scanner) -> Iterator[Line | Block]:
    """The lines of a page and the blocks of its tables, in reading order."""
    page = pdf[index]
    text = page.get_textpage()
    try:
        lines = list(pdf_lines.lines(text, index, page.get_bbox()))
        fields = list(form.fields(page, pdf.formenv)) if pdf.formenv else []
        if pdf_scans.pictured(page, letters := sum(len(line.text) for line in lines)):
            found = scanner.page(partial(pdf_scans.rendered, page), index, letters)
            if found:
                yield from found
                yield from form.filled([], fields, index)
                return
        lines = form.filled(lines, fields, index)
        tabled: dict[int, list[layout.Part]] = {}
        for box, xs, ys in _grids(page):
            inside = [line for line in lines if _holds(box, line)]
            if inside and (table := _table(text, xs, ys, inside)):
                tabled.update({id(line): [] for line in inside})
                tabled[id(inside[0])] = [layout.Table(box[0], box[2], box[3], box[1], table)]
    finally:
        text.close()
        page.close()
    parts = [part for line in lines for part in tabled.get(id(line), [line])]
    yield from pdf_lines.in_reading_order(parts)


def _grids(page: Any) -> list[grid.Grid]:
    from pypdfium2 import raw

    count = raw.FPDFPage_CountObjects(page)
    kinds = (raw.FPDFPageObj_GetType(raw.FPDFPage_GetObject(page, index)) for index in range(count))
    if raw.FPDF_PAGEOBJ_PATH not in kinds:
        return []
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
    parts = [flat(part) for part in pdf_lines.HYPHEN_MARKS.split(text)]
    return hyphens.MARK.join(parts)
