"""Reads plain text and Markdown."""

from __future__ import annotations

import codecs
import re

from ...text.prose import BULLET, CODE
from .document import Block, Contents

BOMS = {  # the longer ones first, because UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
MIN_WRAPPED_LINE_CHARS = 50
"""A line of plain text that is at least so long continues in the next one."""


def decode(data: bytes) -> str | None:
    """The text, in the encoding that it seems to have, with "\\n" for every kind of line end; None if it is
    no text at all."""
    encodings = ["utf-8", "cp1252", "latin-1"]
    if declared := re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", data[:2048], re.IGNORECASE):
        encodings.insert(1, declared[1].decode())
    if bom := next((encoding for mark, encoding in BOMS.items() if data.startswith(mark)), None):
        encodings.insert(0, bom)
    for encoding in encodings:
        try:
            text = data.decode(encoding)
            break
        except (UnicodeDecodeError, LookupError):
            continue
    if len(CONTROL.findall(text)) > len(text) / 100:
        return None
    return CONTROL.sub("", re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text))


def plain(text: str) -> Contents:
    return Contents("", [Block(unwrap(part)) for part in re.split(r"\n\s*\n", text) if part.strip()])


def markdown(text: str) -> Contents:
    """Its title is the one in the front matter."""
    from markdown_it import MarkdownIt

    from . import html

    title = ""
    if front := re.match(r"---\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", text, re.DOTALL):
        text = text[front.end() :]
        if line := re.search(r"^title:(.+)$", front[1], re.MULTILINE):
            title = line[1].strip(" \t").strip("\"'")
    return Contents(
        title, html.read(MarkdownIt("commonmark", {"html": True}).enable("table").render(text)).blocks
    )


def unwrap(paragraph: str) -> str:
    """Join the lines of a hard-wrapped paragraph. List items, indented lines and what follows a short line
    stay lines of their own."""
    joined = list[str]()
    last = 0
    for raw in paragraph.expandtabs(4).split("\n"):
        line = raw.rstrip()
        if (
            joined
            and last >= MIN_WRAPPED_LINE_CHARS
            and not line.startswith(CODE)
            and not BULLET.match(line.strip())
        ):
            joined += " ", line.strip()
        elif line.strip():
            joined += "\n" if joined else "", line if line.startswith(CODE) else line.strip()
        last = len(line)
    return "".join(joined)
