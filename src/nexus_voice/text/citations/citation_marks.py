"""The marks in a text that say which source it rests on: [1], [1, 2], 【1】, [^1], (source 1).

Brackets with numbers are also indices, intervals, links and labels; what stands before and after tells
them apart. In doubt a bracket stays in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..prose import BULLET, CODE

_LABELS = ("source", "sources", "passage", "passages", "see")
_LABEL = r"(?:(?:sources?|passages?|see):?[ ]?)"
_NUMBERS = r"\^?[0-9]{1,2}(?:[ ]?[,;&–-][ ]?\^?[0-9]{1,2}){0,9}"
_SQUARE = rf"\[{_LABEL}?{_NUMBERS}\]"
_MARK = re.compile(
    rf"{_SQUARE}|【[0-9]{{1,2}}(?:[†:|][^】\n]{{0,40}})?】"
    rf"|\({_LABEL}?{_SQUARE}(?:[ ,;&]{{0,3}}{_SQUARE}){{0,9}}\)|\((?!see){_LABEL}{_NUMBERS}\)",
    re.IGNORECASE,
)
_BEGUN = re.compile(
    r"(?:【[^】\n]{0,42}|[\[(](?P<word>[a-z]{0,8}):?[ ]?(?:\[?(?P<second>[a-z]{0,8}):?[ ]?)?"
    r"(?:[0-9^][0-9 ,;&^\[\]–-]{0,60})?)\Z",
    re.IGNORECASE,
)
"""What may become a mark with the next token."""
_OPENER = re.compile(r"[\[【(]")
_BLANKS = re.compile(r"[ \t]+\Z")
_FIGURES = re.compile(r"([0-9]+)(?:[ ]?[–-][ ]?\^?([0-9]+))?")

_INDEXED = re.compile(
    r"(?:\b[a-zA-Z]|\b[a-zA-Z$]\w*[_$0-9]\w*|\w\([^()\n]{0,60}\)|[\]\[!\\]"
    r"|[Aa]rrays?|[Aa]rg[sv]|[Ii]tems?|[Ll]ists?|\b(?:arr|cols?|data|index|matrix|rows?|tuple|values?|vector))\Z"
)
"""What an index or a link's text is attached to, as in `array[1]`."""
_VALUE = re.compile(r"[=∈∉≤≥][ \t]*\Z")
_VALUES = re.compile(
    r"\b(?:in|interval|range|is|are|lists?|arrays?|vectors?|tuples?|sets?|values?|returns?|gives?|prints?"
    r"|between)[ \t]*\Z",
    re.IGNORECASE,
)
"""What a list of numbers follows that are values, not sources."""
_NOUN = re.compile(
    r"(?:\b(?:according to|based on|see(?: also)?|(?:described|stated|shown|explained|mentioned|given|found"
    r"|listed|written|documented|noted) (?:in|by)|passages?|sources?)|(?P<opening>(?:\A|[.!?:][ ]|\n)"
    r"(?:in|from|per)))[ \t]*\Z",
    re.IGNORECASE,
)
"""Where a mark stands for the source itself: "According to [1], ..."."""
_TICKS = re.compile(r"`+|\n")
_LOOK_BACK = 80
"""Characters before a bracket that tell what it is."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`numbers` as written, none of them checked. `leads`: it stands before what rests on them. `noun`:
    the sentence needs a word in its place."""

    numbers: tuple[int, ...]
    leads: bool = False
    noun: bool = False


