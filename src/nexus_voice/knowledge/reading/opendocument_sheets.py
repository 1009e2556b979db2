"""Reads the spreadsheets of OpenDocument files: their cells hold the text that they show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .document import flat
from .limits import Limits
from .nodes import attribute, name_of
from .opendocument_text import Line, Look
from .sheet import Sheet

MAX_REPEATED = 1_000
"""Rows, and cells of a row, that are written once and stand there so often."""
GROUPS = frozenset({"table-row-group", "table-header-rows", "table-rows"})


def rows_of(table: Any) -> Iterator[Any]:
    """The rows of a table in their order."""
    for child in table.iterchildren("{*}*"):
        if name_of(child) == "table-row":
            yield child
        elif name_of(child) in GROUPS:
            yield from rows_of(child)


def size_of(cell: Any) -> tuple[int, int]:
    """The rows and columns that a cell covers."""
    high, wide = (int(attribute(cell, f"number-{what}-spanned") or 1) for what in ("rows", "columns"))
    return high, wide


def sheets(name: str, body: Any, look: Look, limits: Limits, warnings: list[str]) -> Iterator[Sheet]:
    """The visible sheets in their order."""
    length = 0
    for table in body.iterchildren("{*}table"):
        shown = flat(attribute(table, "name")) or "Sheet"
        if look.says(table, "table", "display") == "false":
            warnings.append(f"The hidden sheet “{shown}” was left out.")
            continue
        sheet = Sheet(shown)
        _columns(table, sheet)
        number = 1
        for row in rows_of(table):
            repeated = int(attribute(row, "number-rows-repeated") or 1)
            for again in range(min(repeated, MAX_REPEATED)):
                cells = _row(row, look, sheet, number + again)
                if not cells:
                    break
                length += sum(map(len, cells.values()))
                limits.check_text(name, length)
                sheet.cells[number + again] = cells
            if _is_hidden(row):
                sheet.hidden_rows |= set(range(number, number + min(repeated, MAX_REPEATED)))
            number += repeated
        yield sheet


def _columns(table: Any, sheet: Sheet) -> None:
    at = 1
    for column in table.iter("{*}table-column"):
        repeated = int(attribute(column, "number-columns-repeated") or 1)
        if _is_hidden(column):
            sheet.hidden_columns.append((at, at + repeated - 1))
        at += repeated


def _is_hidden(node: Any) -> bool:
    groups = node.iterancestors("{*}table-row-group", "{*}table-column-group")
    return attribute(node, "visibility") in ("collapse", "filter") or any(
        attribute(group, "display") == "false" for group in groups
    )


def _row(row: Any, look: Look, sheet: Sheet, number: int) -> dict[int, str]:
    found = dict[int, str]()
    column = 1
    for cell in row.iterchildren("{*}table-cell", "{*}covered-table-cell"):
        repeated = int(attribute(cell, "number-columns-repeated") or 1)
        text = _text(cell, look) if name_of(cell) == "table-cell" else ""
        if text:
            found |= dict.fromkeys(range(column, column + min(repeated, MAX_REPEATED)), text)
            high, wide = size_of(cell)
            if high > 1 or wide > 1:
                sheet.merged.append((number, number + high - 1, column, column + wide - 1))
        column += repeated
    return found


def _text(cell: Any, look: Look) -> str:
    lines = list[str]()
    for paragraph in cell.iterchildren("{*}p"):
        line = Line(look)
        line.take(paragraph)
        lines.append(line.text)
    if not lines:  # a program that writes values only
        lines = [attribute(cell, "string-value") or attribute(cell, "date-value") or attribute(cell, "value")]
    return flat(" ".join(lines))
