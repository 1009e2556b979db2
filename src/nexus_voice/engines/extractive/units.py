"""Cuts passages into sentences, list items, table rows and pieces of code, and scores them by their words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Literal

from ...core.chat import Passage
from ...text.prose import BULLET, CODE, is_code, sentences
from ...text.words import terms, words
from .question import Asked, compact, satisfies
from .tables import Row, name_share, row

Kind = Literal["prose", "item", "row", "code"]

MAX_READ = 256
"""Passages whose units are kept."""
HEADING_WEIGHT, TITLE_WEIGHT, BEFORE_WEIGHT = 0.6, 0.4, 0.4
"""Weights of a word that is not in the unit itself, where it counts 1, but in the heading above, in the
title, or in the sentence before."""
OPENING_BONUS = 0.2
"""Added to the first line under a heading that has all the words of the question; less for fewer words."""
STEP_BONUS = 0.1
"""Added to a numbered step or a command where the question asks how."""
DEFINITION_BONUS = 0.25
"""Added to "X is ..." where the question is "what is X"."""
NAMED_BONUS = 0.25
"""Added to "Ada Kern (chair)" or "Chair: Ada Kern" where the question is "who is the chair"."""
FORM_BONUS, FORM_PENALTY = 0.2, -0.2
"""Added to a unit that has what is wanted, such as a length, and to one that lacks it."""
ROW_BONUS = 0.2
"""Added to the row whose whole name the question has."""
CODE_BONUS = 0.2
"""Added to a unit with the product's number or figure that the question has."""
LABEL_PENALTY = -0.2
"""Added to a line that is no sentence: a caption, a bare address, a row of badges."""
ORDER_PENALTY = -0.5
"""Added to a sentence that gives orders to a language model, which is no answer to a reader."""

