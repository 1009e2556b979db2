"""A document: its title, and plain text under headings, with its pages and what should not be cut."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

MAX_TITLE_CHARS = 300
MAX_WARNINGS = 20
"""Of one document. What is left out then is counted in the last one."""
MAX_WARNING_CHARS = 300
PLACEHOLDER_TITLE = re.compile(
    r"\(?(?:unspecified|anonymous|untitled|unknown|none|title|no title)\)?|untitled\b.*|"
    r"(?:document|presentation|book|workbook|slide|spreadsheet) ?\d*|(?:power ?point|pptx) presentation|"
    r"(?:word|pdf) document|python-docx|microsoft (?:office )?(?:word|power ?point|excel)\b.*|"
    r".*\.(?:docx?|pdf|tex|dvi|indd|pptx?|xlsx?|odt|rtf|html?|md|txt)",
    re.IGNORECASE,
)
"""Titles that programs write and nobody has chosen."""


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, list item, table or piece of code.

    `level` is 1..6 for a heading, else 0. A `tight` block is a list item that follows the one before without
    a blank line. A `whole` block is a table or code, which should not be cut. `page` is the number of the
    page where the block begins; 0 if the type has no pages.
    """

    text: str
    level: int = 0
    tight: bool = False
    whole: bool = False
    page: int = 0


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within an e-mail. `type` is its media type."""

    name: str
    type: str
    data: bytes


@dataclass(slots=True)
class Contents:
    """What is found in a file: the title that it says it has, or "", its blocks in reading order, and the
    number of its pages; 0 if the type has none.

    `warnings` are short sentences for the user about what was left out or is doubtful, such as "3 of 40 pages
    could not be read." Some may come only while the blocks are taken.
    """

    title: str
    blocks: Iterable[Block]
    pages: int = 0
    warnings: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` of the document; `path` are the headings above it, outermost first."""

    path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """Plain text: paragraphs of one line each with blank lines between them; code is indented by four spaces.

    `pages` are the places in `text` where the pages begin, the first one included; empty if the type has no
    pages. `whole` are (start, end) of every table and piece of code. `warnings` are sentences for the user.
    """

    title: str
    text: str
    sections: tuple[Section, ...]
    pages: tuple[int, ...] = ()
    whole: tuple[tuple[int, int], ...] = ()
    warnings: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


def lay_out(title: str, blocks: Iterable[Block], pages: int = 0, warnings: Iterable[str] = ()) -> Document:
    """Put all blocks together. A heading with nothing below it becomes text."""
    parts, length = list[str](), 0
    sections = list[Section]()
    begins, whole = list[int](), list[tuple[int, int]]()
    path: list[Block] = []
    start: int | None = None  # of the open section
    heading: tuple[int, int] | None = None  # place and level of a heading with no text below it yet

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
        begins += [place] * (block.page - len(begins))
        if block.level:
            path = [*(above for above in path if above.level < block.level), block]
            heading = (place, block.level)
        else:
            start = place if start is None else start
            heading = None
        length = place + len(block.text)
        if block.whole:
            whole.append((place, length))
    if heading:
        start = heading[0]
    close()
    begins += [length] * (pages - len(begins))
    return Document(title, "".join(parts), tuple(sections), tuple(begins), tuple(whole), told(warnings))


def told(warnings: Iterable[str]) -> tuple[str, ...]:
    """The warnings, each once and in one line of printable characters, of bounded number and length."""
    lines = ("".join(one for one in flat(text) if one.isprintable()) for text in warnings)
    each = list(dict.fromkeys(line[:MAX_WARNING_CHARS] for line in lines if line))
    if len(each) > MAX_WARNINGS:
        left = len(each) - MAX_WARNINGS + 1
        each[MAX_WARNINGS - 1 :] = [f"There are {left:,} more warnings."]
    return tuple(each)


def flat(text: str) -> str:
    """The text in one line, with single blanks and without soft hyphens."""
    return " ".join(text.replace("\xad", "").split())


def in_one_line(blocks: Iterable[Block]) -> str:
    """The text of a cell; a table in it stands in brackets."""
    texts = (f"({'; '.join(one.text.split(chr(10)))})" if one.whole else one.text for one in blocks)
    return flat(" ".join(texts))


def labelled(text: str, label: str | None, level: int) -> tuple[str, bool]:
    """(a paragraph with its number, whether it is an item of a list). `label` is "" for a bullet and None for
    no number; a heading, which has a `level`, is no item."""
    listed = label is not None and not level
    return f"{label or '-'} {text}" if listed else f"{label} {text}" if label else text, listed


def first_heading(blocks: Iterable[Block]) -> str:
    return next((one.text for one in blocks if one.level), "")


def chosen_title(title: str) -> str:
    """The title that a file says it has; "" if nobody has chosen it."""
    title = flat(title)[:MAX_TITLE_CHARS]
    return "" if PLACEHOLDER_TITLE.fullmatch(title) else title


def title_of_name(file_name: str) -> str:
    words = re.sub(r"[\s_-]+", " ", PurePath(file_name).stem).strip()
    return words[:1].upper() + words[1:] or "Untitled"
