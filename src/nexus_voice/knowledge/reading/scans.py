"""Reads the pages of a document that are pictures: what was scanned, photographed or faxed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from . import columns, pdf_lines
from .document import Block
from .layout import Line
from .limits import Limits

if TYPE_CHECKING:
    from PIL.Image import Image

    from .ocr import Recognised

NO_PRINT = (
    "no print that can be recognised. If there is some, scan it again, straight and with 200 dots an inch"
)
MAX_PAGE_S = 60.0
"""For one page. The rest of a page that has more to read is left out."""
SURE_SCORE = 0.85
"""The user is told of a page that is read with less confidence. Clear print has 0.95 to 0.99."""
MAX_LOST = 0.3
"""And of one of which more could not be read."""
BODY_PT = 10.0
"""The size of most print on a page, whatever it is. What is nearly as large has the same size, because the
height of a line depends on its letters."""
SAME_SIZE = (0.6, 1.5)
FONT_RATIO = 0.7
"""Of a box's height, this is the size of its font."""
MAX_NAMED_PAGES = 5
"""Pages that a warning names by their numbers."""


class Scanner:
    """Reads pictures, one for each page, within the limits. `tell` is called with the number of pictures read
    so far. `warnings` say afterwards what could not be read well."""

    def __init__(self, limits: Limits, tell: Callable[[int], None] = lambda _: None) -> None:
        self._limits, self._tell = limits, tell
        self._until: float | None = None
        self.read = set[int]()
        """The indexes of the pages whose text comes from a picture."""
        self._doubtful, self._partly, self._left_out = list[int](), list[int](), list[int]()

    def page(self, picture: Callable[[], Image], index: int, letters: int = 0) -> list[Line | Block]:
        """The lines and tables in a picture, in reading order; none if it holds hardly more than the
        `letters` that are known otherwise. `index` is the page's."""
        from . import ocr  # most documents need none of it

        now = time.monotonic()
        self._until = self._until or now + self._limits.scan_seconds
        if now >= self._until or len(self.read) >= self._limits.scans:
            self._left_out.append(index)
            return []
        found = ocr.recognise(picture(), min(now + MAX_PAGE_S, self._until))
        self.read.add(index)
        self._tell(len(self.read))
        if sum(len(line.text) for line in found.lines) <= 1.5 * letters:
            return []
        if not found.whole:
            self._partly.append(index)
        if found.score < SURE_SCORE or found.lost > MAX_LOST:
            self._doubtful.append(index)
        return list(laid_out(found, index))

    @property
    def warnings(self) -> Iterator[str]:
        if self._left_out:
            yield f"{named(self._left_out)} not read, as too many are scanned. Split the document into parts."
        if self._partly:
            yield f"{named(self._partly)} not read to the end: there is too much on it."
        if self._doubtful:
            yield f"{named(self._doubtful)} read with low confidence."


def named(indexes: Sequence[int]) -> str:
    """ "Page 3 was", "Pages 3, 5 and 7 were", "12 pages were"."""
    numbers = [str(index + 1) for index in indexes]
    if len(numbers) == 1:
        return f"Page {numbers[0]} was"
    if len(numbers) > MAX_NAMED_PAGES:
        return f"{len(numbers):,} pages were"
    return f"Pages {', '.join(numbers[:-1])} and {numbers[-1]} were"


def laid_out(found: Recognised, index: int) -> Iterator[Line | Block]:
    """The lines and tables of a page, column by column."""
    lines = list(_lines(found, index))
    parts = list[Line]()
    for row in columns.rows(lines, BODY_PT):
        before: Line | None = None
        for part in row:
            assert isinstance(part, Line)
            gap = (part.x0 - before.x1) or 0.01 if before else 0.0
            parts.append(replace(part, gap=gap))
            before = part
    yield from pdf_lines.in_reading_order(parts)


def _lines(found: Recognised, index: int) -> Iterator[Line]:
    if not found.lines:
        return
    usual = median(line.foot - line.top for line in found.lines)
    scale = BODY_PT / (FONT_RATIO * usual)
    for line in found.lines:
        ratio = (line.foot - line.top) / usual
        size = BODY_PT if SAME_SIZE[0] < ratio < SAME_SIZE[1] else round(2 * ratio * BODY_PT) / 2
        top, foot = ((found.height - place) * scale for place in (line.top, line.foot))
        height = foot / (found.height * scale)
        yield Line(line.text, line.x0 * scale, line.x1 * scale, top, foot, height, size, False, False, index)


def sized(page: Iterable[Line | Block], body: float) -> list[Line | Block]:
    """The page with print of the size that most of the document's text has."""
    return [
        replace(part, size=part.size * body / BODY_PT) if isinstance(part, Line) and body else part
        for part in page
    ]
