"""Reads the cells of Excel's files of before 2007 (`.xls`), each as Excel shows it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

from . import number_format
from .document import flat
from .limits import encrypted
from .parts import tolerant
from .sheet import Sheet


def sheets(name: str, data: bytes, warnings: list[str]) -> Iterator[Sheet | None]:
    """The visible sheets in their order; None for one that cannot be read. Raises `BadInput` for a file with
    a password."""
    import xlrd

    try:
        book = xlrd.open_workbook(
            file_contents=data, formatting_info=True, on_demand=True, logfile=io.StringIO()
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise encrypted(name) from error
        raise
    for index, (shown, visibility) in enumerate(zip(book.sheet_names(), book._sheet_visibility, strict=True)):
        if visibility:
            warnings.append(f"The hidden sheet “{shown}” was left out.")
            continue
        sheet = None
        with tolerant(partial(warnings.append, f"The sheet “{shown}” is damaged and could not be read.")):
            sheet = _sheet(book, book.sheet_by_index(index))
        yield sheet
        book.unload_sheet(index)


def _sheet(book: Any, found: Any) -> Sheet:
    sheet = Sheet(flat(found.name) or "Sheet")
    for number in range(found.nrows):
        row = {
            column + 1: text
            for column in range(found.row_len(number))
            if (text := _shown(book, found.cell(number, column)))
        }
        if row:
            sheet.cells[number + 1] = row
    for top, bottom, first, last in found.merged_cells:
        sheet.merged.append((top + 1, bottom, first + 1, last))
    sheet.hidden_rows = {row + 1 for row, about in found.rowinfo_map.items() if about.hidden}
    sheet.hidden_columns = [(at + 1, at + 1) for at, about in found.colinfo_map.items() if about.hidden]
    return sheet


def _shown(book: Any, cell: Any) -> str:
    import xlrd

    key = book.xf_list[cell.xf_index].format_key if cell.xf_index is not None else 0
    known = book.format_map.get(key)
    code = number_format.BUILT_IN[key] if key in (14, 22) or known is None else known.format_str
    match cell.ctype:
        case xlrd.XL_CELL_TEXT:
            return flat(number_format.words(cell.value, code))
        case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
            return number_format.shown(cell.value, code, since_1904=bool(book.datemode))
        case xlrd.XL_CELL_BOOLEAN:
            return "TRUE" if cell.value else "FALSE"
        case xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(cell.value, "#VALUE!"))
    return ""
