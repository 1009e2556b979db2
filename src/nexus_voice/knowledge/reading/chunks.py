"""A document -> passages of 500 to 800 characters that overlap by about 100 and never cross a heading."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from ...text.prose import sentence_spans
from .document import Document

SMALLEST, LARGEST, OVERLAP = 500, 800, 100
SLACK = 60
"""How far the overlap may grow or shrink to begin with a whole sentence."""

PARAGRAPH, LINE, BLANK = re.compile(r"\n\n"), re.compile(r"\n"), re.compile(r"\s+")
NOT_BLANK = re.compile(r"\S")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `document.text[start : start + len(text)]`. `page`: the number of the page on which its
    middle is; None in a document without pages."""

    text: str
    path: tuple[str, ...]
    start: int
    page: int | None = None


def chunks(document: Document) -> list[Chunk]:
    """Passages in reading order. A section that fits is one passage, however short; a longer one's
    last passage may be shorter than 500 characters, and so may one before a table or piece of code: what
    is whole in the document and fits into a passage is whole in one."""
    return list(cut(document))


def cut(document: Document) -> Iterator[Chunk]:
    """`chunks`, one after the other."""
    kept = [span for span in document.whole if span[1] - span[0] <= LARGEST]
    for section in document.sections:
        text = document.text[section.start : section.end]
        first = bisect_left(kept, (section.start, 0))
        last = bisect_left(kept, (section.end, 0))
        whole = [(start - section.start, end - section.start) for start, end in kept[first:last]]
        for start, end in _cut(text, whole):
            if end > start:
                place = section.start + start
                page = bisect_right(document.pages, place + (end - start) // 2) or None
                yield Chunk(text[start:end], section.path, place, page)


def _cut(text: str, whole: list[Span]) -> Iterator[Span]:
    if len(text) <= LARGEST:
        yield 0, len(text)
        return
    spans = sentence_spans(text)
    begins, ends = [start for start, _ in spans], [end for _, end in spans]
    start = 0
    while (rest := len(text) - start) > LARGEST:
        pieces = math.ceil((rest - OVERLAP) / (LARGEST - OVERLAP))
        even = max(SMALLEST, (rest + OVERLAP * (pieces - 1)) // pieces)  # so that no crumb is left
        end = _end(text, start, start + even, ends)
        if span := _around(whole, end):
            end = span[1] if span[1] <= start + LARGEST else start + len(text[start : span[0]].rstrip())
        yield start, end
        start = _overlap(text, end, begins)
        follows = _after(whole, end)
        if follows and follows[1] > start + LARGEST and _is_blank(text, end, follows[0]):
            start = follows[0]
    yield start, len(text)


def _is_blank(text: str, start: int, end: int) -> bool:
    found = NOT_BLANK.search(text, start, end)
    return found is None


def _around(whole: list[Span], place: int) -> Span | None:
    """The one that would be cut at `place`."""
    index = bisect_right(whole, (place, 0)) - 1
    return whole[index] if index >= 0 and whole[index][0] < place < whole[index][1] else None


def _after(whole: list[Span], place: int) -> Span | None:
    index = bisect_left(whole, (place, 0))
    return whole[index] if index < len(whole) else None


def _end(text: str, start: int, best: int, ends: list[int]) -> int:
    """The place nearest to `best` to stop: at a paragraph's end, else a line's, a sentence's, a word's."""
    low, high = start + SMALLEST, start + LARGEST
    for pattern in (PARAGRAPH, LINE):
        if fitting := [
            match.start() for match in pattern.finditer(text, low, high + 2) if match.start() <= high
        ]:
            return _nearest(fitting, best)
    if fitting := _within(ends, low, high):
        return _nearest(fitting, best)
    blanks = [match.start() for match in BLANK.finditer(text, low, high + 1)]
    return _nearest(blanks, best) if blanks else high


def _overlap(text: str, end: int, begins: list[int]) -> int:
    """Where the next passage begins: some 100 characters before `end`, at a sentence, else at a word."""
    best = end - OVERLAP
    if fitting := _within(begins, best - SLACK, best + SLACK):
        return _nearest(fitting, best)
    words = [match.end() for match in BLANK.finditer(text, best - SLACK, best)]
    return words[-1] if words else best


def _within(places: list[int], low: int, high: int) -> list[int]:
    return places[bisect_left(places, low) : bisect_right(places, high)]


def _nearest(places: list[int], best: int) -> int:
    return min(places, key=lambda place: abs(place - best))
