"""Turns the lines on the pages of a PDF into headings, paragraphs, lists and code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ...text.prose import CODE
from .document import Block
from .hyphens import run_on

HEADING_FONT_RATIO = 1.12
"""A line in a font larger than the body's by this factor is a heading."""
MAX_HEADING_CHARS = 150
PARAGRAPH_GAP_RATIO = 1.45
"""A new paragraph begins where the gap between two lines exceeds the usual gap by this factor."""
MIN_FULL_LINE_RATIO = 0.8
"""A line that fills this part of its paragraph's width continues in the next line."""
MIN_COLUMN_RATIO = 0.35
"""In a paragraph narrower than this part of the text's width, no line continues in the next one."""
MARGIN_RATIO = 0.1
"""The part of the page's height, at the top and at the bottom, where running heads and feet are."""
BULLET = re.compile(r"(?:[-–*•◦▪●■‣·]|\d{1,3}[.)]|\(?[a-z]\))\s+")
DOTS = re.compile(r"^[•◦▪●■‣·–*]\s+")
DOT_LEADER = re.compile(r"(?:\s?\.){4,}\s*")
"""The dots of a table of contents."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is printed, or a part of one between wide gaps. Coordinates are in points and grow
    upwards; `height` is the line's place on the page, from 0 at the bottom to 1 at the top. `gap` is the
    distance from the part before, 0 for the first part. `column` is the width of the column, 0 if there is
    only one. An `entry` is a field of a form with its label.
    """

    text: str
    x0: float
    x1: float
    top: float
    foot: float
    height: float
    size: float
    bold: bool
    mono: bool
    page: int
    gap: float = 0.0
    column: float = 0.0
    entry: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table in its place."""

    x0: float
    x1: float
    top: float
    foot: float
    blocks: list[Block]


Part = Line | Table
Page = Sequence[Line | Block]
Key = tuple[str, int | None]
"""(a line with "#" for its numbers, one of these numbers minus the index of the page)."""
Outline = dict[tuple[int, str], int]
"""(index of the page, title in lower case) -> level of the heading, from 1."""


def blocks(pages: Sequence[Page], outline: Outline) -> Iterator[Block]:
    """The blocks of all pages. Headings are the lines that the outline names, else short lines in a larger
    font, and if there are none of these either, bold lines that stand alone."""
    body = body_size(pages)
    running = _running(pages, body)
    kept = [_without(page, index, running, body) for index, page in enumerate(pages)]
    lines = [part for page in kept for part in page if isinstance(part, Line)]
    heads = _Heads(lines, body, outline)
    for page in kept:
        for plain, group in groupby(page, key=lambda part: isinstance(part, Line)):
            if plain:
                yield from _blocks_of([part for part in group if isinstance(part, Line)], heads)
            else:
                yield from (part for part in group if isinstance(part, Block))


class _Heads:
    """Knows which lines are headings, and of which level."""

    def __init__(self, lines: list[Line], body: float, outline: Outline) -> None:
        self._outline = {key: level for key, level in outline.items() if level <= 6}
        larger = {line.size for line in lines if line.size > body * HEADING_FONT_RATIO and _short(line)}
        self._sizes = {size: min(6, rank) for rank, size in enumerate(sorted(larger, reverse=True), 1)}
        named = any(map(self._named, lines))
        if named:  # the outline is right; other lines in a large font are titles
            self._sizes = {}
        self._bold = not named and not larger

    def _named(self, line: Line) -> int:
        text = line.text.casefold()
        bare = re.sub(r"^(?:(?:chapter|appendix|section)\s+)?[\dA-Z]{1,2}(?:\.\d+)*[.:]?\s+", "", line.text)
        return self._outline.get((line.page, text)) or self._outline.get((line.page, bare.casefold()), 0)

    def level(self, line: Line, alone: bool) -> int:
        """The level of a heading; 0 if the line is none. `alone` is True for the only line of a paragraph."""
        if not _short(line) or line.mono or line.entry:
            return 0
        level = self._named(line) or self._sizes.get(line.size, 0)
        return level or int(self._bold and alone and line.bold and not line.text.endswith(","))


def _blocks_of(lines: list[Line], heads: _Heads) -> Iterator[Block]:
    """The blocks of lines that have no table between them."""
    if not lines:
        return
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    gaps = sorted(
        gap
        for before, after in pairwise(lines)
        if before.size == after.size and 0 < (gap := before.foot - after.foot) < 3 * before.size
    )
    usual = gaps[len(gaps) // 4] if gaps else 0.0
    paragraphs = list[list[Line]]()
    for line in lines:
        if paragraphs and not _begins_paragraph(paragraphs[-1][0], paragraphs[-1][-1], line, usual):
            paragraphs[-1].append(line)
        else:
            paragraphs.append([line])
    bullet = False
    for paragraph in paragraphs:
        level = heads.level(paragraph[0], len(paragraph) == 1)
        first, page = paragraph[0], paragraph[0].page + 1
        if level and all(heads.level(line, False) for line in paragraph[1:]):
            yield Block(run_on(line.text for line in paragraph), level, page=page)
            bullet = False
        elif first.mono and all(line.mono for line in paragraph):
            yield Block("\n".join(_indented(paragraph)), whole=True, page=page)
            bullet = False
        else:
            item = first.entry or bool(BULLET.match(first.text))
            text = _joined(paragraph, first.column or right - left)
            yield Block(DOTS.sub("- ", text), tight=item and bullet, page=page)
            bullet = item


def _begins_paragraph(first: Line, before: Line, line: Line, usual: float) -> bool:
    """Whether `line` begins a new paragraph after one that goes from `first` to `before`."""
    gap = before.foot - line.foot
    if before.entry or line.entry:
        return True
    if before.mono and line.mono:
        return not 0 <= gap < 3 * line.size
    if before.mono != line.mono:
        return abs(gap) > 1
    if abs(before.size - line.size) > 0.1 * before.size or (before.bold != line.bold and not _ends(before)):
        return abs(gap) > 1
    if BULLET.match(line.text):
        return True
    if not 0 <= gap <= PARAGRAPH_GAP_RATIO * (usual or 1.3 * line.size):
        return gap > 0 or _ends(before)  # the line is higher on the page: the next column
    if BULLET.match(first.text):  # the other lines of a list item are indented
        return _ends(before) and line.x0 < first.x0 + 1
    return _ends(before) and line.x0 > before.x0 + 0.8 * line.size


def _joined(lines: list[Line], width: float) -> str:
    """The text of a paragraph. A line that is much shorter than its column is wide keeps its line end."""
    begin, end = min(line.x0 for line in lines), max(line.x1 for line in lines)
    narrow = end - begin < MIN_COLUMN_RATIO * width
    gaps = [
        "\n"
        if narrow or line.x1 - begin < MIN_FULL_LINE_RATIO * (end - begin) or DOT_LEADER.search(line.text)
        else " "
        for line in lines[:-1]
    ]
    text = run_on((line.text for line in lines), gaps)
    return DOT_LEADER.sub(" – ", text)


def _indented(lines: list[Line]) -> Iterator[str]:
    left = min(line.x0 for line in lines)
    for line in lines:
        width = (line.x1 - line.x0) / max(1, len(line.text)) if line.x1 > line.x0 else line.size / 2
        yield CODE + " " * round((line.x0 - left) / max(1.0, width)) + line.text


def _short(line: Line) -> bool:
    return len(line.text) <= MAX_HEADING_CHARS and any(map(str.isalnum, line.text)) and not _ends(line)


def _ends(line: Line) -> bool:
    return line.text.endswith((*".!:;", "…"))


def body_size(pages: Sequence[Page]) -> float:
    """The font size of most of the text."""
    sizes = Counter[float]()
    for page in pages:
        for part in page:
            if isinstance(part, Line):
                sizes[part.size] += len(part.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _running(pages: Sequence[Page], body: float) -> set[Key]:
    """The keys of running heads and feet: lines that are the same on at least three pages and on two of five,
    or that have a number which counts the pages on at least two."""
    seen = Counter[Key]()
    for index, page in enumerate(pages):
        seen.update({key for part in page for key in _keys(part, index, body)})
    often = max(3, 0.4 * len(pages))
    return {key for key, count in seen.items() if count >= (often if key[1] is None else 2)}


def _without(page: Page, index: int, running: set[Key], body: float) -> Page:
    return [part for part in page if _keys(part, index, body).isdisjoint(running)]


def _keys(part: Line | Block, index: int, body: float) -> set[Key]:
    if isinstance(part, Block) or MARGIN_RATIO < part.height < 1 - MARGIN_RATIO:
        return set()
    # A large line at the top may be a heading: "Step 1", "Step 2".
    if part.height > MARGIN_RATIO and part.size > HEADING_FONT_RATIO * body:
        return {(part.text, None)}
    text = re.sub(r"\d+", "#", part.text).casefold()
    numbers = [int(number) - index for number in re.findall(r"\d{1,5}", part.text)]
    return {(text, None), *((text, number) for number in numbers)}
