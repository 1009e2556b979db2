"""Recognises kinds of Markdown lines: as much as is needed to know where a piece to speak ends."""

from __future__ import annotations

import re

_LINE = re.compile(
    r"[ \t]*(?:(?P<fence>`{3}|~{3})|(?P<table>\|)"
    r"|(?P<item>(?:[-*+•‣◦▪]|\d{1,3}[.)]|#{1,6})[ \t]|>|[-*_]{3,}[ \t]*\n))"
)
_BEGUN = re.compile(r"[ \t\r]*(?:[-*+_#•‣◦▪]{0,6}|[-*_]{3,}[ \t]*|\d{1,3}[.)]?|`{0,2}|~{0,2})\Z")
_BLANK = re.compile(r"\n[ \t\r]*\n")
_FENCE_END = {
    fence: re.compile(rf"\n[ \t]*{fence}{{3,}}[ \t]*(?:(?=\n)|(?P<end>\Z))") for fence in ("`", "~")
}


def line_at(text: str, at: int) -> tuple[str, int]:
    """Return the kind of the line that begins at `at` ("fence", "table", "item" or ""), and where its marker
    ends."""
    line = _LINE.match(text, at)
    return (line.lastgroup or "", line.end()) if line else ("", at)


def too_short_to_tell(text: str, at: int) -> bool:
    """Whether the line that begins at `at` must go on before its kind is known."""
    return _BEGUN.match(text, at) is not None


def blank_line_follows(text: str, newline: int) -> bool:
    return _BLANK.match(text, newline) is not None


def fence_end(text: str, fence: str, at: int, limit: int, *, final: bool) -> int | None:
    """Where the code block with this fence ("`" or "~") ends; None: not in this text."""
    end = _FENCE_END[fence].search(text, at, limit)
    if end and (end["end"] is None or (final and end.end() == len(text))):
        return end.end()
    return None
