"""The questions of `questions.txt`, and how an answer is judged without anybody's opinion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus_voice.engines.extractive.advice import NOT_FOUND
from nexus_voice.text.prose import sentences
from nexus_voice.text.words import terms

HERE = Path(__file__).parent
NO_ANSWER = "none"
"""The kind of questions that the documents do not answer."""
HELD_OUT = 3
"""Every so manieth question is for testing; the rules were made with the others in view."""
MAX_CHARS, MAX_SENTENCES = 350, 3
"""Of a right answer, without the name of its source."""
MAX_LIST_CHARS = 450
"""The same where a list is asked for, which may have any number of items."""
LEAD = re.compile(r"(?:From )?“[^”]{1,500}”(?:, “[^”]{1,500}”)?:\s+")


@dataclass(frozen=True, slots=True)
class Case:
    """A question in all its `wordings`, typed and as a recogniser writes it.

    Of `facts` an answer has one of each group; it has none of `wrong`.
    """

    kind: str
    wordings: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    wrong: tuple[str, ...]
    held_out: bool

    def fault(self, question: str, answer: str) -> str:
        """What is wrong with an answer, or nothing."""
        refused = answer.startswith(NOT_FOUND)
        if self.kind == NO_ANSWER:
            return "" if refused else "answered"
        if refused:
            return "refused"
        said = _plain(LEAD.sub("", answer))
        if not all(any(_plain(fact) in said for fact in group) for group in self.facts):
            return "lacks the fact"
        if any(_plain(fact) in said for fact in self.wrong):
            return "says another fact"
        told = sentences(LEAD.sub("", answer))
        listed = self.kind == "list"
        if len(said) > (MAX_LIST_CHARS if listed else MAX_CHARS) or (
            not listed and len(told) > MAX_SENTENCES
        ):
            return "too long"
        first = _plain(told[0])
        known = any(_plain(fact) in first for group in self.facts for fact in group)
        return "" if known or {*terms(question)} & {*terms(first)} else "begins with something else"


def cases() -> list[Case]:
    lines = (HERE / "questions.txt").read_text("utf-8").splitlines()
    found = [[part.strip() for part in line.split("|")] for line in lines if line and line[0] not in "#-"]
    return [_case(number, *parts) for number, parts in enumerate(found, 1)]


def _case(number: int, kind: str, wordings: str, facts: str = "", wrong: str = "") -> Case:
    groups = tuple(_split(group, " / ") for group in _split(facts, " & "))
    return Case(kind, _split(wordings, " ~ "), groups, _split(wrong, " / "), number % HELD_OUT == 0)


def _split(text: str, mark: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(mark) if part.strip())


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").split()).casefold()


def share(faults: Sequence[str]) -> float:
    return sum(not fault for fault in faults) / len(faults) if faults else 1.0
