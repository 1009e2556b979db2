"""Splits a stream of tokens into pieces to speak, each as early as its text allows."""

from __future__ import annotations

import re
from typing import Final

from .markdown_lines import blank_line_follows, fence_end, line_at, too_short_to_tell
from .sentence_ends import (
    CLAUSE_MARKS,
    CONJUNCTION,
    OTHER_STOPS,
    STOPS,
    After,
    after,
    conjunction_cut,
    count_words,
    ends_without_lookahead,
    follows,
    forced_cut,
    last_word,
    pause_cut,
)

PAIRS = {
    '"': '"', "“": "”", "„": "“", "«": "»", "(": ")", "[": "]", "{": "}",
    "「": "」", "『": "』", "（": "）", "《": "》", "【": "】",
}  # fmt: skip
CLOSERS = frozenset(PAIRS.values())

SOFT_MAX_CHARS, MAX_PROSE_CHARS, MAX_BLOCK_CHARS = 250, 400, 1500
"""Past `SOFT_MAX_CHARS` a piece ends at any clause mark, past `MAX_PROSE_CHARS` at a space. Code and tables,
which are shown rather than said, may have `MAX_BLOCK_CHARS`."""

COLON_WORDS = 2
"""Words after which a colon ends the first piece of a reply."""

_CHARS = re.escape(STOPS + OTHER_STOPS + CLAUSE_MARKS + "".join(PAIRS) + "".join(CLOSERS) + "`\n")
_MARK = re.compile(f"[{_CHARS}]")
_FIRST_MARK = re.compile(f"[{_CHARS}]|{CONJUNCTION}")
_STOP_RUN = re.compile(rf"[{re.escape(STOPS + OTHER_STOPS)}]{{1,50}}")
_TAIL = re.compile(r"(?:[\"'”’“»)\]}」』）》】*_~]|\[\d{1,3}\]){0,20}")
"""What still belongs to a sentence behind its full stop: closing quotes, emphasis, citations."""
_CITATION_BEGUN = re.compile(r"\[\d{0,3}\Z")
_LETTER = re.compile(r"\w")
_TICKS = re.compile(rf"`{{1,{MAX_BLOCK_CHARS}}}")
_TICK_OR_LINE = re.compile(r"[`\n]")

_NEED_MORE: Final = None
"""Result of a rule that cannot decide before it sees more text. 0 means no cut, any other number where to
cut."""


