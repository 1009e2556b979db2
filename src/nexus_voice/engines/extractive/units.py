"""Cuts passages into sentences, list items and pieces of code, and scores them by their words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from ...core.chat import Passage
from ...text.prose import BULLET, CODE, is_code, sentences
from ...text.words import content, stem, terms, words

Kind = Literal["prose", "item", "code"]

HEADING_WEIGHT = 0.5
"""Weight of a word in the heading; one in the unit itself counts 1."""
OPENING_BONUS = 0.2
"""Added to the first line under a heading that has all the words of the question; less for fewer words."""
STEP_BONUS = 0.1
"""Added to a numbered step or a command where the question asks how."""
DEFINITION_BONUS = 0.25
"""Added to "X is ..." where the question is "what is X"."""
LABEL_PENALTY = -0.2
"""Added to a line that is no sentence: a caption, a bare address, a row of badges."""
ORDER_PENALTY = -0.5
"""Added to a sentence that gives orders to a language model, which is no answer to a reader."""

_HOW = re.compile(
    r"(?:how (?:do|can|could|should|would|to|did)|what (?:can|should|must|do) i (?:do|need)|what now)\b"
)
_WHAT_IS = re.compile(r"what(?:'s|s| is| are| does| do) (?:an? |the )?(.{2,40}?)(?: do| mean| about| for)?$")
_URL = re.compile(r"https?://\S+")
_ORDER_TO_MODEL = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|rules|prompts?|guidelines|told)\b"
    r"|\b(?:system|developer) (?:prompt|message)\b|<\|?im_|\[/?INST\]|\byou are now\b|\bhouse rules:"
    r"|\b(?:respond|reply|answer|say) (?:only|exactly|nothing but)\b|\btell (?:the|your) users?\b",
    re.IGNORECASE,
)
_SENTENCE_MARKS = frozenset(".!?…:;。！？")
MAX_QUESTION_CHARS = 1_000
"""Characters of a question whose words are compared: more than anybody says."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, list item or piece of code of a passage.

    `line` is the number of its line in the passage and `index` its own number; `heading` is the nearest
    above. `score` (0..1) comes from the words shared with the question, `bonus` from what the unit is and
    where.
    """

    passage: int
    index: int
    line: int
    text: str
    heading: str
    kind: Kind
    score: float = 0.0
    bonus: float = 0.0


def units(question: str, passages: Sequence[Passage]) -> list[Unit]:
    """All units of the passages in reading order, scored."""
    found = list(_read(passages))
    texts = [frozenset(terms(unit.text)) for unit in found]
    frequency = Counter(term for text in texts for term in text)
    question = question[:MAX_QUESTION_CHARS]
    asked_terms = map(stem, content(question))
    weight = {term: math.log(1 + (len(found) + 1) / (frequency[term] + 0.5)) for term in asked_terms}
    total = sum(weight.values()) or 1.0
    asked = " ".join(words(question))
    how = _HOW.search(asked) is not None
    subject = _WHAT_IS.fullmatch(asked)
    scored = []
    for unit, text in zip(found, texts, strict=True):
        above = weight.keys() & frozenset(terms(unit.heading))
        shared = sum(
            weight[term] * (1 if term in text else HEADING_WEIGHT) for term in (weight.keys() & text) | above
        )
        step = unit.kind == "item" and unit.text[0].isdecimal()
        opens = unit.line == 0 and (
            step or unit.kind != "item"
        )  # the first of a list is no better than the rest
        bonus = OPENING_BONUS * sum(weight[term] for term in above) / total if opens else 0.0
        bonus += STEP_BONUS if how and (step or unit.kind == "code") else 0.0
        bonus += DEFINITION_BONUS if subject and _defines(unit.text, subject[1]) else 0.0
        bonus += LABEL_PENALTY if unit.kind == "prose" and _is_label(unit.text) else 0.0
        bonus += ORDER_PENALTY if _ORDER_TO_MODEL.search(unit.text) else 0.0
        scored.append(replace(unit, score=shared / total, bonus=bonus))
    return scored


def _read(passages: Sequence[Passage]) -> Iterator[Unit]:
    for number, passage in enumerate(passages):
        heading = passage.path[-1] if passage.path else passage.title
        index = 0
        lines = [line.rstrip() for line in passage.text.split("\n") if line.strip()]
        # Lines of code that follow each other are one block; any other line is by itself.
        blocks = groupby(enumerate(lines), lambda pair: -1 if is_code(pair[1]) else pair[0])
        for line, (place, block) in enumerate(blocks):
            for text, kind in _pieces([one for _, one in block], code=place < 0):
                yield Unit(number, index, line, text, heading, kind)
                index += 1


def _pieces(block: Sequence[str], code: bool) -> Iterator[tuple[str, Kind]]:
    """The units of a block of code, or of one other line."""
    if code:
        yield "\n".join(line.removeprefix(CODE) for line in block), "code"
    elif BULLET.match(block[0].strip()):
        yield block[0].strip(), "item"
    else:
        for sentence in sentences(block[0]):
            yield sentence, "prose"


def _defines(text: str, subject: str) -> bool:
    said = " ".join(words(text[:80]))
    return (
        re.match(rf"(?:(?:an?|the) )?{re.escape(subject)}s?\b.{{0,40}}?\b(?:is|are|means?)\b", said)
        is not None
    )


def _is_label(text: str) -> bool:
    said = len(words(_URL.sub("", text)))
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
