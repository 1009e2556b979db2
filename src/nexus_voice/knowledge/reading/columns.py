"""Puts what stands on a page into the order in which a person reads it: column by column.

A recursive XY-cut (Nagy and Seth, "Hierarchical Representation of Optically Scanned Documents", ICPR 1984). A
page is cut where an upright strip of white separates two columns over several lines, and where something
crosses that strip. What looks like a table or like labels with their values is not cut, and columns that are
drawn one after the other already stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from operator import and_
from statistics import median, mode

from .layout import BULLET, Line, Part

MAX_PARTS = 2_000
"""Of a page that is searched for columns: others stay as they are drawn."""
MAX_CUTS = 12
"""Cuts within cuts."""
MAX_EDGES, MAX_TRIED = 8, 6
"""Places where a column may begin that are looked at, and strips of white that are looked at closely."""
EDGE_PT = 2.0
"""Lines of a column begin no farther apart than this, unless they are indented."""
MIN_GUTTERS = (3, 1.5), (4, 1.0), (6, 0.8)
"""(rows on both sides, width of the white between them in font sizes): fewer rows need more white."""
MIN_ALIGNED = 0.35
"""Share of a column's rows that begin at one place."""
ROW_RATIO = 0.4
"""Lines whose middles differ less than this part of the font's size stand in one row."""
MAX_TAIL_STEP_RATIO = 3.0
"""Where only one column goes on, a step to the next line that exceeds the usual one so many times ends it."""
MAX_RUNNING_ROWS = 2
MIN_FULL_RATIO = 0.7
"""A line that goes on in the next one fills this part of its column."""
MIN_ASIDE_RATIO = 0.6
"""Short lines beside a text are a column of their own if they are at least so many for each of its lines. The
labels in front of paragraphs are fewer."""
SENTENCE_ENDS = (*".!?:;…。！？", ".”", ".)", ".»")


@dataclass(frozen=True, slots=True)
class Row:
    """What stands side by side in one column."""

    text: str
    x0: float
    x1: float
    top: float
    foot: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Two columns from `top` down to `foot`; `x` is where the right one begins, and `rows` are those of the
    shorter one."""

    x: float
    top: float
    foot: float
    rows: int

    def side(self, part: Part) -> int:
        """0 above, 1 in the left column, 2 in the right one, 3 below."""
        middle = (part.top + part.foot) / 2
        if not self.foot <= middle <= self.top:
            return 0 if middle > self.top else 3
        return 2 if part.x0 >= self.x - EDGE_PT / 2 else 1


def columns(parts: Sequence[Part], cuts: int = 0) -> Iterator[list[Part]]:
    """The parts of a page, column by column. The lines of a column know how wide it is."""
    cut = _cut(parts) if cuts < MAX_CUTS and 6 <= len(parts) <= MAX_PARTS else None
    if cut is None:
        yield _measured(parts) if cuts else list(parts)
        return
    sides = [(cut.side(part), part) for part in parts]
    across = [side for side, _ in sides if side in (1, 2)]
    if sum(one != other for one, other in pairwise(across)) >= max(3, cut.rows):  # drawn row by row
        sides.sort(key=lambda pair: pair[0])
    for _, group in groupby(sides, key=lambda pair: pair[0]):
        yield from columns([part for _, part in group], cuts + 1)


def rows(parts: Sequence[Part], size: float) -> list[list[Part]]:
    """Parts that stand side by side, from the top down, each row from the left. `size` is the font's."""
    found = list[list[Part]]()
    middle = 0.0
    for part in sorted(parts, key=lambda part: -(part.top + part.foot)):
        place = (part.top + part.foot) / 2
        if found and middle - place <= ROW_RATIO * size:
            found[-1].append(part)
        else:
            found.append([part])
            middle = place
    return [sorted(row, key=lambda part: part.x0) if len(row) > 1 else row for row in found]


def font_size(parts: Sequence[Part]) -> float:
    return median([part.size for part in parts if isinstance(part, Line)] or [10.0])


def mid_sentence(before: str, text: str) -> bool:
    """Whether a line goes on with the sentence of the line before."""
    first = text[:1]
    return first.isalpha() and first == first.lower() and not before.endswith(SENTENCE_ENDS)


def _measured(parts: Sequence[Part]) -> list[Part]:
    width = max(part.x1 for part in parts) - min(part.x0 for part in parts)
    return [replace(part, column=width) if isinstance(part, Line) else part for part in parts]


def _cut(parts: Sequence[Part]) -> Cut | None:
    """The longest columns that the parts stand in, if there are any."""
    size = font_size(parts)
    white = MIN_GUTTERS[-1][1] * size
    order = sorted(parts, key=lambda part: -(part.top + part.foot))
    found = list[tuple[Cut, list[Row], list[Row]]]()
    for x in _edges(parts):
        left, right = list[Part](), list[Part]()
        for part in [*order, None]:
            if part is None or (part.x0 < x - EDGE_PT / 2 and part.x1 > x - white):
                if left and right and (pair := _beside(x, rows(left, size), rows(right, size), size)):
                    found.append(pair)
                left, right = [], []
            else:
                (left if part.x0 < x - EDGE_PT / 2 else right).append(part)
    found.sort(key=lambda pair: -pair[0].rows)
    return next((cut for cut, left, right in found[:MAX_TRIED] if _apart(left, right)), None)


