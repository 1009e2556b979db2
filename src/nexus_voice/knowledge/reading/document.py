"""A document: plain text under headings, with its pages and what should not be cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, list item, table or piece of code. `level` is 1..6 for a heading, else 0.

    `tight`: the next line of a list, which no blank line parts from the one before. `whole`: a table or
    code. `page`: the number of the page where it begins; 0 in a type without pages.
    """

    text: str
    level: int = 0
    tight: bool = False
    whole: bool = False
    page: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` of the document, and the headings above it, outermost first."""

    path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """Plain text: paragraphs parted by blank lines, one line each; code indented by four spaces.

    `pages`: where in `text` each page begins, the first one too; empty for a type without pages.
    `whole`: (start, end) of every table and piece of code.
    """

    title: str
    text: str
    sections: tuple[Section, ...]
    pages: tuple[int, ...] = ()
    whole: tuple[tuple[int, int], ...] = ()


def lay_out(title: str, blocks: Iterable[Block], pages: int = 0) -> Document:
    """One text of all blocks. A heading with nothing below it is text itself."""
    parts, length = list[str](), 0
    sections = list[Section]()
    begins, whole = list[int](), list[tuple[int, int]]()
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
    return Document(title, "".join(parts), tuple(sections), tuple(begins), tuple(whole))
