"""Turns spreadsheets and CSV into text: rows under the names of their columns, as a person sees them."""

from __future__ import annotations

import csv
import io
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import groupby

from . import archive, tables
from .document import Block, Contents, flat
from .limits import Limits, broken, too_much
from .sheet import Sheet

MAX_REPEATS = 1_000_000
"""Cells of a sheet that repeat the text of a merged one."""
MAX_TABLE_CELLS = 20_000_000
"""Of one table, the empty ones included."""


def excel(name: str, data: bytes, limits: Limits) -> Contents:
    """Every visible sheet under its name as a heading of level 2. The sheets are read, and the warnings come,
    while the blocks are taken."""
    warnings = list[str]()
    if not data.startswith(b"PK"):
        from . import xls

        return Contents("", read(name, xls.sheets(name, data, warnings), warnings), warnings=warnings)
    from . import xlsx

    book = archive.opened(name, data, limits)
    binary = "xl/workbook.bin" in book.namelist()
    found = xlsx.binary_sheets(data, warnings) if binary else xlsx.sheets(name, book, limits, warnings)
    return Contents(archive.title(book), read(name, found, warnings), warnings=warnings)


def read(name: str, sheets: Iterable[Sheet | None], warnings: list[str]) -> Iterator[Block]:
    """A sheet is None if it cannot be read, which its reader has said."""
    any_read = False
    for sheet in sheets:
        if sheet is None:
            continue
        any_read = True
        found = [block for rows in _tables(name, sheet, warnings) for block in tables.blocks(rows)]
        if sheet.unknown:
            formulas = tables.counted(sheet.unknown, "formula")
            warnings.append(
                f"The file lacks the result of {formulas} of the sheet “{sheet.name}”. Open it in a "
                "spreadsheet program and save it again."
            )
        if found:
            yield Block(flat(sheet.name) or "Sheet", 2)
            yield from found
    if not any_read:
        raise broken(name)


def _tables(name: str, sheet: Sheet, warnings: list[str]) -> Iterator[tables.Rows]:
    """The parts of a sheet that empty rows separate, without empty and hidden columns."""
    _repeat_merged(sheet)
    used = sorted({column for row in sheet.cells.values() for column in row})
    hidden = set[int]()
    for first, last in sheet.hidden_columns:
        if len(hidden) < len(used):
            hidden |= set(used[bisect_left(used, first) : bisect_right(used, last)])
    left_out = {row for row in sheet.hidden_rows if row in sheet.cells}
    if left_out or hidden:
        what = " and ".join(
            tables.counted(len(found), f"hidden {kind}")
            for found, kind in ((left_out, "row"), (hidden, "column"))
            if found
        )
        verb = "was" if len(left_out) + len(hidden) == 1 else "were"
        warnings.append(f"{what} of the sheet “{sheet.name}” {verb} left out.")
    unseen = sorted(sheet.hidden_rows)
    visible = [row for row in sorted(sheet.cells) if row not in sheet.hidden_rows]
    # Rows that follow each other, hidden ones aside, have the same distance to their index.
    for _, group in groupby(
        enumerate(visible), key=lambda pair: pair[1] - bisect_left(unseen, pair[1]) - pair[0]
    ):
        rows = [sheet.cells[row] for _, row in group]
        columns = sorted({column for row in rows for column in row} - hidden)
        if len(rows) * len(columns) > MAX_TABLE_CELLS:
            raise too_much(name, f"has a table with more than {MAX_TABLE_CELLS:,} cells", "too_much_text")
        yield [[row.get(column, "") for column in columns] for row in rows]


def _repeat_merged(sheet: Sheet) -> None:
    """Write the text of each merged cell into every row that it covers, and into every column that has other
    texts."""
    numbers = sorted(sheet.cells)
    used = sorted({column for row in sheet.cells.values() for column in row})
    left = MAX_REPEATS
    for top, bottom, first, last in sheet.merged:
        text = sheet.cells.get(top, {}).get(first)
        if not text:
            continue
        columns = used[bisect_left(used, first) : bisect_right(used, last)]
        for number in numbers[bisect_left(numbers, top) : bisect_right(numbers, bottom)]:
            left -= len(columns)
            if left < 0:
                return
            for column in columns:
                if column == first:
                    sheet.cells[number][column] = text
                else:
                    sheet.cells[number][column] = tables.Spread(text)


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
