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
    for table in soup.find_all("table"):
        if table.find("table") is None:  # a table that holds another one is for layout only
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


def _flatten_table(soup: BeautifulSoup, table: Tag, guess: bool) -> None:
    """Replace a table by its lines. The first row names the columns if all of its cells are <th>, or, with
    `guess`, if it looks like it."""
    rows = [[_cell(cell) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    rows = [row for row in rows if any(row)]
    first = table.find("tr")
    headers: list[str] = []
    marked = bool(len(rows) > 1 and first is not None and first.find("th") and not first.find("td"))
    if marked or guess:
        headers, rows = tables.named(rows, marked=marked)
    lines = tables.lines(rows, headers)
    table.clear()
    table.append(soup.new_string("\n".join(lines)))


def _cell(cell: Tag) -> str:
    paragraphs = groupby(_strings(cell), key=lambda pair: id(pair[0]))
    return flat(" ".join("".join(string for _, string in group) for _, group in paragraphs))
