"""The lines that are printed on a PDF's page, cut at wide gaps, with their place, size and font."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from math import hypot
from statistics import median
from typing import Any, NamedTuple

from .aligned import tabled
from .columns import columns
from .document import Block, flat
from .grid import Box
from .layout import Line, Part

BOLD = re.compile(r"bold|black|heavy|semibold|demi|CMBX", re.IGNORECASE)
MONO = re.compile(r"mon[ol]|courier|consol|typewriter|CMTT|menlo|code", re.IGNORECASE)
MIN_BOLD_WEIGHT = 600
FIXED_PITCH_FLAG = 1
"""Of a font's descriptor (PDF 1.7, table 123)."""
WIDE_GAP_RATIO, WIDE_GAP_RATIO_MONO = 0.6, 1.0
"""A gap between two words, or a jump back, is wide when it exceeds the font's size by this factor. A usual
gap is 0.2 to 0.5 wide, and as wide as a letter, 0.6, between letters of one width."""
MIN_WIDE_GAP_PT = 3.0
"""Whatever the font, a wide gap is wider than that."""
HYPHEN_MARKS = re.compile("[\ufffe\x02]")
"""PDFium's marks of a hyphen at a line's end, after which it goes on with the next line."""
LINE_END = re.compile("\r\n|[\ufffe\x02]")
WORD = re.compile(r"\S+")


class Font(NamedTuple):
    """`size` is in points, rounded to halves. A `mono` font has letters of one width."""

    size: float
    bold: bool
    mono: bool


def lines(text: Any, page: int, bounds: Box) -> Iterator[Line]:
    """The lines of a PDFium text page in the order in which they are drawn. The parts of a line that a wide
    gap separates are lines of their own. `page` is the page's index, `bounds` its box."""
    shown = text.get_text_range()
    letters = _Letters(text, len(shown))
    foot, height = bounds[1], max(1.0, bounds[3] - bounds[1])
    at = 0
    for end in [*LINE_END.finditer(shown), None]:
        stop, hyphen = (end.start(), end[0] != "\r\n") if end else (len(shown), False)
        words = [found.span() for found in WORD.finditer(shown, at, stop)]
        at = end.end() if end else stop
        before = None
        for first, last in letters.parts(words):
            left, bottom, _, top = letters.box(first)
            right = letters.box(last - 1)[2]
            fonts = [letters.font(first), letters.font(last - 1)]
            if fonts[0] != fonts[1]:
                middle = WORD.search(shown, (first + last) // 2, last)
                fonts.append(letters.font(middle.start() if middle else first))
            yield Line(
                flat(shown[first:last]) + "-" * ((hyphen and last == stop) or shown[last - 1] == "\xad"),
                left, right, top, bottom, (bottom - foot) / height,
                size=median(font.size for font in fonts),
                bold=2 * sum(font.bold for font in fonts) > len(fonts),
                mono=all(font.mono for font in fonts),
                page=page,
                gap=0.0 if before is None else (left - before) or 0.01,
            )  # fmt: skip
            before = right


def in_reading_order(parts: Sequence[Part]) -> Iterator[Line | Block]:
    """The lines and tables of a page as a person reads them: column by column, with the tables that only the
    alignment of their cells shows."""
    for column in columns(parts):
        for part in _rejoined(tabled(column)):
            if isinstance(part, Line):
                yield part
            else:
                yield from part.blocks


def _rejoined(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, with one line for those that wide gaps had cut and that still follow each other."""
    last: Part | None = None
    for part in parts:
        if isinstance(last, Line) and isinstance(part, Line) and _goes_on(last, part):
            longer = last if len(last.text) >= len(part.text) else part
            text = f"{last.text} {part.text}"
            last = replace(
                last, text=text, x1=part.x1, size=longer.size, bold=longer.bold, mono=last.mono and part.mono
            )
        else:
            if last is not None:
                yield last
            last = part
    if last is not None:
        yield last


def _goes_on(line: Line, part: Line) -> bool:
    return (
        part.gap != 0 and abs(part.x0 - line.x1 - part.gap) < 0.1 and abs(line.foot - part.foot) < part.size
    )


class _Letters:
    """Where the characters of a text page stand, and in which font. They are counted as in its text, which
    has `length` of them."""

    def __init__(self, text: Any, length: int) -> None:
        from pypdfium2 import raw

        self._raw, self._text = raw, text.raw
        self._chars: Sequence[int] = range(length)
        if text.count_chars() != length:  # PDFium has left some out of the text
            find = raw.FPDFText_GetCharIndexFromTextIndex
            self._chars = [max(0, find(self._text, at)) for at in range(length)]
        self._box, self._matrix = raw.FS_RECTF(), raw.FS_MATRIX()
        self._to_box, self._to_matrix = ctypes.byref(self._box), ctypes.byref(self._matrix)
        self._name, self._flags = ctypes.create_string_buffer(128), ctypes.c_int()

    def box(self, at: int) -> Box:
        box = self._box
        self._raw.FPDFText_GetLooseCharBox(self._text, self._chars[at], self._to_box)
        return box.left, box.bottom, box.right, box.top

    def font(self, at: int) -> Font:
        raw, text, char, matrix = self._raw, self._text, self._chars[at], self._matrix
        raw.FPDFText_GetFontInfo(text, char, self._name, len(self._name), self._flags)
        scale = hypot(matrix.c, matrix.d) if raw.FPDFText_GetMatrix(text, char, self._to_matrix) else 1.0
        bold, mono = _style(self._name.value, self._flags.value)
        return Font(
            round(2 * scale * raw.FPDFText_GetFontSize(text, char)) / 2,
            bold or raw.FPDFText_GetFontWeight(text, char) >= MIN_BOLD_WEIGHT,
            mono,
        )

    def parts(self, words: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """The spans between wide gaps, of the words of a line. Most lines are drawn in one piece with blanks:
        there only several blanks together may be one."""
        if not words:
            return
        raw, text, box, to_box, chars = self._raw, self._text, self._box, self._to_box, self._chars
        get, begin = raw.FPDFText_GetLooseCharBox, chars[words[0][0]]
        pieces = raw.FPDFText_CountRects(text, begin, chars[words[-1][1] - 1] - begin + 1)
        one = pieces == 1 and not raw.FPDFText_IsGenerated(text, chars[words[0][1]] if words[1:] else begin)
        first, end = words[0]
        wide = 0.0
        for start, stop in words[1:]:
            if one and start - end == 1:
                end = stop
                continue
            get(text, chars[end - 1], to_box)
            right = box.right
            get(text, chars[start], to_box)
            if abs(box.left - right) > MIN_WIDE_GAP_PT:
                if not wide:
                    font = self.font(first)
                    wide = font.size * (WIDE_GAP_RATIO_MONO if font.mono else WIDE_GAP_RATIO)
                if abs(box.left - right) > wide:
                    yield first, end
                    first, wide = start, 0.0
            end = stop
        yield first, end


@lru_cache(512)
def _style(name: bytes, flags: int) -> tuple[bool, bool]:
    """(bold, mono) by a font's name and flags."""
    shown = name.decode(errors="replace")
    return bool(BOLD.search(shown)), bool(flags & FIXED_PITCH_FLAG) or bool(MONO.search(shown))