_WHAT_IS = re.compile(r"what(?:'s|s| is| are| does| do) (?:an? |the )?(.{2,40}?)(?: do| mean| about| for)?$")
_URL = re.compile(r"https?://\S+")
_ORDER_TO_MODEL = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|rules|prompts?|guidelines|told)\b"
    r"|\b(?:system|developer) (?:prompt|message)\b|<\|?im_|\[/?INST\]|\byou are now\b|\bhouse rules:"
    r"|\b(?:respond|reply|answer|say) (?:only|exactly|nothing but)\b|\btell (?:the|your) users?\b",
    re.IGNORECASE,
)
_ROLE = re.compile(r"[A-ZÀ-Þ][\w, ]{0,60}\(([^()]{1,40})\)|([\w ]{1,40}): [A-ZÀ-Þ]")
_NUMBERING = re.compile(r"^(?:\d{1,3}[.)]){1,4}(?:\d{1,3})?\s+")
MAX_CLAUSE_WORDS = 5
"""Words of the heading of a numbered clause, its number among them."""
_SENTENCE_MARKS = frozenset(".!?…:;。！？")
_REASON = re.compile(
    r"\b(?:because|since|so that|so as|due to|owing to|as|therefore|after|for|reason|in order|otherwise)\b",
    re.I,
)
_PLACE = re.compile(
    r"\b(?:in|at|on|under|beside|behind|near|next to|from|to|between|above|below|opposite|inside|outside)\b"
    r"|/|https?:",
    re.I,
)
_VERDICT = re.compile(
    r"\b(?:yes|no|not|never|only|must|may|can|cannot|need|allowed|forbidden|permitted|included|excluded|free"
    r"|rejected|accepted|without|except|nothing|none|supported)\b|n't\b",
    re.I,
)
_SEVERAL = re.compile(r"[^,]+,[^,]+(?:,|\band\b|\bor\b)|\b(?:and|or)\b|:$")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, list item, table row or piece of code of a passage.

    `line` is the number of its line in the passage and `index` its own number; `heading` is the nearest
    above. `score` (0..1) comes from the words shared with the question, `bonus` from what the unit is and
    where. `form` (0..1) tells whether it has the kind of thing that is wanted.
    """

    passage: int
    index: int
    line: int
    text: str
    heading: str
    kind: Kind
    row: Row | None = None
    score: float = 0.0
    bonus: float = 0.0
    form: float = 1.0
    told: str = ""
    """What is said of it, if that is not the whole text: a cell of a row."""
    terms: frozenset[str] = frozenset()


def units(asked: Asked, passages: Sequence[Passage]) -> list[Unit]:
    """All units of the passages in reading order, scored."""
    found = list(read(passages))
    frequency = Counter(term for unit in found for term in unit.terms)
    weight = weights(asked, len(found), frequency)
    total = sum(weight.values()) or 1.0
    subject = _WHAT_IS.fullmatch(asked.said)
    titles = [frozenset(terms(" ".join((one.title, *one.path)))) for one in passages]
    headings: dict[str, frozenset[str]] = {}
    scored = []
    before: Unit | None = None
    for unit in found:
        if unit.heading not in headings:
            headings[unit.heading] = frozenset(terms(unit.heading))
        heading, title = headings[unit.heading], titles[unit.passage]
        near = (
            before.terms
            if before and before.passage == unit.passage and unit.kind == "prose"
            else frozenset()
        )
        shared = above = 0.0
        for term, worth in weight.items():
            above += worth if term in heading else 0.0
            shared += worth * (
                1.0 if term in unit.terms
                else HEADING_WEIGHT if term in heading
                else TITLE_WEIGHT if term in title
                else BEFORE_WEIGHT if term in near
                else 0.0
            )  # fmt: skip
        context = f"{passages[unit.passage].title} {unit.heading}"
        form = _form(asked, unit, context)
        bonus = (
            FORM_PENALTY + (FORM_BONUS - FORM_PENALTY) * form if form < 1 or asked.wanted != "thing" else 0.0
        )
        step = unit.kind == "item" and unit.text[0].isdecimal()
        bonus += NAMED_BONUS if asked.wanted == "who" and _names_somebody(unit.text, asked.focus) else 0.0
        if unit.line == 0 and (step or unit.kind != "item"):  # the first of a list is no better than the rest
            own = unit.heading != passages[unit.passage].title
            bonus += (OPENING_BONUS if own else OPENING_BONUS / 3) * above / total
        bonus += STEP_BONUS if asked.steps and (step or unit.kind == "code") else 0.0
        bonus += DEFINITION_BONUS if subject and _defines(unit.text, subject[1]) else 0.0
        bonus += LABEL_PENALTY if _is_label(unit) else 0.0
        bonus += ORDER_PENALTY if _ORDER_TO_MODEL.search(unit.text) else 0.0
        if asked.codes and (joined := compact(unit.text)):
            bonus += CODE_BONUS * sum(code in joined for code in asked.codes) / len(asked.codes)
        if unit.row:
            bonus += ROW_BONUS * name_share(unit.row, asked) ** 2
        scored.append(replace(unit, score=shared / total, bonus=bonus, form=form))
        before = unit
    return scored


def weights(asked: Asked, count: int, frequency: Counter[str]) -> dict[str, float]:
    """How much each term of the question tells, by how few of the units have it."""
    return {term: math.log(1 + (count + 1) / (frequency[term] + 0.5)) for term in asked.terms}


def _form(asked: Asked, unit: Unit, context: str) -> float:
    text = _NUMBERING.sub("", unit.text)  # the number of a clause or step is no amount
    match asked.wanted:
        case "why":
            return 1.0 if _REASON.search(text) else 0.4
        case "where":
            return 1.0 if unit.row or _PLACE.search(text) else 0.4
        case "whether":
            return 1.0 if unit.row or _VERDICT.search(text) else 0.6
        case "list":
            return 1.0 if unit.kind != "prose" or _SEVERAL.search(text) else 0.4
        case "who":
            return 1.0 if re.search(r"(?<=[a-zß-ÿ,:(] )[A-ZÀ-Þ]|: [A-ZÀ-Þ]", text) else 0.6
    return satisfies(asked.wanted, text, context)


def _names_somebody(text: str, focus: Sequence[str]) -> bool:
    """Whether the text says by a bracket or a colon who has the role that the question has."""
    roles = (found[1] or found[2] for found in _ROLE.finditer(text)) if focus else ()
    return any({*focus} <= {*terms(role)} for role in roles)


def read(passages: Sequence[Passage]) -> Iterator[Unit]:
    """All units in reading order, without their scores."""
    for number, passage in enumerate(passages):
        heading = passage.path[-1] if passage.path else passage.title
        for index, (line, text, kind, cells, stems) in enumerate(pieces_of(passage.text)):
            yield Unit(number, index, line, text, heading, kind, cells, terms=stems)


@lru_cache(MAX_READ)
def pieces_of(text: str) -> tuple[tuple[int, str, Kind, Row | None, frozenset[str]], ...]:
    """(line, text, kind, cells, stems) of each unit; kept, since the same passages are found again."""
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    # Lines of code that follow each other are one block; any other line is by itself.
    blocks = groupby(enumerate(lines), lambda pair: -1 if is_code(pair[1]) else pair[0])
    return tuple(
        (line, piece, kind, cells, frozenset(terms(piece)))
        for line, (place, block) in enumerate(blocks)
        for piece, kind, cells in _pieces([one for _, one in block], code=place < 0)
    )


def _pieces(block: Sequence[str], code: bool) -> Iterator[tuple[str, Kind, Row | None]]:
    """The units of a block of code, or of one other line."""
    if code:
        yield "\n".join(line.removeprefix(CODE) for line in block), "code", None
    elif BULLET.match(block[0].strip()):
        yield block[0].strip(), "item", None
    elif cells := row(block[0]):
        yield block[0].strip(), "row", cells
    else:
        for sentence in sentences(block[0]):
            yield sentence, "prose", None


def _defines(text: str, subject: str) -> bool:
    said = " ".join(words(text[:80]))
    return (
        re.match(rf"(?:(?:an?|the) )?{re.escape(subject)}s?\b.{{0,40}}?\b(?:is|are|means?)\b", said)
        is not None
    )


def _is_label(unit: Unit) -> bool:
    """Whether it is no sentence, such as a caption, or the heading of a numbered clause."""
    text = unit.text
    if unit.kind != "prose" and not (unit.kind == "item" and text[0].isdecimal()):
        return False
    said = len(words(_URL.sub("", text)))
    if unit.kind == "item":
        return said <= MAX_CLAUSE_WORDS and not _ends_sentence(text)
    letters = sum(character.isalpha() or character.isspace() for character in text)
    return said < 3 or letters < 0.6 * len(text) or (said < 8 and not _ends_sentence(text))


def _ends_sentence(text: str) -> bool:
    """Whether a mark that ends a sentence stands behind the last word."""
    for character in reversed(text):
        if character in _SENTENCE_MARKS:
            return True
        if character.isalnum() or character == "_":
            return False
    return False
