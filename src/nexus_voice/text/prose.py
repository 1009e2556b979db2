"""Splits a finished text into sentences. Answers that are still being written are split by `sentences/`.

In these texts a paragraph, a list item, a table row and a line of code are one line each, and code is
indented by four spaces.
"""

from __future__ import annotations

import re

from .sentences.sentence_ends import OTHER_STOPS, STOPS, after, follows, last_word

CODE = "    "
"""The indent of a line of code."""
BULLET = re.compile(r"(?:[-*•]|\d{1,3}[.)])\s+")

_END = re.compile(
    rf"(?<![{re.escape(STOPS)}])(?P<marks>[{re.escape(STOPS)}]++)[\"”’'»)\]]{{0,20}}(?=\s)"
    rf"|[{re.escape(OTHER_STOPS)}]+[」』）》】]{{0,20}}"
)


def is_code(line: str) -> bool:
    return line.startswith(CODE) and not line.isspace()


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every sentence and every line of code, without the blanks around them."""
    spans: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+", text):
        start = line.start()
        if not is_code(line[0]):
            for end in _END.finditer(text, line.start(), line.end()):
                if not end["marks"] or _ends(text, start, end):
                    spans.append((start, end.end()))
                    start = end.end()
        spans.append((start, line.end()))
    return [span for span in (_strip(text, *span) for span in spans) if span[0] < span[1]]


def sentences(text: str) -> list[str]:
    """Return every sentence and every line of code, in order, without the blanks around them."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _ends(text: str, start: int, end: re.Match[str]) -> bool:
    mark = end.start()
    need = after(last_word(text, start, mark), end["marks"], text[max(start, mark - 20) : mark].strip())
    return bool(follows(text, end.end(), need, final=True))


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end
