"""Tells whether units answer a question, or only share its subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...core.chat import Passage
from ...text.words import STOP_WORDS, stem, terms, words
from .meaning import Meanings
from .question import HARD, Asked, compact, typed_by_form
from .tables import Told
from .units import Unit

MAX_NEAR = 24
"""Words of the answer that a missing word of the question is compared with."""
UNLIKE_WORDS, LIKE_WORDS = 0.35, 0.7
"""Cosines of words of which one cannot stand for the other, and of which it can."""
MEANING, COVERED, FOCUS, WORST, FORM, UNKNOWN_NAME = 0.2, 0.1, 0.275, 0.12, 0.305, 0.3
"""Weights of what speaks for an answer, and of what speaks against it. Fitted by logistic regression on two
thirds of bench/answers/questions.txt, each question with an answer once more without its fact, and on
tests/knowledge/questions.py and questions_docs.py, which use other words than the documents."""
MIN_STRENGTH, MIN_STRENGTH_BY_WORDS = 0.8, 0.6
"""Of an answer; the second where no embedder compares meanings. About 95 of 100 right answers have the first,
and 9 of 100 texts on the subject of a question that they do not answer."""
TYPED_COVER = 0.8
"""The same of a word such as "version" where the answer has a figure."""
CELL_COVER = 0.7
"""At least so far every word counts as covered by the cell of a table whose row and column are named."""
NO_COLUMN_FORM = 0.6
"""The form of a row that lacks the column that is asked for."""
ELSEWHERE_COVER = 0.6
"""How far a word counts as covered that only another part of the document has."""


@dataclass(frozen=True, slots=True)
class Features:
    """What speaks for an answer, each from 0 (nothing) to 1."""

    meaning: float
    """How close the best unit's meaning is; without an embedder the share of the words in common."""
    covered: float
    """The share of the question's words that the answer has, in its own words, its heading or its title."""
    focus: float
    """The same of the words for the very thing that is asked for."""
    worst: float
    """The same of the one word that is covered worst."""
    form: float
    """Whether it has what is wanted, such as an amount or a time."""
    unknown_name: bool
    """The question has a name or a number that is in none of the passages."""
    by_meaning: bool = True
    """Whether meanings were compared."""


class Evidence:
    """What an answer of `chosen` units, the best of which is `best`, has of the question."""

    def __init__(
        self,
        asked: Asked,
        best: Unit,
        chosen: Sequence[Unit],
        units: Sequence[Unit],
        passages: Sequence[Passage],
    ) -> None:
        self._asked, self.best, self._units, self._passages = asked, best, units, passages
        self._chosen = [unit for unit in chosen if unit.passage == best.passage]
        place = passages[best.passage]
        own = {*terms(f"{place.title} {' '.join(place.path)}")}.union(*(unit.terms for unit in self._chosen))
        self._text = " ".join(unit.text for unit in self._chosen)
        same = {number for number, one in enumerate(passages) if one.document == place.document}
        self._document = {term for unit in units if unit.passage in same for term in unit.terms}
        self.missing = [
            word for word in dict.fromkeys(asked.words) if stem(word) in asked.terms and stem(word) not in own
        ]
        """The question's words that the answer, its headings and its title lack."""
        self.near = list(_telling(f"{unit.text} {unit.heading}" for unit in self._chosen))[:MAX_NEAR]
        """The answer's words, of which one may mean the same."""

    def features(
        self, closeness: Mapping[Unit, float] | None, meanings: Meanings, cell: Told | None = None
    ) -> Features:
        asked, best = self._asked, self.best
        cover = dict.fromkeys(asked.terms, 1.0)
        for word in self.missing:
            alike = max((meanings.cosine(word, other) for other in self.near), default=0.0)
            soft = min(1.0, max(0.0, (alike - UNLIKE_WORDS) / (LIKE_WORDS - UNLIKE_WORDS)))
            elsewhere = ELSEWHERE_COVER if stem(word) in self._document else 0.0
            typed = TYPED_COVER if typed_by_form(word, self._text) else 0.0
            cover[stem(word)] = max(soft, elsewhere, typed)
        sure = cell.sure if cell else None
        if sure:  # the row and the column are named: whatever else the question has, such as a verb
            cover = {term: max(CELL_COVER, part) for term, part in cover.items()}
        focus = [cover[term] for term in asked.focus if term in cover]
        form = max(unit.form for unit in self._chosen) if asked.wanted in HARD else 1.0
        if sure is not None:
            form = 1.0 if sure else min(form, NO_COLUMN_FORM)
        return Features(
            best.score if closeness is None else closeness.get(best, 0.0),
            sum(cover.values()) / len(cover) if cover else 0.0,
            sum(focus) / len(focus) if focus else 1.0,
            min(cover.values(), default=0.0),
            form,
            self._unknown_name(),
            closeness is not None,
        )

    def _unknown_name(self) -> bool:
        asked = self._asked
        if not asked.codes and not asked.names:
            return False
        above = [f"{one.title} {' '.join(one.path)}" for one in self._passages]
        if asked.codes:
            joined = [compact(f"{head} {one.text}") for head, one in zip(above, self._passages, strict=True)]
            if any(all(code not in text for text in joined) for code in asked.codes):
                return True
        stems = {term for head in above for term in terms(head)}.union(*(unit.terms for unit in self._units))
        return any(name not in stems for name in asked.names)


def _telling(texts: Iterable[str]) -> dict[str, None]:
    found = (word for text in texts for word in words(text))
    return dict.fromkeys(word for word in found if word not in STOP_WORDS and not word.isdecimal())


def enough(features: Features) -> bool:
    """Whether it is an answer that is worth saying."""
    return strength(features) >= (MIN_STRENGTH if features.by_meaning else MIN_STRENGTH_BY_WORDS)


def strength(features: Features) -> float:
    """How likely it is an answer, up to a little over 1."""
    told = (
        MEANING * features.meaning
        + COVERED * features.covered
        + FOCUS * features.focus
        + WORST * features.worst
        + FORM * features.form
    )
    return told - (UNKNOWN_NAME if features.unknown_name else 0.0)
