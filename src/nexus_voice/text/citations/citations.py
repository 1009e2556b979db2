"""Tells which sentence of an answer rests on which sources, while the answer is still being written."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...core.chat import Passage
from ..sentences.sentence_ends import OTHER_STOPS, STOPS
from ..sentences.splitter import Sentences
from ..words import terms, words
from .citation_marks import Mark, Marks, valid_numbers
from .pages import holding

MIN_WORD_SHARE = 0.75
"""Share of a sentence's words that a passage must have to be its source, when the writer did not mark it.
Measured on English: sentences that retell a passage in other words have 0.80 and more, other sentences on
the same subject 0.60 and less."""
MIN_WORDS = 4
"""A sentence with fewer words, those of grammar not counted, is too short to tell its source."""
MAX_TITLE_CHARS = 80
"""Characters of a title that takes the place of a mark in a sentence."""

_DENIALS = frozenset(
    words("not no never none neither nor without cannot can't don't doesn't didn't isn't won't")
)
_ENDED = re.compile(rf"[{re.escape(STOPS + OTHER_STOPS)}:][\"'”’»)\]*_`]{{0,9}}\Z")
_MAX_ENDING = 10
"""Characters that `_ENDED` matches at most."""
_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Statement:
    """A piece of an answer, as it is shown and spoken, and the sources it rests on: numbers from 1 on."""

    text: str
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of one token: `text` to show, without marks, and the statements that it completed."""

    text: str
    statements: list[Statement]


class _Found(NamedTuple):
    """A mark's valid numbers and its place in the answer; `order` counts the marks."""

    order: int
    at: int
    numbers: tuple[int, ...]


