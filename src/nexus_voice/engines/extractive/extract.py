"""Makes an answer of a document's own sentences: which ones, in what order and form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from ...core.chat import Passage
from ...text.prose import BULLET
from ...text.sentences.sentence_ends import OTHER_STOPS, STOPS
from .units import Unit

SHORTLIST_SIZE = 8
"""Units that are compared by meaning, each of which costs a few milliseconds."""
MIN_SCORE_RATIO, MIN_SCORE_RATIO_BY_WORDS = 0.87, 0.8
"""A further unit needs this share of the best one's score. The second is for scores by words alone, which
distinguish less finely."""
WORDS_WEIGHT, MEANING_WEIGHT, PASSAGE_WEIGHT = 0.3, 0.5, 0.2
"""Weights of the words in common, the closeness of meaning, and the passage's relevance."""
MAX_SPOKEN_CODE = 100
"""Longer code, in characters, is shown but not spoken."""
LEANING_START = re.compile(
    r"(?:it|its|this|that|these|those|they|he|she|then|so|otherwise|there|but|however|if not|afterwards|both"
    r"|also|after that|to do so|in that case)\b",
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


def shortlist(units: Sequence[Unit], passages: Sequence[Passage], limits: AnswerLimits) -> list[Unit]:
    """The `SHORTLIST_SIZE` units that look best by words, best first."""
    fitting = [unit for unit in units if unit.kind != "code" or len(unit.text) <= limits.code]
    worth = {unit: unit.score + unit.bonus + 0.5 * passages[unit.passage].score for unit in fitting}
    return sorted(fitting, key=lambda unit: -worth[unit])[:SHORTLIST_SIZE]


def compose(
    units: Sequence[Unit],
    looked: Sequence[Unit],
    meanings: Sequence[float] | None,
    passages: Sequence[Passage],
    limits: AnswerLimits,
) -> list[Unit]:
    """The units of the answer, in reading order. `meanings` (0..1) are one for each of `looked`, the
    shortlist. They are None if nothing can compare meanings; then words alone decide."""
    known = meanings if meanings is not None else [unit.score for unit in looked]
    scores = {
        unit: WORDS_WEIGHT * unit.score
        + MEANING_WEIGHT * meaning
        + PASSAGE_WEIGHT * passages[unit.passage].score
        + unit.bonus
        for unit, meaning in zip(looked, known, strict=True)
    }
    chosen: list[Unit] = []

    def add(unit: Unit) -> bool:
        """Take the unit if there is room and no other has the same text (passages overlap)."""
        length = sum(len(other.text) for other in chosen) + len(unit.text)
        full = len(chosen) == limits.units or length > limits.chars
        long_code = unit.kind == "code" and len(unit.text) > limits.code
        if long_code or (chosen and full) or any(unit.text == other.text for other in chosen):
            return False
        chosen.append(unit)
        return True

    good = MIN_SCORE_RATIO if meanings is not None else MIN_SCORE_RATIO_BY_WORDS
    order = sorted(looked, key=lambda unit: (-scores[unit], unit.passage, unit.index))
    for unit in order:
        if scores[unit] >= good * scores[order[0]] and add(unit):
            beside = [other for other in units if other.passage == unit.passage]
            for neighbour in _belonging(unit, beside, limits):
                add(neighbour)
    return sorted(chosen, key=lambda unit: (unit.passage, unit.index))


def _belonging(unit: Unit, units: Sequence[Unit], limits: AnswerLimits) -> list[Unit]:
    """The neighbours that a unit needs to be understood, the most needed first. `units` are those of its
    passage."""
    before, after = units[: unit.index][::-1], units[unit.index + 1 :]
    if unit.kind == "prose":
        if unit.text.endswith(":"):
            return list(takewhile(lambda other: other.kind != "prose", after))
        leaning = takewhile(lambda pair: LEANING_START.match(pair[0].text), pairwise([unit, *before]))
        following = takewhile(lambda other: other.kind == "prose" and LEANING_START.match(other.text), after)
        return [earlier for _, earlier in leaning][:1] + list(following)[:1]
    # Code needs the sentence that explains it; steps and short lists are whole, with their introduction.
    same = [
        list(takewhile(lambda other: other.kind == unit.kind == "item", side)) for side in (before, after)
    ]
    rest = [*reversed(same[0]), *same[1]]
    intro = before[len(same[0]) : len(same[0]) + 1]
    if unit.kind == "item" and not (intro and intro[0].text.endswith(":")):
        intro = []
    fits = len(rest) < limits.units and sum(len(other.text) for other in [unit, *rest]) <= limits.chars
    return [*intro, *rest] if fits or unit.text[:1].isdecimal() else [*intro]


def render(units: Sequence[Unit], spoken: bool, mark: Callable[[Unit], str]) -> str:
    """The units as text, each with its source's mark: one line if it is to be spoken, else Markdown with
    lists and code."""
    if spoken:
        return " ".join(_said(unit) + mark(unit) for unit in units)
    text, last = "", ""
    for unit in units:
        new = last not in ("", unit.kind) or unit.kind == "code"
        piece = f"```\n{unit.text}\n```" if unit.kind == "code" else unit.text
        between = "" if not text else "\n\n" if new else "\n" if unit.kind == "item" else " "
        text, last = text + between + piece + mark(unit), unit.kind
    return text


def _said(unit: Unit) -> str:
    text = BULLET.sub("", unit.text, count=1) if unit.kind == "item" else " ".join(unit.text.split())
    return text if text.endswith((*STOPS, *OTHER_STOPS, ":")) else text.rstrip(",;") + "."
