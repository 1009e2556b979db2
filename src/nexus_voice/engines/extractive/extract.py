"""Makes an answer of a document's own sentences: which ones, in what order and form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from ...core.chat import Passage
from ...text.prose import BULLET
from ...text.sentences.sentence_ends import OTHER_STOPS, STOPS
from ...text.words import terms
from .question import HARD, Asked
from .units import Unit

SHORTLIST_SIZE = 12
"""Units that are compared by meaning, each of which costs a few milliseconds."""
MIN_SCORE_RATIO, MIN_SCORE_RATIO_BY_WORDS = 0.87, 0.8
"""A further unit needs this share of the best one's score. The second is for scores by words alone, which
distinguish less finely."""
MIN_NEW_SHARE = 0.2
"""Share of the question's words that a further unit must add, unless it continues the one before."""
WORDS_WEIGHT, MEANING_WEIGHT, PASSAGE_WEIGHT = 0.4, 0.5, 0.2
"""Weights of the words in common, the closeness of meaning, and the passage's relevance."""
HEADING_BONUS = 0.4
"""Added to the first sentence under a heading that means the same as the question."""
IS_QUESTION = re.compile(
    r"\?\s*$|^(?:how|what|when|where|which|who|why|can|do|does|is|are|may)\b", re.IGNORECASE
)
MIN_HEADING, SAME_HEADING = 0.45, 1.0
"""How alike (0..1) a heading and the question are for that: from the first on a little, from the second on
in full."""
MIN_SHARED_WORDS = 0.6
"""Share of their telling words that a heading and a question have in common if they say the same."""
MIN_OPENING_LIKENESS = 0.4
"""From here on `same_heading` lets the first sentences of the section answer."""
MAX_OPENING = 3
"""Of these sentences."""
MAX_SPOKEN_CODE = 100
"""Longer code, in characters, is shown but not spoken."""
MAX_ITEMS = 12
"""Items of a list that is asked for."""
LEANING_START = re.compile(
    r"(?:it|its|this|that|these|those|they|he|she|then|so|otherwise|there(?! (?:is|are|was|were))|but|however"
    r"|if not|afterwards|both|also|after that|to do so|in that case)\b",
    re.IGNORECASE,
)
"""Matches the beginning of a sentence that is not understood without the one before it."""


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How long an answer may be, in units and characters; `code`: the longest piece of code in it."""

    units: int
    chars: int
    code: int


SPOKEN_LIMITS, SHOWN_LIMITS = AnswerLimits(3, 350, MAX_SPOKEN_CODE), AnswerLimits(6, 900, 900)


def same_heading(asked: Asked, heading: str, alike: float, *, title: bool) -> float:
    """How far (0..1) a heading is the question in other words. `alike` is how close their meanings are. The
    `title` of a document says what it is about, which is no answer's heading, but for a question."""
    close = min(1.0, max(0.0, (alike - MIN_HEADING) / (SAME_HEADING - MIN_HEADING)))
    said, telling = {*terms(heading)}, {*asked.terms}
    common = len(said & telling)
    if not title and said and telling and common >= MIN_SHARED_WORDS * max(len(said), len(telling)):
        return 1.0
    return close if IS_QUESTION.search(heading) else 0.0


def shortlist(
    units: Sequence[Unit], passages: Sequence[Passage], limits: AnswerLimits, headings: Mapping[str, float]
) -> list[Unit]:
    """The `SHORTLIST_SIZE` units that look best without their meaning, best first. `headings` tells how alike
    (0..1) each heading and the question are."""
    fitting = [unit for unit in units if unit.kind != "code" or len(unit.text) <= limits.code]
    worth = {
        unit: unit.score
        + unit.bonus
        + 0.5 * passages[unit.passage].score
        + (0.5 if unit.line < 2 else 0.25) * headings.get(unit.heading, 0.0)
        for unit in fitting
    }
    return sorted(fitting, key=lambda unit: -worth[unit])[:SHORTLIST_SIZE]


def rank(
    looked: Sequence[Unit],
    meanings: Sequence[float] | None,
    passages: Sequence[Passage],
    same: Mapping[str, float],
) -> dict[Unit, float]:
    """The score of each unit of the shortlist, best first. `meanings` (0..1) are one for each. They are None
    if nothing can compare meanings; then words alone decide. `same` is `same_heading` of each heading."""
    known = meanings if meanings is not None else [unit.score for unit in looked]
    scores = {}
    for unit, meaning in zip(looked, known, strict=True):
        opens = HEADING_BONUS * same.get(unit.heading, 0.0) * unit.form
        scores[unit] = (
            WORDS_WEIGHT * unit.score
            + MEANING_WEIGHT * meaning
            + PASSAGE_WEIGHT * passages[unit.passage].score
            + unit.bonus
            + (opens if unit.line == 0 and unit.index == 0 else opens / 3)
        )
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0].passage, pair[0].index)))