class Citations:
    """Takes the marks out of an answer as it is written, and assigns their sources to its statements.

    All `text`s joined are the answer, and so are the texts of all statements. A number that no passage has is
    dropped. A sentence without a mark is assigned the passage that has its words, if there is one.

    The sources are not the passages themselves, but what these say on each of their pages: each statement is
    given the source on whose page it stands.

    A statement is complete when its sentence ends. One without a mark before its full stop waits for one more
    token, since some writers put the mark behind it.
    """

    def __init__(self, passages: Sequence[Passage] = ()) -> None:
        self._marks = Marks()
        self._sentences = Sentences()
        self._waiting: deque[tuple[str, int]] = deque()  # pieces, and where each ends in the answer
        self._behind: deque[_Found] = deque()  # marks after the words they support
        self._ahead: deque[_Found] = deque()  # marks before or inside the words they support
        self._marks_found = 0
        self._released = 0  # where the last piece that was cut ends
        self._began = 0  # where the sentence begins that has not ended
        self._words_end = 0  # where the last word or mark of punctuation so far ends
        self._length = 0
        self._sentence: list[str] = []  # the pieces of a sentence that has not ended
        self._marked = False  # whether one of them was marked
        self._closed = False
        self.use(passages)

    def use(self, passages: Sequence[Passage], *, quoted: bool = False) -> None:
        """Set the passages that the numbers stand for. Call it before the first token.

        What is `quoted` from them is written at once, so that no clause must be cut for a first sound.
        """
        self._sentences.breaths = not quoted
        self._passages = passages
        self._pages = [passage.by_page() for passage in passages]
        self._evidence: list[Evidence] | None = None

    @property
    def sources(self) -> tuple[Passage, ...]:
        """What the numbers of the statements stand for: the passages, page by page."""
        return tuple(page for pages in self._pages for page in pages)

    def feed(self, token: str) -> Written:
        return Written(self._take(self._marks.feed(token)), list(self._ready()))

    def pause(self) -> Written:
        """Release what waits for a mark, when the writer does something else before it goes on."""
        return Written(self._take(self._marks.feed("", final=True)), list(self._ready(paused=True)))

    def close(self) -> Written:
        """Release the rest, when the answer has ended."""
        text = self._take(self._marks.feed("", final=True))
        self._cut(self._sentences.close())
        self._closed = True
        return Written(text, list(self._ready(paused=True)))

    def _take(self, parts: Iterable[str | Mark]) -> str:
        shown: list[str] = []
        for part in parts:
            numbers: tuple[int, ...] = ()
            if isinstance(part, Mark):
                numbers, mark = valid_numbers(part, self._passages), part
                part = self._named(numbers) if mark.noun else ""
                self._marks_found += 1
                if mark.leads or part:
                    self._ahead.append(_Found(self._marks_found, self._words_end + 1, numbers))
                else:
                    self._behind.append(_Found(self._marks_found, self._words_end, numbers))
            if part:
                shown.append(part)
                self._cut(self._sentences.feed(part))
                self._length += len(part)
                if not part.isspace():
                    self._words_end = self._length - len(part) + len(part.rstrip())
        return "".join(shown)

    def _cut(self, pieces: Iterable[str]) -> None:
        for piece in pieces:
            self._released += len(piece)
            self._waiting.append((piece, self._released))

    def _named(self, numbers: Sequence[int]) -> str:
        """The titles of sources as words of a sentence."""
        titles = [f"“{self._passages[number - 1].title[:MAX_TITLE_CHARS]}”" for number in numbers]
        return " " + " and ".join(dict.fromkeys(titles)) if titles else ""

    def _ready(self, *, paused: bool = False) -> Iterator[Statement]:
        while self._waiting:
            piece, end = self._waiting[0]
            stop = end - len(piece) + len(piece.rstrip())
            self._take_marks(self._began)  # drop marks of what is already released
            marked = not self._passages or any(
                found[0].at < stop for found in (self._behind, self._ahead) if found
            )
            if not (paused or marked or self._words_end > end or not _ends_sentence(piece)):
                return
            self._waiting.popleft()
            numbers = [number for found in self._take_marks(end) for number in found.numbers]
            resting = self._resting_on(piece, end, tuple(dict.fromkeys(numbers)))
            yield Statement(piece, tuple(self._source(number, piece) for number in resting))

    def _take_marks(self, end: int) -> list[_Found]:
        """Those up to the place `end` of the answer, in the order in which they were written."""
        taken = []
        for waiting in (self._behind, self._ahead):
            while waiting and waiting[0].at <= end:
                taken.append(waiting.popleft())
        return sorted(taken)

    def _resting_on(self, piece: str, end: int, marked: tuple[int, ...]) -> tuple[int, ...]:
        """The sources of a piece that ends at `end`: those of its marks, else the one with its sentence's
        words."""
        self._sentence.append(piece)
        self._marked = self._marked or bool(marked)
        if not (_ends_sentence(piece) or (self._closed and not self._waiting)):
            return marked
        sentence, self._sentence, self._began = "".join(self._sentence), [], end
        alone, self._marked = not self._marked, False
        if not alone or not self._passages or not _LETTER.search(sentence):
            return marked
        if self._evidence is None:
            self._evidence = [Evidence.of(passage) for passage in self._passages]
        number = supporting(sentence, self._evidence)
        return (number,) if number else ()

    def _source(self, number: int, said: str) -> int:
        """The source's number, for that of a passage."""
        before = sum(map(len, self._pages[: number - 1]))
        return before + holding(self._pages[number - 1], said) + 1


def _ends_sentence(piece: str) -> bool:
    said = piece.rstrip()
    return "\n" in piece[len(said) :] or _ENDED.search(said, max(0, len(said) - _MAX_ENDING)) is not None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words of a passage, ready to be compared. `denies`: it says "not" or the like."""

    terms: frozenset[str]
    denies: bool

    @classmethod
    def of(cls, passage: Passage) -> Evidence:
        text = " ".join((passage.title, *passage.path[-1:], passage.text))
        return cls(frozenset(terms(text)), not _DENIALS.isdisjoint(words(passage.text)))


def supporting(sentence: str, passages: Sequence[Evidence]) -> int:
    """Return the number, from 1 on, of the passage that supports a sentence; 0 for none.

    It has at least `MIN_WORD_SHARE` of the sentence's words, more than any other, and all of its figures. A
    question has no support, and a denial none in a passage that denies nothing.
    """
    said = frozenset(terms(sentence))
    if len(said) < MIN_WORDS or sentence.rstrip().endswith("?"):
        return 0
    figures = {term for term in said if any(map(str.isdigit, term))}
    denies = not _DENIALS.isdisjoint(words(sentence))
    shares = [
        len(said & one.terms) / len(said) if figures <= one.terms and (one.denies or not denies) else 0.0
        for one in passages
    ]
    best = max(shares, default=0.0)
    return shares.index(best) + 1 if best >= MIN_WORD_SHARE else 0
