"""Reads spreadsheets and CSV: rows under the names of their columns."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import archive, tables
from .document import Block, Contents, flat
from .limits import Limits, encrypted

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook


def excel(name: str, data: bytes, limits: Limits) -> Contents:
    """Every sheet under its name as a heading of level 2."""
    from python_calamine import CalamineWorkbook, PasswordError

    zipped = data.startswith(b"PK")
    title = archive.title(archive.opened(name, data, limits)) if zipped else ""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        return Contents(title, _sheets(book))
    except PasswordError as error:
        raise encrypted(name) from error


def _sheets(book: CalamineWorkbook) -> Iterator[Block]:
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python()
        found = list(tables.blocks([_shown(cell) for cell in row] for row in rows))
        if found:
            yield Block(flat(name) or "Sheet", 2)
            yield from found


def _shown(value: object) -> str:
    """The value of a cell as a person would write it: without ".0" and without midnight."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case float():
            return f"{value:.12g}"
        case dt.datetime() if value.time() == dt.time():
            return str(value.date())
        case _:
            return flat(str(value))


def separated(text: str) -> Contents:
    """CSV or TSV with any delimiter."""
    csv.field_size_limit(1_000_000)
    sample = text[:20_000].rpartition("\n")[0] or text[:20_000]
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(sample, ",;\t|")
    except csv.Error:
        dialect = csv.excel_tab if "\t" in sample else csv.excel
    rows = csv.reader(io.StringIO(text, newline=""), dialect)
    return Contents("", tables.blocks([flat(cell) for cell in row] for row in rows))
