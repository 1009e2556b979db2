"""Cutting a long text for a voice that must not be given too much at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

ENDS = tuple(map(re.compile, (r"[.!?…][\"'”’)]*\s|[。！？]", r"[,;:—]\s|[、，；：]", r"\s")))
"""Where a text may be cut, best first: after a sentence, a clause, a word."""


def parts(text: str, longest: int) -> Iterator[str]:
    """`text` in pieces of at most `longest` characters; together they are the text."""
    while len(text) > longest:
        window = text[:longest]
        found = (max((match.end() for match in end.finditer(window)), default=0) for end in ENDS)
        cut = next(filter(None, found), longest)
        yield text[:cut]
        text = text[cut:]
    yield text
