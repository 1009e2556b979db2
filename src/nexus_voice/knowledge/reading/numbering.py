"""Numbers paragraphs as Word does: levels, letters, Roman numbers, restarts ("2.2", "(b)", "iv.")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from ...text.spoken.numbers import as_roman, cardinal
from .nodes import attribute

MAX_LETTERED = 26 * 30
"""Greater numbers than this are not written in letters."""
MAX_ROMAN = 3_999
MAX_WORDED = 12
"""Greater numbers than this are not written in words."""


@dataclass(frozen=True, slots=True)
class Level:
    """`text` has "%1" for the number of the first level. `restart` is the level (from 1) after which the
    numbers begin anew; 0 for never, None for any level above. `style` is the paragraph style that has it."""

    start: int = 1
    format: str = "decimal"
    text: str = ""
    restart: int | None = None
    legal: bool = False
    style: str = ""


@dataclass(slots=True)
class _List:
    abstract: str
    levels: dict[int, Level]
    starts: dict[int, int] = field(default_factory=dict)
    """What its levels start with where it is used first."""


class Numbering:
    """The lists of a document, and how far each has counted. `root` is the part that defines them, if any."""

    def __init__(self, root: Any | None) -> None:
        self._lists = dict[str, _List]()
        self._counts = dict[str, dict[int, int]]()
        if root is not None:
            self._read(root)

    def level_of(self, list: str, style: str) -> int:
        """The level that belongs to a paragraph style; 0 if none does."""
        known = self._lists.get(list)
        return next((at for at, level in known.levels.items() if level.style == style), 0) if known else 0

    def label(self, list: str, at: int) -> str | None:
        """Count a paragraph of a list's level (from 0). Its number; "" for a bullet, None if it has none."""
        known = self._lists.get(list)
        level = known.levels.get(at) if known else None
        if known is None or level is None:
            return None
        counts = self._counts.setdefault(known.abstract, {})
        if at in known.starts:
            counts[at] = known.starts.pop(at)
        else:
            counts[at] = counts[at] + 1 if at in counts else level.start
        for deeper in [one for one in counts if one > at]:
            restart = known.levels.get(deeper, level).restart
            if restart is None or at < restart:
                del counts[deeper]
        if level.format == "bullet":
            return ""
        if level.format == "none" and "%" not in level.text.replace(f"%{at + 1}", ""):
            return None

        def number(match: re.Match[str]) -> str:
            upper = int(match[1]) - 1
            above = known.levels.get(upper, Level())
            format = "decimal" if level.legal and above.format != "none" else above.format
            return written(counts.get(upper, above.start), format)

        return re.sub(r"%([1-9])", number, level.text).strip() or None

    def _read(self, root: Any) -> None:
        abstracts = dict[str, dict[int, Level]]()
        links, linked = dict[str, str](), dict[str, str]()
        for one in root.iterchildren("{*}abstractNum"):
            id = attribute(one, "abstractNumId")
            levels = one.iterchildren("{*}lvl")
            abstracts[id] = {int(attribute(level, "ilvl") or 0): _level(level) for level in levels}
            if link := value(one, "numStyleLink"):
                links[id] = link
            if link := value(one, "styleLink"):
                linked[link] = id
        for one in root.iterchildren("{*}num"):
            abstract = value(one, "abstractNumId")
            abstract = linked.get(links.get(abstract, ""), abstract)
            found = _List(abstract, dict(abstracts.get(abstract, {})))
            for change in one.iterchildren("{*}lvlOverride"):
                at = int(attribute(change, "ilvl") or 0)
                for own in change.iterchildren("{*}lvl"):
                    found.levels[at] = _level(own)
                if (start := value(change, "startOverride")).isdecimal():
                    found.starts[at] = int(start)
                    found.levels[at] = replace(found.levels.get(at, Level()), start=int(start))
            self._lists[attribute(one, "numId")] = found


def written(number: int, format: str) -> str:
    """A number in one of Word's formats; in digits for those that are not known."""
    match format:
        case "decimalZero":
            return f"{number:02}"
        case "lowerLetter" | "upperLetter" if 0 < number <= MAX_LETTERED:
            letters = chr(96 + (number - 1) % 26 + 1) * ((number - 1) // 26 + 1)
            return letters if format == "lowerLetter" else letters.upper()
        case "lowerRoman" | "upperRoman" if 0 < number <= MAX_ROMAN:
            numeral = as_roman(number)
            return numeral.lower() if format == "lowerRoman" else numeral
        case "ordinal":
            ends = {1: "st", 2: "nd", 3: "rd"}
            return f"{number}{'th' if number % 100 in (11, 12, 13) else ends.get(number % 10, 'th')}"
        case "cardinalText" if 0 <= number <= MAX_WORDED:
            return cardinal(number).capitalize()
        case "none" | "bullet":
            return ""
    return str(number)


def _level(node: Any) -> Level:
    restart, start = value(node, "lvlRestart"), value(node, "start")
    return Level(
        int(start) if start.lstrip("-").isdecimal() else 1,
        value(node, "numFmt") or "decimal",
        value(node, "lvlText"),
        int(restart) if restart.isdecimal() else None,
        is_on(node.find("{*}isLgl")),
        value(node, "pStyle"),
    )


def value(node: Any, child: str) -> str:
    """The value of a child such as <w:start w:val="1"/>; "" if there is none."""
    found = node.find(f"{{*}}{child}")
    return "" if found is None else attribute(found, "val")


def is_on(node: Any | None) -> bool:
    """Whether a property such as <w:vanish/> is there and not switched off."""
    return node is not None and attribute(node, "val").lower() not in ("0", "false", "off")
