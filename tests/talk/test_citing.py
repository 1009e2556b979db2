"""What an answer rests on, on its way to the client: marked on the screen, never said, never remembered."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from fake_knowledge import FakeKnowledge
from nexus_voice.core import events
from nexus_voice.core.chat import Cited, Passage, Prompt, ToolCall
from nexus_voice.engines.extractive.llm import ExtractiveLlm
from nexus_voice.engines.fake.engines import FakeLlm, FakeTts

from .stage import Client, Script, engines, perform, session

PUMP = Passage("The blue button starts the pump.", "d1", "The pump", page=3, position=40, score=0.9)
BILL = Passage("Keep the bill in a safe place.", "d2", "Warranty", position=7, score=0.8)
MARKED = "Press the blue button [1]. It runs by itself.[9] Keep the bill. [1][2] That is all."
PLAIN = "Press the blue button. It runs by itself. Keep the bill. That is all."


def asked(llm: Any, *passages: Passage, speak: bool = True, **more: Any) -> tuple[Client, Any, FakeTts]:
    tts = FakeTts(seconds=1.0)
    parts = session(engines(llm=llm, tts=tts, knowledge=FakeKnowledge(passages or (PUMP, BILL)), **more))
    says = [(0.1, events.Settings(speak=speak)), (1.0, events.Text(text="How do I start the pump?"))]
    return perform(Script(until=12, says=says), parts), parts, tts


def sentences(client: Client) -> list[tuple[str, list[int]]]:
    return [(one.text, one.sources) for _, one in client.all(events.Sentence)]


@pytest.mark.parametrize("speak", [True, False])
def test_each_sentence_says_what_it_rests_on(speak: bool) -> None:
    client, parts, tts = asked(FakeLlm(MARKED), speak=speak)
    assert sentences(client) == [
        ("Press the blue button.", [1]),
        ("It runs by itself.", []),
        ("Keep the bill.", [1, 2]),
        ("That is all.", []),
    ]
    assert "".join(delta.text for _, delta in client.all(events.Delta)) == PLAIN
    assert client.one(events.Ended).heard == PLAIN
    assert parts.chat.history()[-1].text == PLAIN
    assert list(tts.sentences) == ([text for text, _ in sentences(client)] if speak else [])
    assert client.story()[1:3] == ["sources", "delta"]


@pytest.mark.parametrize(
    "said", ["What did I just ask?", "can you repeat that", "thank you", "How are you?", "tell me a joke"]
)
def test_what_needs_no_documents_is_not_looked_up(said: str) -> None:
    knowledge = FakeKnowledge([PUMP])
    for llm in (FakeLlm("Gladly."), ExtractiveLlm()):
        parts = session(engines(llm=llm, tts=FakeTts(), knowledge=knowledge))
        client = perform(Script(until=12, says=[(1.0, events.Text(text=said))]), parts)
        assert [one.sources for _, one in client.all(events.Sources) if one.sources] == []
        assert "not find" not in client.one(events.Ended).heard
    assert knowledge.calls == 0


def test_what_was_heard_of_a_marked_sentence_is_counted_in_its_own_words() -> None:
    llm, tts = FakeLlm("Press the blue button [1] on the front【2】. Then wait [2]."), FakeTts(seconds=2.0)
    parts = session(engines(llm=llm, tts=tts, knowledge=FakeKnowledge([PUMP, BILL])))
    client = perform(Script(until=9, says=[(1.0, events.Text(text="how")), (2.5, events.Hush())]), parts)
    heard = client.one(events.Ended).heard
    assert heard
    assert "Press the blue button on the front.".startswith(heard)


def test_a_mark_keeps_no_sentence_from_the_voice() -> None:
    """The first sentence is heard as soon as it would be without its mark."""
    times = []
    for answer in ("Press the blue button. Then wait.", "Press the blue button [1]. Then wait."):
        client, _, _ = asked(FakeLlm(answer, token_gap=0.2))
        times.append(client.when(events.AudioStart))
    assert times[1] == pytest.approx(times[0], abs=0.21)  # one token longer, as the text is


def test_words_before_a_tool_are_spoken_while_it_runs() -> None:
    class Slow:
        name, description, parameters, side_effects = "slow", "", {"type": "object"}, False

        async def __call__(self) -> str:
            await anyio.sleep(3)
            return "done"

    llm = FakeLlm("It is done now.", tool_calls=[ToolCall("c", "slow", {})], before="Let me look that up.")
    client, _, _ = asked(llm, tools=(Slow(),))
    done = next(at for at, tool in client.all(events.Tool) if tool.status == "done")
    assert client.when(events.AudioStart) < done - 2


def test_numbers_mean_what_the_engine_said_it_rests_on() -> None:
    class Quotes(FakeLlm):
        async def stream(self, prompt: Prompt, tools: Any = ()) -> Any:
            yield Cited((BILL,))
            yield "Keep the bill. 【1】"
            yield " Not this. 【2】"

    client, _, _ = asked(Quotes())
    assert [source.title for source in client.one(events.Sources).sources] == ["Warranty"]
    assert sentences(client) == [("Keep the bill.", [1]), ("Not this.", [])]


def test_the_embedded_answerer_marks_each_quotation() -> None:
    client, _, tts = asked(ExtractiveLlm(), speak=True)
    (text, sources), *_ = [one for one in sentences(client) if one[1]]
    assert text.endswith("The blue button starts the pump.")
    assert sources == [1]
    assert client.one(events.Sources).sources[0].title == "The pump"
    assert not any(sign in sentence for sentence in tts.sentences for sign in "[【1")


def test_the_document_is_not_named_again_and_again() -> None:
    parts = session(engines(llm=ExtractiveLlm(), tts=FakeTts(seconds=0.5), knowledge=FakeKnowledge([PUMP])))
    question = "What starts the pump?"
    says = [(1.0, events.Text(text=question)), (5.0, events.Text(text=question))]
    client = perform(Script(until=9, says=says), parts)
    assert [ended.heard for _, ended in client.all(events.Ended)] == [
        "From “The pump”: The blue button starts the pump.",
        "The blue button starts the pump.",
    ]
