"""Finds tables without lines on a page: rows whose cells stand in columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import mean, median

from . import tables
from .columns import font_size, mid_sentence, rows
from .document import Block
from .hyphens import run_on
from .layout import Line, Part, Table
from .tables import NUMBER

MAX_LINES = 2_000
"""A page with more lines is not searched."""
MIN_ROWS = 3
"""With at least two cells."""
CELL_GAP_RATIO, MIN_GUTTER_RATIO = 1.0, 0.5
"""Of half of the gaps between cells, and of the white between two columns, in font sizes."""
MAX_ROW_GAP_RATIO = 3.5
"""A table ends where the next row is farther away, in font sizes."""
MIN_FILLED = 0.3
"""Share of the rows in which a column has a cell."""
MARKER = re.compile(r"[-–*•◦▪●■‣·]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]")
"""Stands before an item of a list."""

Row = list[Line]
Span = tuple[float, float]


def tabled(parts: Sequence[Part]) -> list[Part]:
    """The parts of a column, with a `Table` in place of the lines of each table that is found."""
    lines = [part for part in parts if isinstance(part, Line) and not part.mono]
    if not MIN_ROWS * 2 <= len(lines) <= MAX_LINES:
        return list(parts)
    size = font_size(lines)
    found = [[part for part in row if isinstance(part, Line)] for row in rows(lines, size)]
    if sum(len(row) > 1 for row in found) < MIN_ROWS:
        return list(parts)
    place = {id(part): index for index, part in enumerate(parts)}
    instead: dict[int, Table | None] = {}
    at = 0
    while at < len(found):
        run, spans = _run(found, at, size)
        if table := _table(run, spans, size, place):
            cells = sorted((cell for row in run for cell in row), key=lambda cell: place[id(cell)])
            instead.update({id(cell): None for cell in cells})
            instead[id(cells[0])] = table
            at += len(run)
        else:
            at += max(1, len(run) // 2)
    return [shown for part in parts if (shown := instead.get(id(part), part)) is not None]


def _run(found: list[Row], at: int, size: float) -> tuple[list[Row], list[Span]]:
    """The rows from `at` on whose cells fit into common columns, and the places of these from the left."""
    spans = _merged([], found[at], size)
    run = [found[at]]
    if len(spans) < 2:
        return run, spans
    for row in found[at + 1 :]:
        new = _merged(spans, row, size)
        if len(new) < len(spans) or run[-1][0].foot - row[0].foot > MAX_ROW_GAP_RATIO * size:
            break
        run.append(row)
        spans = new
    while len(run) > 1 and len(run[-1]) == 1 and run[-1][0].x0 < spans[1][0]:
        run.pop()  # the paragraph below
    return run, spans


def _merged(spans: list[Span], row: Row, size: float) -> list[Span]:
    merged = list[Span]()
    for x0, x1 in sorted([*spans, *((cell.x0, cell.x1) for cell in row)]):
        if merged and x0 - merged[-1][1] < MIN_GUTTER_RATIO * size:
            merged[-1] = merged[-1][0], max(merged[-1][1], x1)
        else:
            merged.append((x0, x1))
    return merged


def _table(run: list[Row], spans: list[Span], size: float, place: dict[int, int]) -> Table | None:
    if len(run) < MIN_ROWS or len(spans) < 2:
        return None
    grid = [[_cell(row, span) for span in spans] for row in run]
    full = [cells for cells in grid if len(tables.cells(cells)) > 1]
    gaps = [after.x0 - before.x1 for row in run for before, after in pairwise(row)]
    if len(full) < MIN_ROWS or median(gaps) < CELL_GAP_RATIO * size:
        return None
    columns = [tables.cells(list(column)) for column in zip(*full, strict=True)]
    if any(len(column) < max(2, MIN_FILLED * len(full)) for column in columns):
        return None
    if 2 * sum(bool(MARKER.fullmatch(cell)) for cell in columns[0]) > len(columns[0]):
        return None
    if _prose(full) or not _drawn_as_table(run, full, place):
        return None
    blocks = _blocks(grid, run[0][0].page + 1)
    lines = [cell for row in run for cell in row]
    return Table(
        min(line.x0 for line in lines), max(line.x1 for line in lines), lines[0].top, lines[-1].foot, blocks
    )


def _cell(row: Row, span: Span) -> str:
    return " ".join(line.text for line in row if span[0] <= line.x0 <= span[1])


def _prose(full: tables.Rows) -> bool:
    """Whether sentences go on from row to row, in the longest column or from the last one to the first."""
    longest = max(range(len(full[0])), key=lambda column: sum(len(cells[column]) for cells in full))
    for last, first, words in ((longest, longest, 4.0), (-1, 0, 2.5)):
        going = [mid_sentence(before[last], cells[first]) for before, cells in pairwise(full)]
        if 2 * sum(going) >= len(going) and mean(len(cells[first].split()) for cells in full) >= words:
            return True
    return False


def _drawn_as_table(run: list[Row], full: tables.Rows, place: dict[int, int]) -> bool:
    """Whether the rows are drawn one after the other. What is drawn column by column is a table only if each
    row is full and there is a column of numbers after one of words."""
    pairs = [pair for row in run for pair in pairwise(row)]
    if sum(place[id(one)] + 1 == place[id(other)] for one, other in pairs) >= 0.6 * len(pairs):
        return True
    body = full[1:]
    shares = [mean(bool(NUMBER.fullmatch(cell)) for cell in column) for column in zip(*body, strict=True)]
    return len(full) == len(run) and all(map(all, full)) and shares[0] <= 0.2 and max(shares) >= 0.8


def _blocks(grid: tables.Rows, page: int) -> list[Block]:
    whole = tables.Rows()
    for cells in grid:
        filled = tables.cells(cells)
        if whole and not cells[0] and not any(NUMBER.fullmatch(cell) for cell in filled):  # a cell goes on
            whole[-1] = [
                run_on(filter(None, (above, cell))) for above, cell in zip(whole[-1], cells, strict=True)
            ]
        else:
            whole.append(cells)
    if len(whole) > 2 and not whole[0][0] and all(whole[1]):  # names of columns in two rows
        numbers = [any(NUMBER.fullmatch(cell) for cell in cells) for cells in whole[:3]]
        if numbers == [False, False, True]:
            whole[:2] = [[run_on(filter(None, pair)) for pair in zip(*whole[:2], strict=True)]]
    labels = [cells[0] for cells in whole if cells[0]]
    if len(grid[0]) == 2 and 2 * sum(label.endswith(":") for label in labels) >= len(labels):
        return [Block("\n".join(" ".join(tables.cells(cells)) for cells in whole), whole=True, page=page)]
    return list(tables.blocks(whole, page))
