"""Reads HTML as headings and plain blocks: what a person would see, without the markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from bs4 import BeautifulSoup
from bs4.element import CData, NavigableString, PreformattedString, Tag

from ...text.prose import CODE
from . import tables
from .document import Block, Contents, flat

INVISIBLE_TAGS = [
    "script", "style", "template", "noscript", "svg", "iframe", "nav", "button", "select", "form"
]  # fmt: skip
HIDING_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|(?:opacity|font-size)\s*:\s*(?:0++(?:\.0++)?|\.0++)[a-z%]*)\s*(?:;|!|$)",
    re.IGNORECASE,
)
"""Inline styles of text that nobody sees, where instructions to a model may be hidden."""
MAX_CELL_CHARS = 300
"""Of a cell in a table that holds other tables: longer ones are columns of a page."""
MAX_SPAN = 200
"""Rows or columns that a cell covers."""
MAX_COVERED = 100_000
"""Cells that the wide and high ones of a table cover."""
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCK_TAGS = frozenset(HEADINGS) | frozenset(
    re.findall(
        r"\w+",
        """address article aside blockquote body caption center dd details div dl dt figcaption figure footer
        header hr html li main ol p pre section summary table tbody td tfoot th thead tr ul""",
    )
)


def read(markup: str, *, guess: bool = False) -> Contents:
    """Its title is the content of the title element. With `guess`, the first row of a table may name the
    columns without being marked up as a header."""
    # With the declaration the parser would warn that this might be XML.
    soup = BeautifulSoup(re.sub(r"^\s*<\?xml[^>]*>", "", markup), "lxml")
    title = flat(soup.title.get_text()) if soup.title else ""
    for tag in [
        *soup.find_all([*INVISIBLE_TAGS, "head"]),
        *soup.find_all(hidden=True),
        *soup.find_all(style=HIDING_STYLE),
    ]:
        if not tag.decomposed:
            tag.decompose()
    for table in reversed(soup.find_all("table")):  # those within others first
        if table.find("table") is None or _holds_data(table):
            _flatten_table(soup, table, guess)
    for numbered in soup.find_all("ol"):
        start = str(numbered.get("start", ""))
        for number, item in enumerate(
            numbered.find_all("li", recursive=False), int(start) if start.isdecimal() else 1
        ):
            item["value"] = str(number)
    return Contents(title, list(_blocks(soup.find("main") or soup)))


def _blocks(root: Tag) -> Iterator[Block]:
    begun: set[int] = set()  # list items whose bullet is written
    previous = ""
    # By identity, because comparing tags compares their whole content.
    for _, group in groupby(_strings(root), key=lambda pair: id(pair[0])):
        strings = list(group)
        block, text = strings[0][0], "".join(string for _, string in strings)
        name = block.name if block is not None else ""
        if name == "pre":
            text = "\n".join(CODE + line for line in text.expandtabs(4).strip("\n").rstrip().split("\n"))
        elif name != "table":
            text = flat(text)
        if not text.strip():
            continue
        item = block if block is None or name == "li" else block.find_parent("li")
        if item is not None and id(item) not in begun and name != "pre":
            begun.add(id(item))
            yield Block(f"{_bullet(item)} {text}", tight=previous == "li")
            previous = "li"
        else:
            yield Block(text, HEADINGS.get(name, 0), whole=name in ("pre", "table"))
            previous = name


def _strings(root: Tag) -> Iterator[tuple[Tag | None, str]]:
    """Every visible piece of text with the block element that contains it."""
    for node in root.descendants:
        if isinstance(node, Tag):
            if node.name == "br":
                yield _holder(node), "\n"
            elif node.name == "img" and node.get("alt") and node.find_parent("a") is None:  # no badges
                yield _holder(node), str(node["alt"])
        elif isinstance(node, NavigableString) and (
            not isinstance(node, PreformattedString) or isinstance(node, CData)
        ):
            yield _holder(node), str(node)


def _holder(node: Tag | NavigableString) -> Tag | None:
    return next((parent for parent in node.parents if parent.name in BLOCK_TAGS), None)


def _bullet(item: Tag) -> str:
    return f"{item['value']}." if item.parent is not None and item.parent.name == "ol" else "-"


def _holds_data(table: Tag) -> bool:
    """Whether a table that holds others is one itself, and not there for the layout of a page."""
    rows = [_cells(row) for row in _own(table, "tr")]
    if len(rows) < 2 or max(map(len, rows)) < 2 or table.find(list(HEADINGS)):
        return False
    return all(len(cell.get_text()) <= MAX_CELL_CHARS for row in rows for cell in row)


def _flatten_table(soup: BeautifulSoup, table: Tag, guess: bool) -> None:
    """Replace a table by its lines. The first row names the columns if all of its cells are <th>, or, with
    `guess`, if it looks like it."""
    for inner in table.find_all("table"):
        inner.replace_with(f" ({'; '.join(inner.get_text().split(chr(10)))}) ")
    rows = [row for row in _rows(table) if any(row)]
    first = next(iter(_own(table, "tr")), None)
    headers: list[str] = []
    marked = bool(len(rows) > 1 and first is not None and first.find("th") and not first.find("td"))
    if marked or guess:
        headers, rows = tables.named(rows, marked=marked)
    lines = tables.lines(rows, headers)
    table.clear()
    table.append(soup.new_string("\n".join(lines)))


def _rows(table: Tag) -> Iterator[list[str]]:
    """A cell that covers several rows or columns is in each of them."""
    cover = dict[tuple[int, int], str]()
    left = MAX_COVERED
    for number, row in enumerate(_own(table, "tr")):
        texts = list[str]()
        for cell in _cells(row):
            while (number, len(texts)) in cover:
                texts.append(cover.pop((number, len(texts))))
            text, at = _cell(cell), len(texts)
            high, wide = _size(cell, "rowspan"), _size(cell, "colspan")
            left -= high * wide if high * wide > 1 else 0
            if left < 0:
                high = wide = 1
            for right in range(wide):
                texts.append(tables.Spread(text) if right else text)
                for down in range(1, high):
                    cover[number + down, at + right] = texts[-1]
        while (number, len(texts)) in cover:
            texts.append(cover.pop((number, len(texts))))
        yield texts


def _own(table: Tag, name: str) -> list[Tag]:
    """Its rows, not those of tables within it."""
    return [one for one in table.find_all(name) if one.find_parent("table") is table]


def _cells(row: Tag) -> list[Tag]:
    return row.find_all(["th", "td"], recursive=False)


def _size(cell: Tag, name: str) -> int:
    given = str(cell.get(name, ""))
    return min(max(int(given), 1), MAX_SPAN) if given.isdecimal() and len(given) < 6 else 1


def _cell(cell: Tag) -> str:
    paragraphs = groupby(_strings(cell), key=lambda pair: id(pair[0]))
    return flat(" ".join("".join(string for _, string in group) for _, group in paragraphs))
