"""Tables as text: each row is a line that can be read by itself: "port – Default: 8080; Meaning: ..."."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest

from .document import Block

Rows = list[list[str]]

NUMBER = re.compile(r"[^\w]*\d[\d.,:/ %-]*\D{0,4}")
YEAR = re.compile(r"(?:19|20)\d\d")


def lines(rows: Rows, headers: list[str] | None = None) -> list[str]:
    """One line for each row that is not empty. `headers` name the cells from the second one on."""
    return [_line(headers or [], row) for row in rows if any(row)]


def blocks(rows: Iterable[list[str]], page: int = 0) -> Iterator[Block]:
    """The tables of a sheet, which empty rows separate. Rows of one cell above a table are paragraphs. The
    first row of a table names its columns if it looks like it."""
    for filled, group in groupby(rows, key=any):
        table = list(group) if filled else []
        wide = max((len(cells(row)) for row in table), default=0)
        while wide > 1 and table and len(cells(table[0])) == 1:
            yield Block(cells(table.pop(0))[0], page=page)
        if table:
            named = headed(table)
            yield Block("\n".join(lines(table[named:], table[0] if named else None)), whole=True, page=page)


def headed(rows: Rows) -> bool:
    """Whether the first row names the columns: it has no empty cell but the first, and no number but years,
    and there are more than two columns, or numbers below. (In two columns of words the first is often a name
    and the second its value.)"""
    if len(rows) < 2:
        return False
    first, *rest = rows
    width, corner = max(len(cells(row)) for row in rest), not first[0]
    if width < 2 or len(cells(first)) + corner < width:
        return False
    years = not NUMBER.fullmatch(first[0]) and all(YEAR.fullmatch(cell) for cell in cells(first[1:]))
    if any(NUMBER.fullmatch(cell) for cell in first) and not years:
        return False
    return width > 2 or any(NUMBER.fullmatch(cell) for row in rest for cell in row)


def cells(row: list[str]) -> list[str]:
    return [cell for cell in row if cell]


def _line(headers: list[str], row: list[str]) -> str:
    named = [
        f"{header}: {cell}" if index and header else cell
        for index, (header, cell) in enumerate(zip_longest(headers, row, fillvalue=""))
        if cell
    ]
    return " – ".join([named[0], "; ".join(named[1:])]) if named[1:] else named[0]
