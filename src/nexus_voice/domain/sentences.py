"""Cuts a stream of tokens into pieces to say, as early as the text allows and never too early."""

from __future__ import annotations

import re
from typing import Final

from .pauses import CLAUSE_MARKS, CONJUNCTION, clause_start, forced, pause, words_in
from .stops import OTHER_STOPS, STOPS, After, after, at_once, follows, last_word

SOFT, HARD, BLOCK = 250, 400, 1500
"""Characters: past `SOFT` a piece ends at any clause mark, past `HARD` at a space; code and tables,
which are shown rather than said, may reach `BLOCK`."""

_PAIRS = {
    '"': '"', "“": "”", "„": "“", "«": "»", "(": ")", "[": "]", "{": "}",
    "「": "」", "『": "』", "（": "）", "《": "》", "【": "】",
}  # fmt: skip
_CLOSERS = frozenset(_PAIRS.values())

_CHARS = re.escape(STOPS + OTHER_STOPS + CLAUSE_MARKS + "".join(_PAIRS) + "".join(_CLOSERS) + "`\n")
_MARK = re.compile(f"[{_CHARS}]")
_FIRST_MARK = re.compile(f"[{_CHARS}]|{CONJUNCTION}")
_RUN = re.compile(rf"[{re.escape(STOPS + OTHER_STOPS)}]{{1,50}}")
_TAIL = re.compile(r"(?:[\"'”’“»)\]}」』）》】*_~]|\[\d{1,3}\]){0,20}")
"""What may still belong to a sentence after its mark: closing quotes, emphasis, citations."""
_CITATION_BEGUN = re.compile(r"\[\d{0,3}\Z")

_LINE = re.compile(
    r"[ \t]*(?:(?P<fence>`{3}|~{3})|(?P<table>\|)|(?P<item>(?:[-*+•‣◦▪]|\d{1,3}[.)]|#{1,6})[ \t]|>"
    r"|[-*_]{3,}[ \t]*\n))"
)
_LINE_BEGUN = re.compile(r"[ \t\r]*(?:[-*+_#•‣◦▪]{0,6}|[-*_]{3,}[ \t]*|\d{1,3}[.)]?|`{0,2}|~{0,2})\Z")
_WORD = re.compile(r"\w")
_TICK_OR_LINE = re.compile(r"[`\n]")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_FENCE_END = {
    fence: re.compile(rf"\n[ \t]*{fence}{{3,}}[ \t]*(?:(?=\n)|(?P<end>\Z))") for fence in ("`", "~")
}

_MORE: Final = None
"""A rule's answer: more text must be seen first. 0 is no cut; any other number is where to cut."""


