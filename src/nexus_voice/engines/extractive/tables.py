"""Table rows as knowledge/reading/tables.py writes them, and the cell of one that a question asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...text.words import STOP_WORDS, stem, words
from .question import ATTRIBUTES, Asked, compact

MAX_HEADER_CHARS = 60
MIN_HEADER_LIKENESS = 0.5
"""Cosine of two words that may mean the same column."""
MAX_ROW_CHARS = 160
"""A row that is no longer is told whole where it is not certain what of it is asked for."""
SURE_FIT = 0.9
"""From here on a column is what the question asks for: it has its words, or a word for such a column."""
MIN_NAME_SHARE = 0.6
"""Share of the words of a row's name that a question about that row has."""
_CELL = re.compile(rf"([^:;]{{1,{MAX_HEADER_CHARS}}}): (.*)", re.DOTALL)

Likeness = Callable[[str, str], float]
"""How alike two words are, 0..1."""


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` are (header, value). A row without headers is no `Row`."""

    name: str
    cells: tuple[tuple[str, str], ...]


def row(line: str) -> Row | None:
    """The row that a line is, or None: "port – Default: 8080; Meaning: the port of the page"."""
    name, dash, rest = line.partition(" – ")
    if not dash or not name.strip() or name.rstrip().endswith((".", "!", "?")):
        return None
    cells: list[tuple[str, str]] = []
    for part in rest.split("; "):
        if found := _CELL.fullmatch(part):
            cells.append((found[1].strip(), found[2].strip()))
        elif cells:  # a semicolon within a cell
            header, value = cells[-1]
            cells[-1] = header, f"{value}; {part}"
        else:
            return None
    return Row(name.strip(), tuple(cells))


def name_share(row: Row, asked: Asked) -> float:
    """The share (0..1) of the words of the row's name that the question has."""
    stems = {stem(word) for word in asked.words}
    said = [stem(word) for word in words(row.name) if word not in STOP_WORDS]
    if not said:
        return 0.0
    if compact(row.name) in asked.codes:
        return 1.0
    return sum(word in stems for word in said) / len(said)


def likely_words(asked: Asked, rows: Sequence[Row]) -> list[str]:
    """Words whose likeness decides on a column, where the letters alone do not."""
    if not rows:
        return []
    headers = dict.fromkeys(header.lower() for row in rows for header, _ in row.cells)
    return [*headers, *_open_words(asked)]


def _open_words(asked: Asked) -> list[str]:
    return [word for word in asked.words if word not in STOP_WORDS or word in ATTRIBUTES]


@dataclass(frozen=True, slots=True)
class Told:
    """What a row says to a question. `sure` is true if the question names the row and the column, false if it
    names the row and asks for something that has no column, and None if that is open."""

    text: str
    sure: bool | None = None


def told(row: Row, asked: Asked, like: Likeness) -> Told:
    """One cell of the row if the question names the row and a column, the cells that it describes if it asks
    for the row, else all."""
    named = name_share(row, asked)
    stems = {stem(word) for word in words(row.name)}
    left = [word for word in _open_words(asked) if stem(word) not in stems]
    by_cell = [(header, value) for header, value in row.cells if _describes(value, left)]
    for _, value in by_cell:
        left = [word for word in left if stem(word) not in {stem(one) for one in words(value)}]
    header, value, fit = max(
        ((header, value, _fit(header, left, like)) for header, value in row.cells), key=lambda one: one[2]
    )
    if named >= MIN_NAME_SHARE:
        if fit >= MIN_HEADER_LIKENESS:
            sure = True if named == 1 and fit >= SURE_FIT else None
            return Told(_sentence(row.name, header, value, asked), sure)
        if asked.wanted == "whether":
            return Told(_line(row.name, by_cell or row.cells))
        return Told(_line(row.name, row.cells), None if by_cell or not left else False)
    short = len(_line(row.name, row.cells)) <= MAX_ROW_CHARS
    if by_cell and (asked.wanted == "who" or not short or fit >= MIN_HEADER_LIKENESS):
        asked_for = [(header, value)] if fit >= MIN_HEADER_LIKENESS and (header, value) not in by_cell else []
        return Told(_line(row.name, [*by_cell, *asked_for]))
    return Told(_line(row.name, row.cells))


def _describes(value: str, left: Sequence[str]) -> bool:
    """Whether the question has most of the words of a cell, of which one is more than a figure."""
    said = [stem(word) for word in words(value) if word not in STOP_WORDS]
    asked = {stem(word) for word in left}
    letters = [word for word in said if not word.isdecimal()]
    return bool(letters) and sum(word in asked for word in said) >= MIN_NAME_SHARE * len(said)


def _fit(header: str, left: Sequence[str], like: Likeness) -> float:
    """How likely (0..1) one of the words asks for the column."""
    parts = [word for word in words(header) if word not in STOP_WORDS] or [header.lower()]
    stems = {stem(word) for word in parts}
    best = 0.0
    if left and all(stem(word) in {stem(one) for one in left} for word in parts):
        return 2.0  # every word of it
    for word in left:
        if stem(word) in stems:
            best = max(best, 1.5)
        elif stems & {stem(one) for one in ATTRIBUTES.get(word, ())}:
            best = max(best, 1.0 - 0.01 * _place(word, stems))
        elif word not in STOP_WORDS:
            best = max(best, like(word, header.lower()))
    return best


def _place(word: str, stems: set[str]) -> int:
    return next((at for at, one in enumerate(ATTRIBUTES[word]) if stem(one) in stems), 0)


def _sentence(name: str, header: str, value: str, asked: Asked) -> str:
    """ "The torque of AX-200 is 27 Nm." where the question names the column as a thing, else a short line."""
    noun = re.search(rf"\b(?:the|what|which) {re.escape(header.lower())}\b", asked.said)
    if noun and not value.endswith((".", "!", "?")):
        called = header if not header[1:].islower() else header[0].lower() + header[1:]
        return f"The {called} of {name} {'are' if _plural(header) else 'is'} {value}."
    return _line(name, [(header, value)])


def _plural(header: str) -> bool:
    return header.endswith("s") and not header.endswith(("ss", "us", "is"))


def _line(name: str, cells: Sequence[tuple[str, str]]) -> str:
    return f"{name} – {'; '.join(f'{header}: {value}' for header, value in cells)}"