def _edges(parts: Sequence[Part]) -> list[float]:
    """Where columns may begin: where at least three lines do and something else stands to the left."""
    groups = list[list[float]]()
    for x in sorted(part.x0 for part in parts):
        if groups and x - groups[-1][0] <= EDGE_PT:
            groups[-1].append(x)
        else:
            groups.append([x])
    groups = [group for group in groups[1:] if len(group) >= MIN_GUTTERS[0][0]]
    groups.sort(key=lambda group: -len(group))
    return [group[0] for group in groups[:MAX_EDGES]]


def _beside(
    x: float, left: list[list[Part]], right: list[list[Part]], size: float
) -> tuple[Cut, list[Row], list[Row]] | None:
    """The columns to the left and right of the strip of white that ends at `x`, with the rows of both."""
    one, other = _joined(left), _joined(right)
    top, foot = min(one[0].top, other[0].top), max(one[-1].foot, other[-1].foot)
    one, other = _without_tails(one, other, top, foot), _without_tails(other, one, top, foot)
    count = min(sum(row.top > foot and row.foot < top for row in side) for side in (one, other))
    white = x - max((row.x1 for row in one), default=x)
    if not any(count >= rows and white >= width * size for rows, width in MIN_GUTTERS):
        return None
    for side in (one, other):
        edge = mode(round(row.x0 / EDGE_PT) for row in side) * EDGE_PT
        if sum(abs(row.x0 - edge) <= EDGE_PT for row in side) < MIN_ALIGNED * len(side):
            return None
    cut = Cut(x, max(one[0].top, other[0].top), min(one[-1].foot, other[-1].foot), count)
    return cut, one, other


def _joined(found: list[list[Part]]) -> list[Row]:
    return [
        Row(
            " ".join(part.text for part in row if isinstance(part, Line)),
            row[0].x0,
            max(part.x1 for part in row),
            max(part.top for part in row),
            min(part.foot for part in row),
        )
        for row in found
    ]


def _without_tails(side: list[Row], other: list[Row], top: float, foot: float) -> list[Row]:
    """The rows of a column without those that a larger step separates, above `top` and below `foot`, or where
    the `other` column has white there too, as it has beside running heads and feet."""
    steps = [before.foot - after.foot for before, after in pairwise(side)]
    most = MAX_TAIL_STEP_RATIO * median(steps or [0.0])
    first, last = 0, len(side)
    for index, step in enumerate(steps, 1):
        if step <= most:
            continue
        low, high = side[index].top, side[index - 1].foot
        white = not any(row.foot < high and row.top > low for row in other)
        if high >= top or (white and index <= MAX_RUNNING_ROWS):
            first = index
        if low <= foot or (white and len(side) - index <= MAX_RUNNING_ROWS):
            last = min(last, index)
    return side[first:last]


def _apart(left: list[Row], right: list[Row]) -> bool:
    """Whether two columns are texts of their own, and not those of a table."""
    if all(
        [row.text.endswith(":") for row in side] == [True, *[False] * (len(side) - 1)]
        for side in (left, right)
    ):
        return True  # two addresses under their titles, for example
    one, other = _Flow.of(left), _Flow.of(right)
    if one.fair and other.fair:
        return True
    text, aside, words = (left, right, other.words) if one.strong else (right, left, one.words)
    beside = sum(row.top > aside[-1].foot and row.foot < aside[0].top for row in text)
    return (one.strong or other.strong) and words >= 1.5 and len(aside) >= MIN_ASIDE_RATIO * beside


@dataclass(frozen=True, slots=True)
class _Flow:
    """How much the rows of a column look like running text: their number, the words in each, and the shares
    that fill the column, that go on with a sentence of a full row, and that are items of a list."""

    rows: int
    words: float
    full: float
    going_on: float
    items: float

    @classmethod
    def of(cls, found: list[Row]) -> _Flow:
        count = len(found)
        edge = max(row.x1 for row in found)
        room = (1 - MIN_FULL_RATIO) * (edge - min(row.x0 for row in found))
        full = [row.x1 >= edge - room for row in found]
        going = [mid_sentence(before.text, row.text) for before, row in pairwise(found)]
        return cls(
            count,
            sum(_words(row.text) for row in found) / count,
            sum(full) / count,
            sum(map(and_, full, going)) / (count - 1),
            sum(bool(BULLET.match(row.text)) for row in found) / count,
        )

    @property
    def strong(self) -> bool:
        return self.rows >= 4 and self.words >= 3.5 and self.full >= 0.6 and self.going_on >= 0.4

    @property
    def fair(self) -> bool:
        return self.words >= 2.3 and (self.going_on >= 0.25 or self.items >= 0.4)


def _words(text: str) -> float:
    """The number of words; where none are divided by blanks, as in Chinese, two letters are one."""
    wide = sum("\u2e80" <= letter <= "\ud7ff" for letter in text)
    return len(text.split()) + wide / 2
