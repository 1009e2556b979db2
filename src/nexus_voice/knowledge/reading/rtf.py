"""Reads RTF files through `striprtf`, having taken out what is hidden and marked headings and tables."""

from __future__ import annotations

import re
from collections.abc import Callable

from . import tables
from .document import Block, Contents, flat
from .text import unwrap

TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'[0-9a-fA-F]{2}|\\[^a-zA-Z]"
    r"|(?P<brace>[{}])|[^\\{}]+",
    re.DOTALL,
)
STYLE = re.compile(
    r"\\s(\d+)\b[^{};]{0,300}?(?:\{[^{}]{0,300}\}[^{};]{0,300}?){0,5}\s(?:heading (\d)|(title))(?: Char)?;\}",
    re.IGNORECASE,
)
TITLE = re.compile(r"\{\\title ([^{}]*)\}")
HEADING_MARK, ABOVE_MARK, LEFT_MARK, ROW_END = "\ue001", "\ue002", "\ue003", "|"
"""Of private use: for a heading, and for a cell that belongs to the one above or to the left."""
MAX_HEAD_CHARS = 500_000
"""In which the styles are looked for."""
MAX_GROUPS = 1_000
"""Groups within each other."""


def read(data: bytes) -> Contents:
    source = _without_binary(data).decode("latin-1")
    head = source[:MAX_HEAD_CHARS].partition("\\pard")[0]
    levels = {style: int(level or 1) for style, level, _ in STYLE.findall(head)}
    title = TITLE.search(source)
    blocks = _blocks(_plain(_marked(source, levels)))
    return Contents(flat(_plain("{\\rtf1\\ansi " + title[1] + "}")) if title else "", blocks)


def _plain(source: str) -> str:
    from striprtf import striprtf

    convert: Callable[..., str] = striprtf.rtf_to_text
    return convert(source, errors="replace")


def _without_binary(data: bytes) -> bytes:
    """Without the pictures that stand in a file as bytes."""
    parts, at = list[bytes](), 0
    for match in re.finditer(rb"\\bin(\d{1,9}) ?", data):
        if match.start() >= at:
            parts.append(data[at : match.start()])
            at = match.end() + int(match[1])
    return b"".join([*parts, data[at:]])


def _marked(source: str, levels: dict[str, int]) -> str:
    """The same without hidden and deleted text. Headings begin with a mark and their level, notes stand where
    they are referred to, and a cell is one line."""
    out = list[str]()
    stack = list[tuple[bool, bool]]()  # hidden, a note
    hidden = note = False
    in_table, level, begun = False, 0, False
    merged, mark, cell = list[str](), "", 0  # of the cells of this row
    for match in TOKEN.finditer(source):
        piece, word, number, brace = match[0], match["word"], match["number"], match["brace"]
        if brace == "{":
            if len(stack) >= MAX_GROUPS:
                raise ValueError("groups without end")
            stack.append((hidden, note))
            note = False
        elif brace == "}":
            if note:
                out.append(") ")
            hidden, note = stack.pop() if stack else (False, False)
        elif word == "field":  # striprtf would look for links, which takes long in some texts
            piece = ""
        elif word in ("v", "deleted"):
            hidden = number != "0"
        elif word == "plain":
            hidden = False
        elif word == "footnote":
            if out[-1:] == ["\\*"]:
                out.pop()
            note = True
            piece = " (Footnote: "
        elif word in ("pard", "sectd"):
            in_table, level, begun = False, 0, False
        elif word == "intbl":
            in_table = True
        elif word == "s" and number in levels:
            level = levels[number]
        elif word == "outlinelevel" and number is not None and 0 <= int(number) < 9:
            level = min(int(number) + 1, 6)
        elif word in ("par", "line", "nestcell") and (in_table or note):
            piece = "\\tab "
        elif word == "nestrow":
            piece = "; "
        elif word == "trowd":
            merged, mark = [], ""
        elif word in ("clvmrg", "clmrg"):
            mark = ABOVE_MARK if word == "clvmrg" else LEFT_MARK
        elif word == "cellx":
            merged, mark = [*merged, mark], ""
        elif word == "cell":
            if cell < len(merged) and merged[cell]:
                out.append(_escaped(merged[cell]))
            cell, begun = cell + 1, False
        elif word in ("par", "row"):
            cell, begun = 0 if word == "row" else cell, False
        elif level and not (begun or hidden or brace or word or not piece.strip() or piece == "\\*"):
            out.append(f"{_escaped(HEADING_MARK)}{level}")
            begun = True
        if word or brace or not hidden:
            out.append(piece)
    return "".join(out)


def _escaped(char: str) -> str:
    return f"\\u{ord(char) - 65536}?"


def _row(cells: list[str], above: list[str]) -> list[str]:
    """A cell that covers several rows or columns is in each of them."""
    found = list[str]()
    for cell in cells:
        if ABOVE_MARK in cell:
            found.append(above[len(found)] if len(found) < len(above) else "")
        elif LEFT_MARK in cell and found:
            found.append(tables.Spread(found[-1]))
        else:
            found.append(flat(cell).rstrip("; "))
    return found


def _blocks(text: str) -> list[Block]:
    found, rows = list[Block](), list[list[str]]()
    for line in text.split("\n"):
        if line.rstrip().endswith(ROW_END):
            rows.append(_row(line.rstrip()[:-1].split(ROW_END), rows[-1] if rows else []))
            continue
        if rows:
            found += tables.blocks(rows)
            rows = []
        mark, _, rest = line.partition(HEADING_MARK)
        if rest and not flat(mark):
            found.append(Block(flat(rest[1:].replace(HEADING_MARK, "")), int(rest[0])))
        elif flat(line):
            found.append(Block(unwrap(flat(line))))
    found += tables.blocks(rows)
    return [block for block in found if block.text]
