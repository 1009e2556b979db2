"""What a spreadsheet program shows of a sheet."""

from __future__ import annotations

from dataclasses import dataclass, field

Range = tuple[int, int, int, int]
"""First and last row, first and last column."""


@dataclass(slots=True)
class Sheet:
    """What a sheet shows. `cells` are texts by row and column; rows and columns are counted from 1.
    `hidden_columns` are (first, last)."""

    name: str
    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[Range] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    unknown: int = 0
    """Formulas whose result the file does not hold."""
