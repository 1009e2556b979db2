"""Reads plain text and Markdown."""

from __future__ import annotations

import re
from dataclasses import replace

from ...text.prose import BULLET, CODE
from . import encoding, tables
from .document import Block, Contents

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
DECLARATION = re.compile(
    rb"<meta[^>]+charset=[\"']?([\w-]+)|^\s*<\?xml[^>]+encoding=[\"']([\w-]+)", re.IGNORECASE
)
MIN_WRAPPED_LINE_CHARS = 50
"""A line of plain text that is at least so long continues in the next one."""


def decode(data: bytes, declared: str = "") -> encoding.Decoded | None:
    """The text, with "\\n" for every kind of line end; None if it is no text at all. `declared` is the name
    of the encoding that a header gives; HTML and XML may name it themselves."""
    if not declared and (named := DECLARATION.search(data[:2048])):
        declared = (named[1] or named[2]).decode()
    found = encoding.decode(data, declared)
    if len(CONTROL.findall(found.text)) > len(found.text) / 100:
        return None
    return replace(found, text=CONTROL.sub("", LINE_END.sub("\n", found.text)))


def doubts(found: encoding.Decoded) -> list[str]:
    """What to tell the user of the text."""
    said = list[str]()
    if found.broken:
        said.append(f"{tables.counted(found.broken, 'character')} could not be read.")
    if found.doubtful:
        said.append(
            "The encoding of the text is a guess, so that some letters may be wrong. Save it as UTF-8."
        )
    return said


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
