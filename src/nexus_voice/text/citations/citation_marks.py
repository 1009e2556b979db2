"""Finds the marks that cite a source in an answer: [1], [1, 2], 【1】, [^1], (source 1).

Brackets with numbers are also indices, intervals, links and labels. What stands before and behind a bracket
tells which it is; in doubt it stays in the text.
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
"""The end of a text that the next token may complete to a mark."""
_OPENER = re.compile(r"[\[【(]")
_BLANKS = re.compile(r"[ \t]*")
_FIGURES = re.compile(r"([0-9]+)(?:[ ]?[–-][ ]?\^?([0-9]+))?")

_INDEXED = re.compile(
    r"(?:\b[a-zA-Z]|\b[a-zA-Z$]\w*[_$0-9]\w*|\w\([^()\n]{0,60}\)|[\]\[!\\]"
    r"|[Aa]rrays?|[Aa]rg[sv]|[Ii]tems?|[Ll]ists?|\b(?:arr|cols?|data|index|matrix|rows?|tuple|values?|vector))\Z"
)
"""What stands right before an index or the text of a link, as in `array[1]`."""
_VALUES = re.compile(
    r"\b(?:in|interval|range|is|are|lists?|arrays?|vectors?|tuples?|sets?|values?|returns?|gives?|prints?"
    r"|between)\Z",
    re.IGNORECASE,
)
"""What stands before a list of numbers that are values and no sources, as in "the interval [1, 5]"."""
_NOUN = re.compile(
    r"(?:\b(?:according to|based on|see(?: also)?|(?:described|stated|shown|explained|mentioned|given|found"
    r"|listed|written|documented|noted) (?:in|by)|passages?|sources?)|(?P<opening>(?:\A|[.!?:][ ]|\n)"
    r"(?:in|from|per)))\Z",
    re.IGNORECASE,
)
"""What stands before a mark that is a noun of its sentence: "According to [1], ..."."""
_TICKS_OR_NEWLINE = re.compile(r"`+|\n")
MAX_LOOK_BACK = 80
"""Characters before a bracket that are read to tell what it is."""
MAX_WORDS_BACK = 24
"""The same for words, such as "according to" and the end of the sentence before them."""
MAX_BLANKS = 80
"""Blanks before a mark that are taken out with it. So many at the end of a token wait for the next one."""
MAX_UNREAD = 4_096
"""Characters that `Before` collects before it reads them."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A citation. `numbers` are as written: there may be no source of that number.

    `leads`: it stands before the words that rest on the source, not behind them. `noun`: the sentence needs a
    word in its place.
    """

    numbers: tuple[int, ...]
    leads: bool = False
    noun: bool = False


class Marks:
    """Takes the marks, and the blanks before each, out of a text that is still being written.

    The beginning of what may become a mark waits for the next token: at most about 70 characters and
    `MAX_BLANKS` blanks. The time is linear in the length of the text, whatever the tokens are.
    """

    def __init__(self) -> None:
        self._before = Before()
        self._rest = ""
        self._led = False  # by a mark: blanks that begin the line go with it

    def feed(self, token: str, *, final: bool = False) -> list[str | Mark]:
        """Return the text that is certain with this token, in pieces, and the marks between them."""
        rest, self._rest = self._rest + token, ""
        done = 0  # all before it is given out
        if self._led:
            done = _after_blanks(rest, 0)
            self._led = done == len(rest)
        out: list[str | Mark] = []
        if not final and not rest[-1:].isspace() and not _OPENER.search(rest, done):
            self._give(out, rest[done:])  # a token like most
            return out
        read = at = done  # `_before` knows all before `read`
        while opener := _OPENER.search(rest, at):
            at = opener.start()
            found = _MARK.match(rest, at)
            if not final and (found.end() == len(rest) if found else _may_become_mark(rest, at)):
                break
            mark = None
            if found:
                text_end = at - _blanks_before(rest, done, at)
                self._before.add(rest[read:text_end])
                read = text_end
                mark = _read(self._before, rest[read:at], found[0], rest[found.end() : found.end() + 1])
            if not found or not mark:
                at += 1
                continue
            if read > done:
                out.append(rest[done:read])
            out.append(mark)
            at = found.end()
            if self._before.begins_line():
                at = _after_blanks(rest, at)
                self._led = at == len(rest)
            done = read = at
        else:
            at = len(rest)
        end = at if final else at - _blanks_before(rest, done, at)
        if end > done:
            out.append(rest[done:end])
            self._before.add(rest[read:end])
        self._rest = rest[end:]
        return out

    def _give(self, out: list[str | Mark], text: str) -> None:
        if text:
            self._before.add(text)
            out.append(text)


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _blanks_before(text: str, start: int, at: int) -> int:
    """How many blanks `text[start:at]` ends with; at most `MAX_BLANKS`."""
    last = text[max(start, at - MAX_BLANKS) : at]
    return len(last) - len(last.rstrip(" \t"))


class Before:
    """The text before a bracket, reduced to what tells whether the bracket is a mark.

    The text is read once and not kept.
    """

    def __init__(self) -> None:
        self._near = ""
        self._indent = ""  # the line's first characters, as many as show whether it is code
        self._first = ""  # the line's first characters that are no white space, as many as a bullet has
        self._code = 0  # backticks that opened the code we are in
        self._ticks = 0  # backticks that end the text
        self._unread: list[str] = []
        self._unread_size = 0

    def add(self, text: str) -> None:
        """The text goes on with `text`."""
        self._unread.append(text)
        self._unread_size += len(text)
        if self._unread_size > MAX_UNREAD:
            self._read()

    def near(self) -> str:
        """The last `MAX_LOOK_BACK` characters."""
        self._read()
        return self._near

    def begins_line(self) -> bool:
        """Whether nothing stands on this line, not even a blank."""
        return self.near()[-1:] in ("", "\n")

    def line_is_blank(self) -> bool:
        self._read()
        return not self._first

    def in_code(self, blanks: str = "") -> bool:
        """Whether what follows, after `blanks`, stands in Markdown code: a fenced block, a span, an
        indented line."""
        self._read()
        if (self._indent + blanks).startswith(CODE) and not BULLET.match((self._first + blanks).lstrip()):
            return True
        return _code_after(self._code, self._ticks) > 0

    def _read(self) -> None:
        text = "".join(self._unread)
        self._unread.clear()
        self._unread_size = 0
        if not text:
            return
        self._near = (self._near + text[-MAX_LOOK_BACK:])[-MAX_LOOK_BACK:]
        line = text
        if "\n" in text:
            self._indent = self._first = ""
            line = text[text.rindex("\n") + 1 :]
        if len(self._indent) < len(CODE):
            self._indent += line[: len(CODE)]
        if len(self._first) < _BULLET_CHARS:
            self._first += line[:_BULLET_CHARS] if self._first else line.lstrip()[:_BULLET_CHARS]
        self._read_ticks(text)

    def _read_ticks(self, text: str) -> None:
        at = 0
        for found in _TICKS_OR_NEWLINE.finditer(text):
            if found.start() > at:  # something stands between this run of backticks and the one before
                self._code, self._ticks = _code_after(self._code, self._ticks), 0
            at = found.end()
            if found[0] == "\n":
                self._code, self._ticks = _code_after(self._code, self._ticks), 0
                self._code = self._code if self._code > 2 else 0
            else:
                self._ticks += len(found[0])
        if at < len(text):
            self._code, self._ticks = _code_after(self._code, self._ticks), 0


_BULLET_CHARS = 6
"""Characters in which the longest bullet, "100. ", shows itself."""


def _code_after(code: int, ticks: int) -> int:
    """How many backticks opened the code after a run of `ticks`; `code` is the same before it."""
    if ticks and (code in (0, ticks) or (code > 2 and ticks >= code)):
        return 0 if code else ticks
    return code


def unmarked(text: str) -> str:
    """Remove the marks from a finished text, such as a document's own, which cite no source of an answer."""
    return "".join(part for part in Marks().feed(text, final=True) if isinstance(part, str))


