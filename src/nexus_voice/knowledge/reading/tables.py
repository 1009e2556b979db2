"""Tables as text: each row is a line that can be read by itself: "port – Default: 8080; Meaning: ..."."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest

from .document import Block

Rows = list[list[str]]

NUMBER = re.compile(r"[^\w]*\d[\d.,:/ %-]*\D{0,4}")
DIGITS = re.compile(r"\d[\d.,]*")
YEAR = re.compile(r"(?:19|20)\d\d")


class Spread(str):
    """The text of a cell that is as wide as several columns, repeated in another one of them."""

    __slots__ = ()


def lines(rows: Rows, headers: list[str] | None = None) -> list[str]:
    """One line for each row that is not empty. `headers` name the cells from the second one on."""
    return [_line(headers or [], row) for row in rows if any(row)]


def blocks(rows: Iterable[list[str]], page: int = 0, *, marked: bool = False) -> Iterator[Block]:
    """The tables of a sheet, which empty rows separate. Rows of one cell above a table are paragraphs. The
    first row of a table, or the first two, name its columns if they look like it or are `marked` up so."""
    for filled, group in groupby(rows, key=any):
        table = list(group) if filled else []
        wide = max((len(cells(row)) for row in table), default=0)
        while wide > 1 and table and len(cells(table[0])) == 1:
            yield Block(cells(table.pop(0))[0], page=page)
        if table:
            headers, body = named(table, marked=marked and len(table) > 1)
            yield Block("\n".join(lines(body, headers)), whole=True, page=page)


def named(rows: Rows, *, marked: bool = False) -> tuple[list[str], Rows]:
    """(names of the columns, or none; the rows below). The first row names them if it looks like it or is
    `marked` up so. If one of its cells is as wide as several columns, the second row names these."""
    if not marked and not headed(rows):
        return [], rows
    if len(rows) > 2 and any(isinstance(cell, Spread) for cell in rows[0]) and _divides(rows[0], rows[1]):
        return [_joined(pair) for pair in zip_longest(*rows[:2], fillvalue="")], rows[2:]
    return rows[0], rows[1:]


def headed(rows: Rows) -> bool:
    """Whether the first row names the columns: it has no empty cell but the first, and no number but years,
    and there are more than two columns, or numbers below. (In two columns of words the first is often a name
    and the second its value.)"""
    if len(rows) < 2:
        return False
    first, *rest = rows
    width, corner = max(len(cells(row)) for row in rest), not first[0]
    if width < 2 or sum(map(bool, first)) + corner < width:
        return False
    years = not NUMBER.fullmatch(first[0]) and all(YEAR.fullmatch(cell) for cell in cells(first[1:]))
    if any(NUMBER.fullmatch(cell) for cell in first) and not years:
        return False
    below = rest[1:] if len(cells(first)) < sum(map(bool, first)) else rest
    if not years and any(_alike(first, row) for row in below):
        return False
    return width > 2 or any(NUMBER.fullmatch(cell) for row in rest for cell in row)


def _alike(first: list[str], row: list[str]) -> bool:
    """Whether a row says the same as the first one somewhere, or another number of the same ("14 crowns" and
    "6 crowns"): then the first row does not name the columns."""
    return any(
        upper
        and (upper == lower or (DIGITS.search(upper) and DIGITS.sub("0", upper) == DIGITS.sub("0", lower)))
        for upper, lower in zip(first, row, strict=False)
    )


def cells(row: list[str]) -> list[str]:
    """The texts of a row, each once."""
    return [cell for cell in row if cell and not isinstance(cell, Spread)]


def counted(number: int, what: str) -> str:
    """ "1 row" or "2 rows"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _divides(first: list[str], second: list[str]) -> bool:
    """Whether the second row has different texts below each cell that is as wide as several columns."""
    below = list[str]()
    for upper, lower in zip_longest(first, second, fillvalue=""):
        below = [*below, lower] if isinstance(upper, Spread) else [lower]
        if len(below) > 1 and (lower in below[:-1] or not all(below)):
            return False
    return True


def _joined(pair: tuple[str, ...]) -> str:
    return " ".join(dict.fromkeys(filter(None, pair)))


def _line(headers: list[str], row: list[str]) -> str:
    if len(cells(row)) == 1 and sum(map(bool, row)) > 1:  # as wide as the table
        return cells(row)[0]
    shown = [
        f"{header}: {cell}" if index and header else cell
        for index, (header, cell) in enumerate(zip_longest(headers, row, fillvalue=""))
        if cell
    ]
    return " – ".join([shown[0], "; ".join(shown[1:])]) if shown[1:] else shown[0]
