"""Lines of text in OpenDocument files, with the styles that hide or number them."""

from __future__ import annotations

from typing import Any

from .nodes import attribute, name_of
from .numbering import written

MAX_STYLE_CHAIN = 30
"""Styles that are based on each other."""
MAX_BLANKS = 1_000
"""That one element stands for."""
NUMBERINGS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
SKIPPED = frozenset(
    {"annotation", "annotation-end", "note-citation", "ruby-text", "tracked-changes", "hidden-paragraph"}
)
SHAPES = frozenset({"frame", "custom-shape", "g", "rect", "text-box", "object"})


class Look:
    """The styles of a document. `roots` are those of its content and of its styles."""

    def __init__(self, roots: list[Any]) -> None:
        self._styles = {
            (attribute(one, "family"), attribute(one, "name")): one
            for root in reversed(roots)
            for one in root.iter("{*}style")
        }

    def names(self, node: Any, family: str) -> set[str]:
        """The names of an element's style and of those that it is based on, in small letters."""
        return {
            attribute(style, key).replace("_20_", " ").lower()
            for style in self._chain(node, family)
            for key in ("name", "display-name", "parent-style-name")
        }

    def says(self, node: Any, family: str, property: str) -> str:
        """What the nearest style says of a property of its text, its table and so on; "" if nothing."""
        for style in self._chain(node, family):
            for properties in style.iterchildren("{*}*"):
                if found := attribute(properties, property):
                    return found
        return ""

    def _chain(self, node: Any, family: str) -> list[Any]:
        found = list[Any]()
        name = attribute(node, "style-name")
        while (style := self._styles.get((family, name))) is not None and len(found) < MAX_STYLE_CHAIN:
            found.append(style)
            name = attribute(style, "parent-style-name")
        return found


class Line:
    """The visible text of a paragraph, and the boxes and notes in it. `paged`: a page number is in it."""

    def __init__(self, look: Look) -> None:
        self._look, self._parts = look, list[str]()
        self.boxes, self.notes, self.paged = list[Any](), list[Any](), False

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def take(self, node: Any) -> None:
        self._parts.append(node.text or "")
        for child in node.iterchildren():
            if isinstance(child.tag, str):
                self._child(child)
            self._parts.append(child.tail or "")

    def _child(self, node: Any) -> None:
        match name_of(node):
            case "s":
                self._parts.append(" " * min(int(attribute(node, "c") or 1), MAX_BLANKS))
            case "tab":
                self._parts.append("\t")
            case "line-break":
                self._parts.append("\n")
            case "note":
                self.notes.append(node)
            case "page-number" | "page-count":
                self.paged = True
            case "hidden-text" if attribute(node, "is-hidden") == "true":
                pass
            case "span" if self._look.says(node, "text", "display") == "none":
                pass
            case name if name in SHAPES:
                self.boxes.append(node)
            case name if name not in SKIPPED:
                self.take(node)


class Lists:
    """The numbers of lists and headings, and how far each has counted."""

    def __init__(self, roots: list[Any]) -> None:
        self._styles = {attribute(one, "name"): one for root in roots for one in root.iter("{*}list-style")}
        self._outline = next((one for root in roots for one in root.iter("{*}outline-style")), None)
        self._counts = dict[str, dict[int, int]]()

    def begin(self, style: str) -> None:
        self._counts.pop(style, None)

    def heading(self, level: int, names: set[str]) -> str | None:
        """The number of a heading; None if it has none."""
        return None if self._outline is None else self._label(self._outline, " headings", level, "")

    def label(self, style: str, level: int, start: str) -> str | None:
        """Count an item of a list. Returns its number; "" for a bullet, None for none."""
        known = self._styles.get(style)
        return "" if known is None else self._label(known, style, level, start)

    def _label(self, style: Any, key: str, level: int, start: str) -> str | None:
        levels = {int(attribute(one, "level") or 0): one for one in style.iterchildren("{*}*")}
        own = levels.get(level)
        if own is None:
            return None
        if name_of(own) in ("list-level-style-bullet", "list-level-style-image"):
            return ""
        counts = self._counts.setdefault(key, {})
        first = int(attribute(own, "start-value") or 1)
        counts[level] = int(start) if start.isdecimal() else counts.get(level, first - 1) + 1
        for deeper in [one for one in counts if one > level]:
            del counts[deeper]
        if attribute(own, "num-format") not in NUMBERINGS:
            return None
        shown = range(max(level - int(attribute(own, "display-levels") or 1), 0) + 1, level + 1)
        numbers = [
            written(counts.get(one, 1), NUMBERINGS[attribute(levels[one], "num-format")])
            for one in shown
            if one in levels and attribute(levels[one], "num-format") in NUMBERINGS
        ]
        return f"{attribute(own, 'num-prefix')}{'.'.join(numbers)}{attribute(own, 'num-suffix')}".strip()