def disarmed(text: str) -> str:
    """Rewrite the marks of a finished text so that they cite nothing but can still be read: [1] becomes
    (1)."""
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


def _read(before: Before, blanks: str, text: str, after: str) -> Mark | None:
    """Return the mark that `text` is, or None. It stands behind `before` and `blanks`; the character `after`
    follows it."""
    numbers = _numbers(text)
    leads = before.line_is_blank() and after not in ("", "\n")
    if text.startswith("【"):  # nobody writes these for anything else
        return Mark(numbers, leads)
    near = before.near()
    words = near[-MAX_WORDS_BACK:].rstrip(" \t")
    several = "," in text and text.startswith("[")
    if (
        after == "("
        or (after.isascii() and (after.isalnum() or after == "_"))
        or (after == ":" and before.line_is_blank())
        or 0 in numbers
        or (not blanks and not near[-1:].isspace() and _INDEXED.search(near))
        or words.endswith(("=", "∈", "∉", "≤", "≥"))
        or before.in_code(blanks)
    ):
        return None
    noun = _NOUN.search(words)
    if several and (not noun or noun["opening"]) and _VALUES.search(words):
        return None
    return Mark(numbers, leads, noun=noun is not None)


def _numbers(text: str) -> tuple[int, ...]:
    if text.startswith("【"):  # 【1†name】, 【1:0†source】: what follows the number is decoration
        text = text[:3]
    numbers: list[int] = []
    for first, last in _FIGURES.findall(text):
        low, high = int(first), int(last or first)
        numbers += range(low, high + 1) if low <= high < low + 10 else (low, high)
    return tuple(dict.fromkeys(numbers))


def valid_numbers(mark: Mark, sources: Sequence[object]) -> tuple[int, ...]:
    """Those of the mark's numbers, from 1 on, that a source has."""
    return tuple(number for number in mark.numbers if 1 <= number <= len(sources))
