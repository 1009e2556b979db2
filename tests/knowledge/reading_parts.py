"""The parser of the reader's processes, but some names make it misbehave as a library might."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from nexus_voice.knowledge.reading import read
from nexus_voice.knowledge.reading.document import MAX_WARNING_CHARS, MAX_WARNINGS
from nexus_voice.knowledge.reading.read import read_as

HEAD = ["Title", "text/plain", 0, []]
WARNINGS = ["1 of 2 pages could not be read.", "The hidden sheet “Old” was left out."]
FORGED: dict[str, list[Any]] = {
    "no head": [None],
    "no beginning": [HEAD],
    "two heads": [None, HEAD, HEAD],
    "unknown type": [None, ["Title", "text/evil", 0, []]],
    "no warnings": [None, HEAD[:3]],
    "a warning of nothing": [None, [*HEAD[:3], [None]]],
    "too many warnings": [None, [*HEAD[:3], [f"Warning {number}." for number in range(MAX_WARNINGS + 1)]]],
    "a long warning": [None, [*HEAD[:3], ["x" * (MAX_WARNING_CHARS + 1)]]],
    "a warning for the terminal": [None, [*HEAD[:3], ["\x1b[2J"]]],
    "no further page": [None, 2, 2],
    "more pages than are scanned": [None, 501],
    "a page after the head": [None, HEAD, 1],
    "no passages": [None, HEAD, "text"],
    "no text": [None, HEAD, [[1, [], 0, None, []]]],
    "no path": [None, HEAD, [["text", "path", 0, None, []]]],
    "numbers as path": [None, HEAD, [["text", [1], 0, None, []]]],
    "no start": [None, HEAD, [["text", [], None, None, []]]],
    "a page as text": [None, HEAD, [["text", [], 0, "1", []]]],
    "an empty text": [None, HEAD, [["", [], 0, None, []]]],
    "before the start": [None, HEAD, [["text", [], -1, None, []]]],
    "beyond the database": [None, HEAD, [["text", [], 1 << 31, None, []]]],
    "a page beyond it": [None, HEAD, [["text", [], 0, 1 << 31, []]]],
    "a page's beginning as text": [None, HEAD, [["text", [], 0, 1, [[0, "1"]]]]],
    "a page that begins beyond the text": [None, HEAD, [["text", [], 0, 1, [[0, 1], [4, 2]]]]],
    "no page at the beginning": [None, HEAD, [["text", [], 0, 1, [[1, 1], [2, 2]]]]],
    "pages out of order": [None, HEAD, [["text", [], 0, 1, [[0, 2], [2, 1]]]]],
    "bytes of no attachment": [None, HEAD, b"x"],
    "an attachment without a name": [None, HEAD, ["attachment", "", "text/plain"]],
    "passages of an attachment": [None, HEAD, ["attachment", "a", ""], [["text", [], 0, None, []]]],
    "too many attachments": [None, HEAD, *[["attachment", "a", "text/plain"]] * 51],
    "too large an attachment": [None, HEAD, ["attachment", "a", ""], *[bytes(1_000_000)] * 51],
    "a map": [None, HEAD, [{"text": "text"}]],
}
"""What a process that a document has taken over might send, by the document's name."""


def odd(name: str, *rest: Any) -> Any:
    match name:
        case "endless":
            while True:
                pass
        case "greedy":
            hoard = []
            while True:
                hoard.append(bytearray(1_000_000))
        case "crash":
            os.abort()
    return read_as(name, *rest)


read.read_as = odd


class Parser(read.Parser):
    def read(self, items: Iterator[Any], emit: Callable[[Any], None]) -> None:
        name, type = next(items)
        if name in FORGED:
            for item in FORGED[name]:
                emit(item)
        elif name == "doubtful":
            emit(None)
            emit([*HEAD[:3], WARNINGS])
            emit([["Something.", [], 0, None, []]])
        elif name == "flood":
            emit(None)
            emit(HEAD)
            while True:
                emit([["x" * 1000, [], 0, None, []]] * 100)
        else:
            super().read(iter([[name, type], *items]), emit)
