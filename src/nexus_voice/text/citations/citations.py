"""Which sentence of an answer rests on which sources, known while the answer is still being written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...core.chat import Passage
from ..sentences.sentence_ends import OTHER_STOPS, STOPS
from ..sentences.splitter import Sentences
from ..words import terms, words
from .citation_marks import Mark, Marks, valid

STRONG = 0.75
"""Share of a sentence's words that a passage must have, for a sentence that its writer did not mark.
Measured on English: sentences that retell a passage in other words have 0.80 and more, other sentences on
the same subject 0.60 and less."""
FEWEST = 4
"""Words, not counting those of grammar, below which a sentence is too short to tell."""
LONGEST_TITLE = 80
"""Characters of a title that stands in a sentence."""

_DENIALS = frozenset(
    words("not no never none neither nor without cannot can't don't doesn't didn't isn't won't")
)
_ENDED = re.compile(rf"(?:[{re.escape(STOPS + OTHER_STOPS)}:][\"'”’»)\]*_`]{{0,9}}\s*|\n\s*)\Z")
_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Statement:
    """A piece of an answer, as it is shown and spoken, and the sources it rests on: numbers from 1 on."""

    text: str
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What a token brought: `text` to show, without marks, and the statements that it completed."""

    text: str
    statements: list[Statement]


class Citations:
    """Takes the marks out of an answer as it is written, and gives them to its statements.

    All `text`s joined are the answer, and so are all statements' texts. A number that no passage has is
    dropped. A sentence that the writer did not mark is given the passage whose words it has.

    A statement leaves when its sentence ends, but one without a mark before its full stop waits for one
    token more: some writers put the mark after it.
    """

    def __init__(self, passages: Sequence[Passage] = ()) -> None:
        self._marks = Marks()
        self._sentences = Sentences()
        self._waiting: list[tuple[str, int]] = []  # pieces, and where each ends in the answer
        self._found: list[tuple[int, tuple[int, ...]]] = []  # marks: where, and their numbers
        self._released = 0  # where the last piece that was cut ends
        self._began = 0  # where the sentence begins that has not ended
        self._words_end = 0  # where the last word or mark of punctuation so far ends
        self._length = 0
        self._sentence = ""  # the pieces of a sentence that has not ended
        self._marked = False  # whether one of them was marked
        self._closed = False
        self.use(passages)

    def use(self, passages: Sequence[Passage]) -> None:
        """What the numbers mean; before the first token."""
        self._passages = passages
        self._evidence: list[Evidence] | None = None

    def feed(self, token: str) -> Written:
        return Written(self._take(self._marks.feed(token)), list(self._ready()))

    def pause(self) -> Written:
        """What waited for a mark, when the writer does something else before it goes on."""
        return Written(self._take(self._marks.feed("", final=True)), list(self._ready(paused=True)))

    def close(self) -> Written:
        """The rest, when the answer has ended."""
        text = self._take(self._marks.feed("", final=True))
        self._cut(self._sentences.close())
        self._closed = True
        return Written(text, list(self._ready(paused=True)))

    def _take(self, parts: Iterable[str | Mark]) -> str:
        shown: list[str] = []
        for part in parts:
            numbers: tuple[int, ...] = ()
            if isinstance(part, Mark):
                numbers, mark = valid(part, self._passages), part
                part = self._named(numbers) if mark.noun else ""
                self._found.append((self._words_end + bool(mark.leads or part), numbers))
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
        """The titles of sources, where a sentence needs a word for them."""
        titles = [f"“{self._passages[number - 1].title[:LONGEST_TITLE]}”" for number in numbers]
        return " " + " and ".join(dict.fromkeys(titles)) if titles else ""

    def _ready(self, *, paused: bool = False) -> Iterator[Statement]:
        while self._waiting:
            piece, end = self._waiting[0]
            stop = end - len(piece) + len(piece.rstrip())
            marked = any(self._began < at < stop for at, _ in self._found) or not self._passages
            if not (paused or marked or self._words_end > end or not _ENDED.search(piece)):
                return
            del self._waiting[0]
            numbers = [number for at, group in self._found if self._began < at <= end for number in group]
            self._found = [(at, group) for at, group in self._found if at > end]
            yield Statement(piece, self._resting_on(piece, end, tuple(dict.fromkeys(numbers))))

    def _resting_on(self, piece: str, end: int, marked: tuple[int, ...]) -> tuple[int, ...]:
        """The sources of a piece that ends at `end`: its marks, or what its whole sentence's words tell."""
        self._sentence += piece
        self._marked = self._marked or bool(marked)
        if not (_ENDED.search(piece) or (self._closed and not self._waiting)):
            return marked
        sentence, self._sentence, self._began = self._sentence, "", end
        alone, self._marked = not self._marked, False
        if not alone or not self._passages or not _LETTER.search(sentence):
            return marked
        if self._evidence is None:
            self._evidence = [Evidence.of(passage) for passage in self._passages]
        number = supporting(sentence, self._evidence)
        return (number,) if number else ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words of a passage, to be compared."""

    terms: frozenset[str]
    denies: bool

    @classmethod
    def of(cls, passage: Passage) -> Evidence:
        text = " ".join((passage.title, *passage.path[-1:], passage.text))
        return cls(frozenset(terms(text)), not _DENIALS.isdisjoint(words(passage.text)))


def supporting(sentence: str, passages: Sequence[Evidence]) -> int:
    """Number, from 1 on, of the passage that has most of the sentence's words and all of its figures;
    0 when none has nearly all, or when the sentence asks or denies something that no passage does."""
    said = frozenset(terms(sentence))
    if len(said) < FEWEST or sentence.rstrip().endswith("?"):
        return 0
    figures = {term for term in said if any(map(str.isdigit, term))}
    denies = not _DENIALS.isdisjoint(words(sentence))
    shares = [
        len(said & one.terms) / len(said) if figures <= one.terms and (one.denies or not denies) else 0.0
        for one in passages
    ]
    best = max(shares, default=0.0)
    return shares.index(best) + 1 if best >= STRONG else 0
