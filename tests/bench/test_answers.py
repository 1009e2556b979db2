"""How many questions are answered right without a language model: floors under `bench answers`."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.answers.answers import Judged, asked, right, table
from bench.answers.questions import NO_ANSWER, cases

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FLOOR_RIGHT, FLOOR_REFUSED = 0.85, 0.87


def failures(judged: list[Judged]) -> str:
    return "\n".join([*(f"{one.question}: {one.fault}: {one.answer}" for one in judged if one.fault)])


async def test_questions_are_answered_and_others_refused(tmp_path: Path, models: Path) -> None:
    judged = await asked(tmp_path, models)
    for held_out in (False, True):
        assert right(judged, answerable=True, held_out=held_out) >= FLOOR_RIGHT, failures(judged)
        assert right(judged, answerable=False, held_out=held_out) >= FLOOR_REFUSED, failures(judged)
    answers = {one.question: one.answer for one in judged}
    assert ": It reads text" in answers["Which file formats can I upload?"]
    assert answers["What is the torque of the AX-200?"].endswith("The torque of AX-200 is 27 Nm.")
    assert [line.split()[0] for line in table(judged)][-2:] == ["answerable", "refused"]


def test_the_questions_are_of_all_kinds() -> None:
    asked_for = [case.kind for case in cases()]
    wordings = [wording for case in cases() for wording in case.wordings]
    assert len(asked_for) >= 180
    assert asked_for.count(NO_ANSWER) >= 30
    assert len(wordings) == len(set(wordings))
    assert sum(wording == wording.lower() for wording in wordings) >= 100
    assert all(case.facts for case in cases() if case.kind != NO_ANSWER)


def test_an_answer_is_judged_strictly() -> None:
    case = next(case for case in cases() if "How much does a small inspection cost?" in case.wordings)
    question = case.wordings[0]
    assert case.fault(question, "From “Prices”: The price of Small inspection is 39.") == ""
    assert case.fault(question, "From “Prices”: Small 39, large 89.") == "says another fact"
    assert case.fault(question, "From “Prices”: All is cheap.") == "lacks the fact"
    assert case.fault(question, "I did not find that in your documents.") == "refused"
    assert case.fault(question, f"From “Prices”: The price is 39. {'And so on. ' * 9}") == "too long"
    assert case.fault(question, "From “Prices”: All is cheap. It is 39.") == "begins with something else"
