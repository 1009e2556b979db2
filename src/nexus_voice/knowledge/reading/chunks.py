"""Cuts a document into chunks of 500 to 800 characters, which overlap by about 100 and cross no heading."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from ...core.chat import PageStarts
from ...text.prose import sentence_spans
from .document import Attachment, Document

READER_VERSION = 3
"""Raise it when reading or cutting improves: documents are then read again, once they are handed in or the
administrator asks for it."""
MIN_CHARS, MAX_CHARS, OVERLAP_CHARS = 500, 800, 100
MAX_OVERLAP_CHANGE = 60
"""Characters by which the overlap may grow or shrink, so that it begins with a whole sentence."""

PARAGRAPH, LINE, BLANK = re.compile(r"\n\n"), re.compile(r"\n"), re.compile(r"\s+")
NOT_BLANK = re.compile(r"\S")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `document.text[start : start + len(text)]`. `page` is the number of the page on which the
    middle of it is; None in a document without pages."""

    text: str
    path: tuple[str, ...]
    start: int
    page: int | None = None
    page_starts: PageStarts = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What is stored of a document. `type` is the media type that its content shows; `pages` is None if the
    type has no pages; `warnings` are sentences for the user about what was left out or is doubtful."""

    title: str
    type: str
    pages: int | None
    chunks: list[Chunk]
    warnings: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


def chunks(document: Document) -> list[Chunk]:
    """All chunks in reading order.

    A section that fits into a chunk is one, however short. The last chunk of a longer section may be shorter
    than 500 characters, and so may one before a table or a piece of code: these are not cut if they fit into
    one chunk.
    """
    return list(cut(document))


def cut(document: Document) -> Iterator[Chunk]:
    """The chunks one after the other, as `chunks` has them."""
    kept = [span for span in document.whole if span[1] - span[0] <= MAX_CHARS]
    for section in document.sections:
        text = document.text[section.start : section.end]
        first = bisect_left(kept, (section.start, 0))
        last = bisect_left(kept, (section.end, 0))
        whole = [(start - section.start, end - section.start) for start, end in kept[first:last]]
        for start, end in _cut(text, whole):
            if end > start:
                place = section.start + start
                page = bisect_right(document.pages, place + (end - start) // 2) or None
                starts = _page_starts(document.pages, place, section.start + end)
                yield Chunk(text[start:end], section.path, place, page, starts)


def _page_starts(pages: tuple[int, ...], start: int, end: int) -> PageStarts:
    """Where the pages begin in the document's text from `start` to `end`. Pages without text are left out."""
    first = bisect_right(pages, start)
    begins = {pages[index] - start: index + 1 for index in range(first, bisect_left(pages, end))}
    return ((0, first), *begins.items()) if begins else ()


def _cut(text: str, whole: list[Span]) -> Iterator[Span]:
    if len(text) <= MAX_CHARS:
        yield 0, len(text)
        return
    spans = sentence_spans(text)
    begins, ends = [start for start, _ in spans], [end for _, end in spans]
    start = 0
    while (rest := len(text) - start) > MAX_CHARS:
        pieces = math.ceil((rest - OVERLAP_CHARS) / (MAX_CHARS - OVERLAP_CHARS))
        even = max(
            MIN_CHARS, (rest + OVERLAP_CHARS * (pieces - 1)) // pieces
        )  # so that the last one is not tiny
        end = _end(text, start, start + even, ends)
        if span := _around(whole, end):
            end = span[1] if span[1] <= start + MAX_CHARS else start + len(text[start : span[0]].rstrip())
        yield start, end
        start = _overlap(text, end, begins)
        follows = _after(whole, end)
        if follows and follows[1] > start + MAX_CHARS and _is_blank(text, end, follows[0]):
            start = follows[0]
    yield start, len(text)


def _is_blank(text: str, start: int, end: int) -> bool:
    found = NOT_BLANK.search(text, start, end)
    return found is None


def _around(whole: list[Span], place: int) -> Span | None:
    """The table or code that would be cut at `place`."""
    index = bisect_right(whole, (place, 0)) - 1
    return whole[index] if index >= 0 and whole[index][0] < place < whole[index][1] else None


def _after(whole: list[Span], place: int) -> Span | None:
    index = bisect_left(whole, (place, 0))
    return whole[index] if index < len(whole) else None


def _end(text: str, start: int, best: int, ends: list[int]) -> int:
    """Where to end a chunk: nearest to `best`, with a paragraph, else with a line, a sentence, a word."""
    low, high = start + MIN_CHARS, start + MAX_CHARS
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
    """Where the next chunk begins: some 100 characters before `end`, with a sentence, else with a word."""
    best = end - OVERLAP_CHARS
    if fitting := _within(begins, best - MAX_OVERLAP_CHANGE, best + MAX_OVERLAP_CHANGE):
        return _nearest(fitting, best)
    words = [match.end() for match in BLANK.finditer(text, best - MAX_OVERLAP_CHANGE, best)]
    return words[-1] if words else best


def _within(places: list[int], low: int, high: int) -> list[int]:
    return places[bisect_left(places, low) : bisect_right(places, high)]


def _nearest(places: list[int], best: int) -> int:
    return min(places, key=lambda place: abs(place - best))