class Marks:
    """Takes the marks out of a text that is still being written, with the blank before each.

    What may be the beginning of a mark waits for the next token, at most about 70 characters.
    """

    def __init__(self) -> None:
        self.text = ""
        """What was given out, without its marks."""
        self._rest = ""
        self._led = False  # by a mark: blanks that begin the line go with it

    def feed(self, token: str, *, final: bool = False) -> list[str | Mark]:
        """What is certain with this token: pieces of text, and the marks where they stood."""
        rest, self._rest = self._rest + token, ""
        if self._led:
            rest = rest.lstrip(" \t")
            self._led = not rest
        if not final and not rest[-1:].isspace() and not _OPENER.search(rest):
            self.text += rest  # a token like most
            return [rest] if rest else []
        out: list[str | Mark] = []
        done = at = 0
        while opener := _OPENER.search(rest, at):
            at = opener.start()
            found = _MARK.match(rest, at)
            if not final and (found.end() == len(rest) if found else _may_become_mark(rest, at)):
                break
            mark = found and _read(self.text + rest[done:at], found[0], rest[found.end() : found.end() + 1])
            if not found or not mark:
                at += 1
                continue
            self._give(out, rest[done:at].rstrip(" \t"))
            out.append(mark)
            done = at = found.end()
            if self.text.endswith("\n") or not self.text:
                rest = rest[:at] + rest[at:].lstrip(" \t")
                self._led = at == len(rest)
        else:
            at = len(rest)
        blanks = None if final else _BLANKS.search(rest, done, at)
        end = blanks.start() if blanks else at
        self._give(out, rest[done:end])
        self._rest = rest[end:]
        return out

    def _give(self, out: list[str | Mark], text: str) -> None:
        if text:
            self.text += text
            out.append(text)


def unmarked(text: str) -> str:
    """A whole text without its marks: a document's own numbers are no sources of an answer."""
    return "".join(part for part in Marks().feed(text, final=True) if isinstance(part, str))


def disarmed(text: str) -> str:
    """A whole text whose marks are no marks any more, but can still be read: [1] becomes (1)."""
    return "".join(map(_disarmed, Marks().feed(text, final=True)))


def _disarmed(part: str | Mark) -> str:
    if isinstance(part, str):
        return part
    numbers = f"({', '.join(map(str, part.numbers))})"
    return f"{numbers} " if part.leads else f" {numbers}"


def _may_become_mark(text: str, at: int) -> bool:
    begun = _BEGUN.match(text, at)
    return begun is not None and all(
        not word or any(label.startswith(word.lower()) for label in _LABELS)
        for word in (begun["word"], begun["second"])
    )


def _read(before: str, text: str, after: str) -> Mark | None:
    """The mark that `text` is between `before` and the character `after`, if it is one."""
    line = before.rpartition("\n")[2]
    numbers = _numbers(text)
    if text.startswith("【"):  # nobody writes these for anything else
        return Mark(numbers, leads=not line.strip() and after not in ("", "\n"))
    near = before[-_LOOK_BACK:]
    several = "," in text and text.startswith("[")
    if (
        after == "("
        or (after.isascii() and (after.isalnum() or after == "_"))
        or (after == ":" and not line.strip())
        or 0 in numbers
        or _INDEXED.search(near)
        or _VALUE.search(near)
        or in_code(before)
    ):
        return None
    noun = _NOUN.search(near)
    if several and (not noun or noun["opening"]) and _VALUES.search(near):
        return None
    return Mark(numbers, leads=not line.strip() and after not in ("", "\n"), noun=noun is not None)


def _numbers(text: str) -> tuple[int, ...]:
    if text.startswith("【"):  # 【1†name】, 【1:0†source】: what follows the number is decoration
        text = text[:3]
    numbers: list[int] = []
    for first, last in _FIGURES.findall(text):
        low, high = int(first), int(last or first)
        numbers += range(low, high + 1) if low <= high < low + 10 else (low, high)
    return tuple(dict.fromkeys(numbers))


def in_code(before: str) -> bool:
    """Whether what follows `before` stands in Markdown code: a fenced block, a span, an indented line."""
    line = before.rpartition("\n")[2]
    if line.startswith(CODE) and not BULLET.match(line.lstrip()):
        return True
    open = 0  # backticks that opened the code we are in
    for found in _TICKS.finditer(before):
        ticks = 0 if found[0] == "\n" else len(found[0])
        if ticks == 0:
            open = open if open > 2 else 0
        elif open in (0, ticks) or (open > 2 and ticks >= open):
            open = 0 if open else ticks
    return open > 0


def valid(mark: Mark, sources: Sequence[object]) -> tuple[int, ...]:
    """The mark's numbers that a source has, from 1 on."""
    return tuple(number for number in mark.numbers if 1 <= number <= len(sources))