class Sentences:
    """Splits one reply. The pieces, put together, are exactly what was fed.

    A piece ends behind its sentence's full stop and closing quotes; the white space that follows begins the
    next piece. Blank lines, list items and headings end a piece; a fenced code block or a table is one piece.
    A full stop at the end of a token ends the piece without waiting for the next token, where the words allow
    it. The first piece of a reply ends at a natural pause once it has `first_words` words (0: not before its
    sentence ends), or at a colon after two; then the next one may end as early. With `breaths`, which suit a
    slow writer, a long clause may end it before a phrase.

    If every full stop at the end of a token is followed by white space, as in prose, the cuts do not depend
    on the tokens. The time is linear in the length of the text; the memory holds one piece and one token.
    """

    def __init__(self, first_words: int = 4, *, breaths: bool = True) -> None:
        self._first_words = first_words
        self.breaths = breaths
        self._text = ""
        self._start = 0  # of the piece, in `_text`
        self._at = 0  # everything before it is decided
        self._open = Nesting()
        self._ticks = 0  # backticks that opened the code span we are in
        self._line_begins = True
        self._kind = ""  # of the line: "", "item", "table", "fence"
        self._fence = "`"
        self._plain = False  # inside a line, past the first piece: only marks matter
        self._eager = True  # decide at the end of a token; False when single characters are fed
        self._last = 0  # length of the token before

    def feed(self, token: str) -> list[str]:
        """Return the pieces that this token completes, often none."""
        if not token:
            return []
        self._eager = len(token) > 1 or self._last > 1
        self._last = len(token)
        begun = len(self._text)
        self._text += token
        if (
            self._plain
            and self._at == begun
            and len(self._text) <= MAX_PROSE_CHARS
            and not _MARK.search(token)
        ):
            self._at += len(token)  # a word like most
            return []
        return self._release(final=False)

    def close(self) -> list[str]:
        """Return the rest, when the stream has ended."""
        pieces = self._release(final=True)
        if self._text:
            pieces.append(self._text)
        self._text, self._at = "", 0
        return pieces

    def _release(self, *, final: bool) -> list[str]:
        pieces = []
        while (cut := self._next_cut(final)) is not _NEED_MORE:
            piece = self._text[self._start : cut]
            pieces.append(piece)
            if not piece.isspace() and not self._introduces(piece):
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
            limit = self._start + (MAX_BLOCK_CHARS if block else MAX_PROSE_CHARS)
            cut = self._step(limit, final)
            if cut:
                return cut
            if cut is _NEED_MORE or self._at > limit:
                if len(self._text) <= limit:
                    return _NEED_MORE
                cut = forced_cut(self._text, self._start, limit, lines=block)
                if not block:
                    self._at = cut
                return cut

    def _step(self, limit: int, final: bool) -> int | None:
        """Read on to the next mark and decide whether to cut there."""
        if self._line_begins:
            return self._begin_line(final)
        if self._kind == "fence":
            return self._in_fence(limit, final)
        marks = _FIRST_MARK if self._first_words and self._kind != "table" else _MARK
        found = marks.search(self._text, self._at, limit + 1)
        if found is None:
            self._at = min(len(self._text), limit + 1)
            return _NEED_MORE
        mark = self._at = found.start()
        cut = self._decide(mark, final)
        if cut == 0 and self._at == mark:
            self._at += 1
        return cut

    def _decide(self, mark: int, final: bool) -> int | None:
        """Where to cut because of the mark. May move `_at` past what it has read."""
        char = self._text[mark]
        if char == "\n":
            return self._newline(mark, final)
        if self._kind == "table":
            return 0
        if char == "`":
            return self._backticks(mark, final)
        if self._ticks and mark - self._start < SOFT_MAX_CHARS:
            return 0
        if char in STOPS or char in OTHER_STOPS:
            return self._stop(mark, final)
        if char in CLAUSE_MARKS:
            return self._pause(mark, final)
        if char == " ":
            return self._conjunction(mark, final)
        self._open.meet(char, self._text[mark - 1 : mark] if mark > self._start else "")
        return 0

    def _stop(self, mark: int, final: bool) -> int | None:
        run = _STOP_RUN.match(self._text, mark)
        end = run.end() if run else mark + 1
        cut = self._sentence_end(mark, end, final)
        if cut == 0:
            self._at = end
        return cut

    def _sentence_end(self, mark: int, end: int, final: bool) -> int | None:
        text, start = self._text, self._start
        tail = _TAIL.match(text, end)
        cut = tail.end() if tail else end
        nested = mark - start < SOFT_MAX_CHARS and self._open.open_after(text[end:cut])
        wordless = not _LETTER.search(text, start, mark)
        other = text[mark] in OTHER_STOPS
        word = last_word(text, start, mark)
        need = after(word, text[mark:end], text[start:mark].rpartition("\n")[2])
        if cut == len(text) and not final:
            bare = cut == end and self._eager and not self._open and not wordless
            sure = other or (need is After.ANYTHING and ends_without_lookahead(text, start, mark, word))
            return cut if bare and sure else _NEED_MORE
        if nested or wordless or cut == len(text):
            return 0
        follower = text[cut]
        if follower.isspace():
            if other:
                need = After.ANYTHING
            elif cut > end and need is After.ANYTHING:
                need = After.CAPITAL  # "Really?" he asked.
            yes = follows(text, cut, need, final=final)
            return _NEED_MORE if yes is None else cut if yes else 0
        if _CITATION_BEGUN.match(text, cut) and not final:
            return _NEED_MORE
        if other:
            return cut if cut == end or follower in PAIRS else 0
        caseless = follower.isalpha() and follower.lower() == follower.upper()  # CJK and its like
        return cut if caseless and cut == end and text[mark] in "!?" else 0

    def _pause(self, mark: int, final: bool) -> int | None:
        if mark - self._start < SOFT_MAX_CHARS:
            early = self._first_words and not self._open and not self._ticks
            enough = COLON_WORDS if self._text[mark] == ":" else self._first_words
            if not early or count_words(self._text[self._start : mark]) < min(enough, self._first_words):
                return 0
        cut = pause_cut(self._text, self._start, mark, eager=self._eager)
        return 0 if cut is _NEED_MORE and final else cut

    def _introduces(self, piece: str) -> bool:
        """Whether the piece is only the few words before a colon: "From the handbook:"."""
        return piece.rstrip().endswith(":") and count_words(piece) < self._first_words

    def _conjunction(self, space: int, final: bool) -> int | None:
        text, start = self._text, self._start
        if self._open or count_words(text[start:space]) < self._first_words + 2:
            return 0
        cut = conjunction_cut(text, start, space, breaths=self.breaths)
        return 0 if cut is _NEED_MORE and final else cut

    def _backticks(self, mark: int, final: bool) -> int | None:
        text = self._text
        run = _TICKS.match(text, mark)
        end = run.end() if run else mark + 1
        if end == len(text) and not final:
            return _NEED_MORE
        if self._ticks == 0 and end - mark > 2:
            close = _TICK_OR_LINE.search(text, end)
            if close is None and not final:
                return _NEED_MORE
            if close and close[0] == "\n":  # a fence that begins within a line
                self._kind, self._fence, self._at = "fence", "`", end
                return self._unless_blank(mark)
        self._at = end
        if self._ticks in (0, end - mark):
            self._ticks = 0 if self._ticks else end - mark
        return 0

    def _newline(self, mark: int, final: bool) -> int | None:
        text = self._text
        ends = self._kind == "item" or blank_line_follows(text, mark)
        if not ends:
            if not final and too_short_to_tell(text, mark + 1):
                return _NEED_MORE
            kind, _ = line_at(text, mark + 1)
            ends = kind != self._kind or kind in ("item", "fence")
        self._at = mark + 1
        self._line_begins = True
        return self._unless_blank(mark - (text[mark - 1 : mark] == "\r")) if ends else 0

    def _unless_blank(self, cut: int) -> int:
        return cut if self._text[self._start : cut].strip() else 0

    def _begin_line(self, final: bool) -> int | None:
        if not final and too_short_to_tell(self._text, self._at):
            return _NEED_MORE
        self._kind, end = line_at(self._text, self._at)
        self._line_begins = False
        if self._kind == "fence":
            self._fence, self._at = self._text[end - 1], end
        return 0

    def _in_fence(self, limit: int, final: bool) -> int | None:
        end = fence_end(self._text, self._fence, self._at, limit + 1, final=final)
        if end is None:
            self._at = max(self._at, self._text.rfind("\n", self._at, limit + 1))
            return _NEED_MORE
        self._at, self._kind = end, ""
        return end


class Nesting:
    """Tracks which quotes and brackets are open."""

    def __init__(self) -> None:
        self._open: list[str] = []  # the closing character of each

    def __bool__(self) -> bool:
        return bool(self._open)

    def clear(self) -> None:
        self._open.clear()

    def meet(self, char: str, before: str) -> None:
        """Read `char`, one of `PAIRS` or `CLOSERS`, which follows the character `before`."""
        if char in self._open:
            del self._open[self._open.index(char) :]
        elif char in PAIRS and not (char == '"' and before.isdigit()) and before not in (":", ";"):
            self._open.append(PAIRS[char])  # not for 5" (a length) and :( (a face)

    def open_after(self, closers: str) -> bool:
        """Whether anything would still be open after `closers`."""
        left = list(self._open)
        for char in closers:
            if char in left:
                del left[left.index(char) :]
        return bool(left)