def compose(
    asked: Asked,
    units: Sequence[Unit],
    scores: Mapping[Unit, float],
    passages: Sequence[Passage],
    limits: AnswerLimits,
    same: Mapping[str, float],
    by_meaning: bool,
) -> list[Unit]:
    """The units of the answer: the best one with what it needs to be understood, then those that add to it.
    `scores` are those of the shortlist, best first."""
    best, top = next(iter(scores.items()))
    chosen: list[Unit] = []
    covered: set[str] = set()

    def add(unit: Unit, room: int) -> bool:
        """Take the unit if there is room and no other has the same text (passages overlap)."""
        length = sum(len(other.text) for other in chosen) + len(unit.text)
        full = len(chosen) >= room or length > limits.chars
        long_code = unit.kind == "code" and len(unit.text) > limits.code
        if long_code or (chosen and full) or any(unit.text == other.text for other in chosen):
            return False
        chosen.append(unit)
        covered.update(unit.terms, terms(unit.heading), terms(passages[unit.passage].title))
        return True

    opening = _opening(asked, best, units) if same.get(best.heading, 0.0) >= MIN_OPENING_LIKENESS else []
    for unit in opening:
        add(unit, limits.units + 1)
    good = MIN_SCORE_RATIO if by_meaning else MIN_SCORE_RATIO_BY_WORDS
    for unit, score in scores.items():
        new = sum(term in unit.terms and term not in covered for term in asked.terms)
        if unit is not best and (score < good * top or new < MIN_NEW_SHARE * len(asked.terms)):
            continue
        room = MAX_ITEMS if unit is best and (asked.wanted == "list" or unit.kind == "item") else limits.units
        if add(unit, room):
            beside = [other for other in units if other.passage == unit.passage]
            for neighbour in _belonging(asked, unit, beside, passages[unit.passage].title):
                add(neighbour, room)
    order = {passage: at for at, passage in enumerate(dict.fromkeys(unit.passage for unit in chosen))}
    return sorted(chosen, key=lambda unit: (order[unit.passage], unit.index))


def _opening(asked: Asked, best: Unit, units: Sequence[Unit]) -> list[Unit]:
    """The first sentences of the section of the best unit, which has nearly the question as its heading, and
    that unit; none where the question wants something with a form of its own, such as an amount."""
    if asked.wanted in HARD or best.kind != "prose":
        return []
    section = [unit for unit in units if unit.passage == best.passage]
    first = list(takewhile(lambda unit: unit.kind in ("prose", "code"), section))[:MAX_OPENING]
    if first and first[-1].text.endswith(":"):  # what it announces comes too, or it is left out
        after = section[len(first) : len(first) + 1]
        first = [*first, *after] if after and after[0].kind == "code" else first[:-1]
    return first if best in first or not first else [first[0], best]


def _belonging(asked: Asked, unit: Unit, units: Sequence[Unit], title: str) -> list[Unit]:
    """The neighbours that a unit needs to be understood, the most needed first. `units` are those of its
    passage."""
    before, after = units[: unit.index][::-1], units[unit.index + 1 :]
    if unit.kind == "row":
        return []
    if unit.kind == "prose":
        if unit.text.endswith(":"):
            return list(takewhile(lambda other: other.kind != "prose", after))
        leaning = takewhile(lambda pair: LEANING_START.match(pair[0].text), pairwise([unit, *before]))
        following = takewhile(lambda other: other.kind == "prose" and LEANING_START.match(other.text), after)
        above = {*terms(unit.heading), *terms(title)}
        needed = [earlier for _, earlier in leaning if earlier.terms & {*asked.terms} - above - unit.terms]
        return needed[:1] + list(following)[:1]
    # Code needs the sentence that explains it; steps and lists that are asked for are whole, with their
    # introduction.
    same = [
        list(takewhile(lambda other: other.kind == unit.kind == "item", side)) for side in (before, after)
    ]
    intro = before[len(same[0]) : len(same[0]) + 1]
    if unit.kind == "item" and not (intro and intro[0].text.endswith(":")):
        intro = []
    steps = asked.steps and unit.text[:1].isdecimal()
    if unit.kind == "item" and not steps and asked.wanted != "list":
        return []
    return [*intro, *reversed(same[0]), *same[1]]


def render(units: Sequence[Unit], spoken: bool, mark: Callable[[Unit], str]) -> str:
    """The units as text, each with its source's mark: one line if it is to be spoken, else Markdown with
    lists and code."""
    if spoken:
        return " ".join(_said(unit) + mark(unit) for unit in units)
    text, last = "", ""
    for unit in units:
        new = last not in ("", unit.kind) or unit.kind == "code"
        piece = f"```\n{unit.text}\n```" if unit.kind == "code" else unit.told or unit.text
        between = "" if not text else "\n\n" if new else "\n" if unit.kind == "item" else " "
        text, last = text + between + piece + mark(unit), unit.kind
    return text


def _said(unit: Unit) -> str:
    text = unit.told or unit.text
    text = BULLET.sub("", text, count=1) if unit.kind == "item" else " ".join(text.split())
    return text if text.endswith((*STOPS, *OTHER_STOPS, ":")) else text.rstrip(",;") + "."
