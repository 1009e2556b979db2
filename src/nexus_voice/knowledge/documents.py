"""A file's bytes -> a document: plain text under headings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from ..domain.errors import BadInput
from ..domain.prose import BULLET, CODE

Kind = Literal["text", "markdown", "html"]

MAX_BYTES = 10_000_000
SUFFIXES: dict[str, Kind] = {
    ".txt": "text", ".text": "text", ".log": "text",
    ".md": "markdown", ".markdown": "markdown", ".mdown": "markdown",
    ".html": "html", ".htm": "html", ".xhtml": "html",
}  # fmt: skip
MEDIA: dict[str, Kind] = {
    "text/plain": "text", "text/markdown": "markdown", "text/x-markdown": "markdown",
    "text/html": "html", "application/xhtml+xml": "html",
}  # fmt: skip
BOMS = {  # the longer first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
WRAPPED = 50
"""A line of plain text at least this long goes on in the next one."""


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, list item, table or piece of code. `level` is 1..6 for a heading, else 0.

    `tight`: the next line of a list, which no blank line parts from the one before.
    """

    text: str
    level: int = 0
    tight: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` of the document, and the headings above it, outermost first."""

    path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """Plain text: paragraphs parted by blank lines, one line each; code indented by four spaces."""

    title: str
    text: str
    sections: tuple[Section, ...]


def read(name: str, data: bytes, type: str | None = None, *, max_bytes: int = MAX_BYTES) -> Document:
    """`type` is a media type. Raises `BadInput`: `too_large`, `unsupported_type`, `empty_document`."""
    if len(data) > max_bytes:
        raise BadInput(
            f"“{name}” has {len(data):,} bytes; at most {max_bytes:,} are taken. Split it into parts.",
            code="too_large",
            status=413,
        )
    kind = _kind(name, data, type)
    text = _decode(name, data, kind)
    title, blocks = "", list[Block]()
    match kind:
        case "html":
            title, blocks = _html(text)
        case "markdown":
            title, blocks = _markdown(text)
        case "text":
            blocks = [Block(_unwrap(part)) for part in re.split(r"\n\s*\n", text) if part.strip()]
    title = title or next((block.text for block in blocks if block.level == 1), "") or _spoken_name(name)
    document = _document(title, blocks)
    if not document.sections:
        raise BadInput(f"“{name}” holds no text.", code="empty_document", status=422)
    return document


def _kind(name: str, data: bytes, type: str | None) -> Kind:
    media = (type or "").partition(";")[0].strip().lower()
    suffix = PurePath(name).suffix.lower()
    if media in MEDIA and media != "text/plain":
        return MEDIA[media]
    if media in ("", "text/plain", "application/octet-stream"):
        if suffix in SUFFIXES:
            return SUFFIXES[suffix]
        if media == "text/plain":
            return "text"
        if not suffix:
            html = re.match(rb"\s*<(!doctype html|html)\b", data[:200], re.IGNORECASE)
            return "html" if html else "text"
    raise _unsupported(name, f"files of type {media or suffix}")


def _unsupported(name: str, what: str) -> BadInput:
    return BadInput(
        f"“{name}” was not added: {what} cannot be read. Text (.txt), Markdown (.md) and HTML (.html) can.",
        code="unsupported_type",
        status=415,
    )


def _decode(name: str, data: bytes, kind: Kind) -> str:
    encodings = ["utf-8", "cp1252", "latin-1"]
    if (
        declared := re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", data[:2048], re.I)
        if kind == "html"
        else None
    ):
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
        raise _unsupported(name, "binary data")
    return CONTROL.sub("", re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text))


def _markdown(text: str) -> tuple[str, list[Block]]:
    from markdown_it import MarkdownIt

    title = ""
    if front := re.match(r"---\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", text, re.DOTALL):
        text = text[front.end() :]
        if line := re.search(r"^title:[ \t]*(.+?)[ \t]*$", front[1], re.MULTILINE):
            title = line[1].strip("\"'")
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    return title, _html(html)[1]


def _html(text: str) -> tuple[str, list[Block]]:
    from .html import read  # Beautiful Soup takes a while to import

    return read(text)


def _unwrap(paragraph: str) -> str:
    """Join the lines of a hard-wrapped paragraph; lists, short lines and indented lines stay apart."""
    joined = ""
    last = 0
    for raw in paragraph.expandtabs(4).split("\n"):
        line = raw.rstrip()
        if joined and last >= WRAPPED and not line.startswith(CODE) and not BULLET.match(line.strip()):
            joined += " " + line.strip()
        elif line.strip():
            joined += ("\n" if joined else "") + (line if line.startswith(CODE) else line.strip())
        last = len(line)
    return joined


def _spoken_name(name: str) -> str:
    words = re.sub(r"[\s_-]+", " ", PurePath(name).stem).strip()
    return words[:1].upper() + words[1:] or "Untitled"


def _document(title: str, blocks: Iterable[Block]) -> Document:
    """Lay the blocks out as one text. A heading with nothing below it is text itself."""
    parts, length = list[str](), 0
    sections = list[Section]()
    path: list[Block] = []
    start: int | None = None  # of the open section
    heading: tuple[int, int] | None = None  # place and level of a heading that has no text yet

    def close() -> None:
        nonlocal start
        if start is not None:
            names = tuple(block.text for block in path)
            sections.append(Section(names[1:] if names[:1] == (title,) else names, start, length))
        start = None

    for block in blocks:
        if block.level:
            if heading and block.level <= heading[1]:
                start = heading[0]
            close()
        gap = "" if not parts else "\n" if block.tight and start is not None else "\n\n"
        parts += [gap, block.text]
        place = length + len(gap)
        if block.level:
            path = [*(above for above in path if above.level < block.level), block]
            heading = (place, block.level)
        else:
            start = place if start is None else start
            heading = None
        length = place + len(block.text)
    if heading:
        start = heading[0]
    close()
    return Document(title, "".join(parts), tuple(sections))
