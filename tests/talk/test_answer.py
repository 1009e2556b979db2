"""The one answer pipeline, by the pieces that it yields."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from nexus_voice.core import events
from nexus_voice.core.chat import Cited, CutOff, Generated, Passage, Prompt, ToolCall, ToolStep
from nexus_voice.core.errors import EngineError
from nexus_voice.ports import Tool
from nexus_voice.talk.answer import APOLOGY, MAX_ROUNDS, NOTHING_SAID, Delta, Piece, Sources, answer
from nexus_voice.talk.turn import answer_typed
from nexus_voice.text.citations.citations import Statement
from nexus_voice.tools.builtin import Clock

from .stage import engines, session

pytestmark = pytest.mark.anyio

PUMP = Passage("Open the red valve first.", "d1", "Pump")
OVEN = Passage("The oven takes ten minutes to heat.", "d2", "Oven")
CALL = ToolCall("c1", "clock", {})


@dataclass
class Scripted:
    """A model that says what the script has for each round, and records what it was given."""

    rounds: Sequence[Sequence[Generated]]
    name: str = "scripted"
    prompts: list[Prompt] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncIterator[Generated]:
        script = self.rounds[min(len(self.prompts), len(self.rounds) - 1)]
        self.prompts.append(prompt)
        self.offered.append(len(tools))
        for piece in script:
            yield piece


async def pieces(llm: Scripted, prompt: Prompt, **how: object) -> list[Piece]:
    return [piece async for piece in answer(llm, prompt, **how)]  # type: ignore[arg-type]


async def test_sources_come_first_then_text_without_marks_and_its_statements() -> None:
    llm = Scripted([["Open the red ", "valve. 【1】"]])
    got = await pieces(llm, Prompt("how?", passages=(PUMP, OVEN)))
    assert got[0] == Sources((PUMP, OVEN), quoted=False)
    assert "".join(piece.text for piece in got if isinstance(piece, Delta)).strip() == "Open the red valve."
    statements = [piece for piece in got if isinstance(piece, Statement) and piece.text.strip()]
    assert [(one.text.strip(), one.sources) for one in statements] == [("Open the red valve.", (1,))]


async def test_an_engine_that_knows_its_sources_names_them_once() -> None:
    llm = Scripted([[Cited((OVEN,)), "The oven takes ten minutes to heat."]])
    got = await pieces(llm, Prompt("how long?", passages=(PUMP, OVEN)))
    assert [piece for piece in got if isinstance(piece, Sources)] == [Sources((OVEN,), quoted=True)]


async def test_tools_run_between_rounds_and_the_last_round_has_none() -> None:
    llm = Scripted([[CALL]])
    steps: list[ToolStep] = []

    async def run_tools(calls: Sequence[ToolCall]) -> list[ToolStep]:
        steps.extend(ToolStep(call, "noon") for call in calls)
        return steps

    await pieces(llm, Prompt("what time is it?"), tools=[Clock()], run_tools=run_tools)
    assert llm.offered == [1] * (MAX_ROUNDS - 1) + [0]
    assert [len(prompt.steps) for prompt in llm.prompts] == list(range(MAX_ROUNDS))
    assert len(steps) == MAX_ROUNDS - 1, "a call that was not offered is not run"


async def test_a_clients_own_tools_end_the_answer() -> None:
    llm = Scripted([["Let me see. ", CALL]])
    got = await pieces(llm, Prompt("what time is it?", ours=False), tools=[Clock()])
    assert got == [Delta("Let me see. "), CALL]
    assert len(llm.prompts) == 1


async def test_a_clients_own_prompt_is_answered_word_for_word() -> None:
    llm = Scripted([["See 【1】", " and [2]."]])
    assert await pieces(llm, Prompt("?", ours=False)) == [Delta("See 【1】"), Delta(" and [2].")]


async def test_a_call_that_is_written_as_text_runs_and_is_never_shown() -> None:
    written = ["I look. ", '```json\n{"na', 'me": "current_time", "argu', 'ments": {}}\n``', "`"]
    llm = Scripted([written, ["It is ", "<passage id=", '"1" source="A">Old.</passage>', "noon."]])
    calls: list[ToolCall] = []

    async def run(now: Sequence[ToolCall]) -> Sequence[ToolStep]:
        calls.extend(now)
        return [ToolStep(call, "noon") for call in now]

    got = await pieces(llm, Prompt("time?"), tools=[Clock()], run_tools=run)
    assert [(call.name, call.arguments) for call in calls] == [("current_time", {})]
    assert "".join(one.text for one in got if isinstance(one, Delta)) == "I look. It is noon."
    assert "".join(one.text for one in got if isinstance(one, Statement)) == "I look. It is noon."


async def test_a_model_that_writes_nothing_for_people_says_so() -> None:
    llm = Scripted([['{"name": "open_door", "arguments": {}}']])
    got = await pieces(llm, Prompt("open?"))
    assert "".join(one.text for one in got if isinstance(one, Delta)) == NOTHING_SAID
    theirs = await pieces(llm, Prompt("open?", ours=False))
    assert theirs == [Delta('{"name": "open_door", "arguments": {}}')]


async def test_people_get_an_apology_for_a_model_that_dies() -> None:
    got = await pieces(Scripted([["The sky is", CutOff()]]), Prompt("?"))
    assert "".join(piece.text for piece in got if isinstance(piece, Delta)) == "The sky is" + APOLOGY


async def test_programs_get_an_error_for_a_model_that_dies() -> None:
    with pytest.raises(EngineError, match="in the middle"):
        await pieces(Scripted([["The sky is", CutOff()]]), Prompt("?", ours=False))


class Nobody:
    """Whatever listening opens: it must not be opened for typed text."""

    name = "nobody"

    def open(self, *_: object) -> None:
        raise AssertionError("typed text needs no ear")


async def test_typed_text_is_answered_without_an_ear() -> None:
    sent: list[object] = []

    class Reader:
        async def send(self, message: object) -> None:
            sent.append(message)

    parts = session(engines(vad=Nobody(), front_ends=Nobody(), overlaps=Nobody()))
    parts.manner.speak = False
    await answer_typed(Reader(), parts, "and tomorrow?")
    assert isinstance(sent[-1], events.Ended)
    assert sent[-1].outcome == "done"
    assert parts.chat.exchanges[-1].user == "and tomorrow?"
