"""Reads the cells of Excel's workbooks (`.xlsx`, `.xlsm`), each as Excel shows it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import IO, Any

from lxml import etree

from . import archive, number_format
from .document import flat
from .limits import Limits
from .nodes import reference
from .parts import tolerant
from .sheet import Range, Sheet

PLACE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
MAX_COLUMN = 16_384


def sheets(name: str, book: zipfile.ZipFile, limits: Limits, warnings: list[str]) -> Iterator[Sheet | None]:
    """The visible sheets in their order; None for one that cannot be read."""
    part = archive.main_part(book, "xl/workbook.xml")
    targets = archive.related(book, part)
    workbook = archive.xml(book, part)
    properties = next(workbook.iter("{*}workbookPr"), None)
    since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    by_kind = dict(targets.values())
    strings = _strings(book, by_kind.get("sharedStrings"))
    formats = _formats(book, by_kind.get("styles"))
    for sheet in workbook.iter("{*}sheet"):
        id = reference(sheet)
        kind, target = targets.get(id, ("", ""))
        shown = flat(sheet.get("name", "")) or "Sheet"
        if kind not in ("worksheet", "") or (kind == "" and id):
            continue  # a chart on a sheet of its own
        if sheet.get("state") in ("hidden", "veryHidden"):
            warnings.append(f"The hidden sheet “{shown}” was left out.")
            continue
        found = None
        with (
            tolerant(partial(warnings.append, f"The sheet “{shown}” is damaged and could not be read.")),
            book.open(target) as file,
        ):
            found = _sheet(name, shown, file, strings, formats, since_1904, limits)
        yield found


def _sheet(
    name: str,
    shown: str,
    file: IO[bytes],
    strings: list[str],
    formats: list[str],
    since_1904: bool,
    limits: Limits,
) -> Sheet:
    sheet = Sheet(shown)
    number = length = 0
    for _, node in etree.iterparse(
        file, events=("end",), tag=("{*}row", "{*}col", "{*}mergeCell"), resolve_entities=False
    ):
        match etree.QName(node).localname:
            case "row":
                number = int(node.get("r") or number + 1)
                row = _row(sheet, node, strings, formats, since_1904)
                if row:
                    length += sum(map(len, row.values()))
                    limits.check_text(name, length)
                    sheet.cells[number] = row
                if node.get("hidden") in ("1", "true") or node.get("ht") == "0":
                    sheet.hidden_rows.add(number)
            case "col" if (node.get("hidden") in ("1", "true") or node.get("width") == "0") and len(
                sheet.hidden_columns
            ) < MAX_COLUMN:
                sheet.hidden_columns.append((int(node.get("min", 0)), int(node.get("max", 0))))
            case "mergeCell":
                if covered := range_of(node.get("ref", "")):
                    sheet.merged.append(covered)
        archive.forget(node)
    return sheet


def _row(sheet: Sheet, row: Any, strings: list[str], formats: list[str], since_1904: bool) -> dict[int, str]:
    found = dict[int, str]()
    names = row.tag.removesuffix("row")  # of the elements; looking for wildcards takes most of the time
    is_cell, is_value, is_formula, is_inline = (names + name for name in ("c", "v", "f", "is"))
    column = 0
    for cell in row:
        if cell.tag != is_cell:
            continue
        place = PLACE.match(cell.get("r", ""))
        column = column_of(place[1]) if place else column + 1
        if column > MAX_COLUMN:
            continue
        value, formula, inline = "", False, ""
        for child in cell:
            if child.tag == is_value:
                value = child.text or ""
            elif child.tag == is_formula:
                formula = True
            elif child.tag == is_inline:
                inline = _text(child)
        style, type = int(cell.get("s") or 0), cell.get("t", "n")
        code = formats[style] if style < len(formats) else "General"
        if formula and not value and type == "n":
            sheet.unknown += 1
            continue
        match type:
            case "n":
                text = _number(value, code, since_1904) if value.strip() else ""
            case "s":
                text = number_format.words(strings[int(value)], code) if value else ""
            case "inlineStr":
                text = flat(number_format.words(inline, code))
            case "b":
                text = "TRUE" if value.strip() in ("1", "true") else "FALSE"
            case "str":
                text = flat(number_format.words(value, code))
            case _:  # an error such as #N/A, or a date in ISO 8601
                text = flat(value)
        if text:
            found[column] = text
    return found


@lru_cache(maxsize=10_000)
def _number(value: str, code: str, since_1904: bool) -> str:
    return number_format.shown(float(value), code, since_1904)


def _strings(book: zipfile.ZipFile, part: str | None) -> list[str]:
    if part is None:
        return []
    found = list[str]()
    with book.open(part) as file:
        for _, node in etree.iterparse(file, events=("end",), tag="{*}si", resolve_entities=False):
            found.append(flat(_text(node)))
            archive.forget(node)
    return found


def _text(node: Any) -> str:
    """The text of a string with or without formats, without its pronunciation (rPh)."""
    parts = list[str]()
    for child in node:
        if str(child.tag).endswith("}t"):
            parts.append(child.text or "")
        elif str(child.tag).endswith("}r"):
            parts += [one.text or "" for one in child if str(one.tag).endswith("}t")]
    return "".join(parts)


def _formats(book: zipfile.ZipFile, part: str | None) -> list[str]:
    """The number format of each style of cells."""
    if part is None or part not in book.namelist():
        return []
    styles = archive.xml(book, part)
    own = {int(one.get("numFmtId", 0)): one.get("formatCode", "") for one in styles.iter("{*}numFmt")}
    cells = next(styles.iter("{*}cellXfs"), None)
    numbers = [] if cells is None else [int(xf.get("numFmtId") or 0) for xf in cells]
    # A file may name a built-in format's number and write its own code for it; the place of dates does not.
    return [
        number_format.BUILT_IN.get(number, "General") if number in (14, 22) else
        own.get(number) or number_format.BUILT_IN.get(number, "General")
        for number in numbers
    ]  # fmt: skip


def range_of(text: str) -> Range | None:
    """The rows and columns of "B2:C5"."""
    begin, _, end = text.partition(":")
    first, last = PLACE.fullmatch(begin), PLACE.fullmatch(end or begin)
    if not first or not last:
        return None
    return int(first[2]), int(last[2]), column_of(first[1]), column_of(last[1])


def column_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def binary_sheets(data: bytes, warnings: list[str]) -> Iterator[Sheet]:
    """The visible sheets of a binary workbook (`.xlsb`), whose number formats are not known."""
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for about in book.sheets_metadata:
        if about.visible != SheetVisibleEnum.Visible:
            warnings.append(f"The hidden sheet “{about.name}” was left out.")
            continue
        sheet = Sheet(about.name)
        found = book.get_sheet_by_name(about.name)
        for number, row in enumerate(found.to_python(skip_empty_area=False), 1):
            texts = {column: _shown(value) for column, value in enumerate(row, 1)}
            if filled := {column: text for column, text in texts.items() if text}:
                sheet.cells[number] = filled
        for (top, first), (bottom, last) in found.merged_cell_ranges or []:
            sheet.merged.append((top + 1, bottom + 1, first + 1, last + 1))
        yield sheet


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).upper()
        case float() | int():
            return number_format.general(value)
        case _:
            return flat(str(value)).removesuffix(" 00:00:00")