class Sentences:
    """One reply's splitter. The pieces, put together, are exactly what was fed.

    A piece ends right after its sentence's mark and closing quotes; white space leads the next one.
    Blank lines, list items and headings end a piece; a fenced code block or a table is one piece.
    A mark at the end of a token ends the piece at once where the words allow it, without waiting for
    the next token. Of a reply's first piece at least `first_words` words are released early at a natural
    pause (0: never early). No piece is longer than `BLOCK`, of prose not longer than `HARD` characters.

    Where every mark at the end of a token is followed by white space (as in prose), sentences are cut at
    the same places whatever the tokens are. Time is linear in the text; memory is one piece and one token.
    """

    def __init__(self, first_words: int = 4) -> None:
        self._first_words = first_words
        self._text = ""
        self._start = 0  # where the piece begins in `_text`
        self._at = 0  # all before it is decided
        self._open: list[str] = []  # what closes the open brackets and quotes
        self._ticks = 0  # backticks that opened the code span we are in
        self._line_begins = True
        self._kind = ""  # of line: "", "item", "table", "fence"
        self._fence = "`"
        self._plain = False  # within a line past the first piece: only marks matter
        self._eager = True  # letters one by one are no tokens: then wait
        self._last = 0

    def feed(self, token: str) -> list[str]:
        """The pieces that are complete with this token, often none."""
        if not token:
            return []
        self._eager = len(token) > 1 or self._last > 1
        self._last = len(token)
        begun = len(self._text)
        self._text += token
        if self._plain and self._at == begun and len(self._text) <= HARD and not _MARK.search(token):
            self._at += len(token)  # a word like most
            return []
        return self._release(final=False)

    def close(self) -> list[str]:
        """The rest, when the stream has ended."""
        pieces = self._release(final=True)
        if self._text:
            pieces.append(self._text)
        self._text, self._at = "", 0
        return pieces

    def _release(self, *, final: bool) -> list[str]:
        pieces = []
        while (cut := self._next_cut(final)) is not None:
            piece = self._text[self._start : cut]
            pieces.append(piece)
            if not piece.isspace():
                self._first_words = 0
            self._start = cut
            self._at = max(self._at, cut)
            self._open.clear()
            self._ticks = 0
        self._text = self._text[self._start :]
        self._at -= self._start
        self._start = 0
        self._plain = not (self._first_words or self._line_begins or self._kind == "fence")
        return pieces

    def _next_cut(self, final: bool) -> int | None:
        while True:
            block = self._kind in ("table", "fence")
            limit = self._start + (BLOCK if block else HARD)
            at = self._at
            if self._line_begins:
                cut = self._begin_line(final)
            elif self._kind == "fence":
                cut = self._in_fence(limit, final)
            else:
                marks = _FIRST_MARK if self._first_words and not block else _MARK
                mark = marks.search(self._text, at, limit + 1)
                if mark is None:
                    self._at = min(len(self._text), limit + 1)
                    cut = _MORE
                else:
                    self._at = mark.start()
                    cut = self._decide(mark.start(), final)
                    if cut == 0 and self._at == mark.start():
                        self._at += 1
            if cut:
                return cut
            if cut is _MORE or self._at > limit:
                if len(self._text) <= limit:
                    return None
                cut = forced(self._text, self._start, limit, lines=block)
                if not block:
                    self._at = cut
                return cut

    def _decide(self, mark: int, final: bool) -> int | None:
        """Where to cut because of the mark; it may move `_at` past what it has read."""
        char = self._text[mark]
        if char == "\n":
            return self._newline(mark, final)
        if self._kind == "table":
            return 0
        if char == "`":
            return self._backticks(mark, final)
        if self._ticks and mark - self._start < SOFT:
            return 0
        if char in STOPS or char in OTHER_STOPS:
            return self._stop(mark, final)
        if char in CLAUSE_MARKS:
            return self._pause(mark, final)
        if char == " ":
            return self._conjunction(mark, final)
        self._bracket(char, mark)
        return 0

    # --- sentences and clauses

    def _stop(self, mark: int, final: bool) -> int | None:
        text, start = self._text, self._start
        marks = _RUN.match(text, mark)
        assert marks is not None
        end = marks.end()
        tail = _TAIL.match(text, end)
        cut = tail.end() if tail else end
        nested = mark - start < SOFT and self._still_open(text[end:cut])
        wordless = not _WORD.search(text, start, mark)
        other = text[mark] in OTHER_STOPS
        word = last_word(text, start, mark)
        need = after(word, marks[0], text[start:mark].rpartition("\n")[2])
        if cut == len(text) and not final:
            bare = cut == end and self._eager and not self._open and not wordless
            sure = other or (need is After.ANYTHING and at_once(text, start, mark, word))
            return cut if bare and sure else _MORE
        self._at = end
        if nested or wordless or cut == len(text):
            return 0
        follower = text[cut]
        if not follower.isspace():
            if _CITATION_BEGUN.match(text, cut) and not final:
                self._at = mark
                return _MORE
            unspaced = follower.isalpha() and follower.lower() == follower.upper()  # CJK and its like
            if other:
                return cut if cut == end or follower in _PAIRS else 0
            return cut if unspaced and cut == end and text[mark] in "!?" else 0
        if other:
            need = After.ANYTHING
        elif cut > end and need is After.ANYTHING:
            need = After.CAPITAL  # "Really?" he asked.
        yes = follows(text, cut, need, final=final)
        if yes is None:
            self._at = mark
            return _MORE
        return cut if yes else 0

    def _pause(self, mark: int, final: bool) -> int | None:
        long = mark - self._start >= SOFT
        early = self._first_words and not self._open and not self._ticks
        if not long and (not early or words_in(self._text[self._start : mark]) < self._first_words):
            return 0
        cut = pause(self._text, self._start, mark, eager=self._eager)
        return 0 if cut is _MORE and final else cut

    def _conjunction(self, space: int, final: bool) -> int | None:
        text, start = self._text, self._start
        if self._open or words_in(text[start:space]) < self._first_words + 2:
            return 0
        cut = clause_start(text, start, space)
        return 0 if cut is _MORE and final else cut

    # --- quotes, brackets, code spans

    def _bracket(self, char: str, mark: int) -> None:
        before = self._text[mark - 1 : mark] if mark > self._start else ""
        if char in self._open:
            del self._open[self._open.index(char) :]
        elif char in _PAIRS and not (char == '"' and before.isdigit()) and before not in (":", ";"):
            self._open.append(_PAIRS[char])  # but 5" is a length, and :( a face

    def _still_open(self, closers: str) -> bool:
        left = list(self._open)
        for char in closers:
            if char in left:
                del left[left.index(char) :]
        return bool(left)

    def _backticks(self, mark: int, final: bool) -> int | None:
        end = mark
        while self._text.startswith("`", end):
            end += 1
        if end == len(self._text) and not final:
            return _MORE
        if self._ticks == 0 and end - mark > 2:
            close = _TICK_OR_LINE.search(self._text, end)
            if close is None and not final:
                return _MORE
            if close and close[0] == "\n":  # a fence that begins within a line
                self._kind, self._fence, self._at = "fence", "`", end
                return mark if self._text[self._start : mark].strip() else 0
        self._at = end
        if self._ticks == 0:
            self._ticks = end - mark
        elif self._ticks == end - mark:
            self._ticks = 0
        return 0

    # --- lines

    def _newline(self, mark: int, final: bool) -> int | None:
        text = self._text
        here = mark - (text[mark - 1 : mark] == "\r") if text[self._start : mark].strip() else 0
        if self._kind == "item" or _BLANK_LINE.match(text, mark):
            cut = here
        else:
            if not final and _LINE_BEGUN.match(text, mark + 1):
                return _MORE
            line = _LINE.match(text, mark + 1)
            same = self._kind == "table" and line is not None and line.lastgroup == "table"
            cut = here if not same and (line or self._kind) else 0
        self._at = mark + 1
        self._line_begins = True
        return cut

    def _begin_line(self, final: bool) -> int | None:
        """Learn what kind of line begins at `_at`."""
        text = self._text
        if not final and _LINE_BEGUN.match(text, self._at):
            return _MORE
        line = _LINE.match(text, self._at)
        self._kind = (line.lastgroup or "") if line else ""
        self._line_begins = False
        if line and self._kind == "fence":
            self._fence = line["fence"][0]
            self._at = line.end()
        return 0

    def _in_fence(self, limit: int, final: bool) -> int | None:
        end = _FENCE_END[self._fence].search(self._text, self._at, limit + 1)
        if end and (end["end"] is None or (final and end.end() == len(self._text))):
            self._at, self._kind = end.end(), ""
            return end.end()
        self._at = max(self._at, self._text.rfind("\n", self._at, limit + 1))
        return _MORE
