"""What the styles of a Word document say of its paragraphs and words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from .nodes import attribute
from .numbering import is_on, value

MAX_STYLE_CHAIN = 30
"""Styles that are based on each other."""
HEADING = re.compile(r"heading (\d)")
CODE_STYLES = frozenset({"code", "html preformatted", "source code", "preformatted text", "plain text code"})


@dataclass(frozen=True, slots=True)
class Style:
    """`level` is that of a heading, from 1; 0 for others. `list` and `at` are the list that numbers it and
    its level there, if any. `hidden` is None where the style says nothing of it."""

    name: str = ""
    level: int = 0
    list: str = ""
    at: int | None = None
    numbered_by: str = ""
    """The style of the chain that names the list."""
    hidden: bool | None = None
    code: bool = False


class Styles:
    """`root` is the part with the styles, if there is one."""

    def __init__(self, root: Any | None) -> None:
        self._nodes = dict[str, Any]()
        self.default = ""
        if root is not None:
            for node in root.iterchildren("{*}style"):
                id = attribute(node, "styleId")
                self._nodes[id] = node
                if attribute(node, "type") == "paragraph" and attribute(node, "default") in ("1", "true"):
                    self.default = id
        self.of = cache(self._of)

    def _of(self, id: str) -> Style:
        """A style with what it has from those that it is based on."""
        chain = list[tuple[str, Any]]()
        while id in self._nodes and len(chain) < MAX_STYLE_CHAIN:
            chain.append((id, self._nodes[id]))
            id = value(self._nodes[id], "basedOn")
        level, list_id, at, by = None, None, None, ""
        hidden: bool | None = None
        names = [value(node, "name").lower() for _, node in chain]
        for own, node in chain:
            paragraph, run = node.find("{*}pPr"), node.find("{*}rPr")
            if paragraph is not None:
                if level is None and (outline := value(paragraph, "outlineLvl")).isdecimal():
                    level = int(outline) + 1
                numbers = paragraph.find("{*}numPr")
                if numbers is not None:
                    if at is None and (found := value(numbers, "ilvl")).isdecimal():
                        at = int(found)
                    if list_id is None and (found := value(numbers, "numId")):
                        list_id, by = found, own
            if run is not None and hidden is None and (vanish := run.find("{*}vanish")) is not None:
                hidden = is_on(vanish)
        for name in names:
            if name == "title":
                level = 1
            elif match := HEADING.fullmatch(name):
                level = int(match[1])
            else:
                continue
            break
        code = any(name in CODE_STYLES for name in names)
        level = level if level and level <= 9 else 0
        return Style(names[0] if names else "", min(level, 6), list_id or "", at, by, hidden, code)
