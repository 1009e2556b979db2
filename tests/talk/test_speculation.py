"""The answer is begun at a pause, privately, and used only if that was the question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from anyio.abc import TaskGroup

from fake_knowledge import FakeKnowledge
from nexus_voice.core import events
from nexus_voice.core.audio import Pcm, Transcript, Voice
from nexus_voice.core.chat import Passage, Prompt, ToolCall
from nexus_voice.core.errors import Busy
from nexus_voice.engines.chain.fallback import Fallback, Policy
from nexus_voice.engines.fake.engines import Failure, FakeLlm, FakeStt, FakeTts
from nexus_voice.talk.ahead import MAX_PIECES
from nexus_voice.talk.clocks import Clocks
from nexus_voice.talk.conversation import Conversation
from nexus_voice.talk.draft import said
from nexus_voice.talk.session import Engines, Session
from nexus_voice.talk.speculation import Speculation

from .stage import Anyone, Client, Script, engines, perform, session
from .test_turn import Tool

QUESTION = "refunds for students take how long here"
ANSWER = "They take thirty days. Please keep the ticket."
PASSAGE = Passage("Refunds take thirty days.", "d1", "Shop", score=0.9)
ASKED = Script(until=9, speech=[(1.0, 2.5)])


def talking(words_per_second: float = 5, **parts: Any) -> dict[str, Any]:
    """Engines whose recogniser has the whole question at the pause, and whose model is slow to begin."""
    stt = FakeStt(QUESTION, partials=True, words_per_second=words_per_second)
    return {"stt": stt, "llm": FakeLlm(ANSWER, first_token=0.4), **parts}


def waited(client: Client) -> float:
    """Seconds between the final words and the first of the answer."""
    return client.when(events.Delta) - client.when(events.Final)


def test_the_user_waits_for_little_of_a_slow_model() -> None:
    parts = engines(**talking(knowledge=FakeKnowledge([PASSAGE], delay=0.02)))
    client = perform(ASKED, session(parts))
    assert waited(client) <= 0.1
    assert client.when(Pcm) - client.when(events.Final) <= 0.15  # five more tokens, and 80 ms of the voice
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)
    assert client.story() == [
        "onset", "partial", "final", "sources", "delta", "sentence", "audio_start", "audio", "audio_end",
        "metrics", "ended",
    ]  # fmt: skip
    assert parts.llm.calls == 1  # type: ignore[attr-defined]
    assert list(parts.tts.sentences) == ["They take thirty days.", "Please keep the ticket."]  # type: ignore[attr-defined]
    assert (parts.drafts.started, parts.drafts.used, parts.drafts.discarded) == (1, 1, 0)
    assert client.audio_between(0, 9) == pytest.approx(4.0)


def test_without_it_the_user_waits_for_all() -> None:
    client = perform(ASKED, session(engines(**talking()), speculate="off"))
    assert waited(client) == pytest.approx(0.4, abs=0.001)


def test_clocks_count_what_was_done_early_from_the_end_of_speech() -> None:
    client = perform(ASKED, session(engines(**talking(knowledge=FakeKnowledge([PASSAGE])))))
    clocks = client.one(events.Metrics).clocks
    assert 160 <= clocks["recall"] < 200
    assert clocks["llm_first_token"] == pytest.approx(clocks["recall"] + 400, abs=1)
    assert clocks["first_audio_sent"] >= clocks["stt"] > clocks["recall"]
    early = Clocks(10.0)
    early.lap("recall", 11.0)
    turn = Clocks(12.0)
    turn.lap("stt", 12.5)
    early.count_from(turn)
    assert early.laps == {"stt": 500.0, "recall": 0.0}, "before t0 counts as 0"


def test_nothing_is_sent_or_left_running_when_the_user_goes_on() -> None:
    parts = engines(**talking(words_per_second=2))
    client = perform(Script(until=12, speech=[(1.0, 2.5), (2.9, 5.0)]), session(parts))
    llm: Any = parts.llm
    assert [final.text for _, final in client.all(events.Final)] == [QUESTION]
    asked = [prompt.question for prompt in llm.prompts]
    assert asked == ["refunds for students", "refunds for students take", QUESTION]
    assert client.when(events.Delta) >= client.when(events.Final)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)
    assert llm.running == 0
    assert (parts.drafts.used, parts.drafts.discarded) == (1, 2)
    assert parts.drafts.prompt_tokens >= len("refunds for students") // 4


def test_other_final_words_are_answered_afresh() -> None:
    parts = engines(**talking(words_per_second=2))
    client = perform(ASKED, session(parts))  # the recogniser is late: it has three words, then four
    assert client.one(events.Final).text == QUESTION
    assert waited(client) == pytest.approx(0.4, abs=0.001)
    assert parts.llm.prompts[-1].question == QUESTION  # type: ignore[attr-defined]
    assert (parts.drafts.used, parts.drafts.discarded) == (0, 2)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is it?", "what is it", True),
        ("Well, tell me… now", "well tell me now!", True),
        ("what's 5 + 3", "what's 5 - 3", False),
        ("is it 10%", "is it 10", False),
        ("what costs $5", "what costs 5", False),
        ("泵是什么?", "泵是什么", True),
    ],
)
def test_words_and_signs_make_a_question(one: str, other: str, same: bool) -> None:
    assert (said(one) == said(other)) is same


@pytest.mark.parametrize(
    "change",
    [
        events.UpdateContext(text="On the page /tickets"),
        events.Settings(mode="faster"),
        events.Settings(knowledge=False),
        events.Settings(collections=["shop"]),
        events.Settings(speak=False),
    ],
)
def test_what_was_begun_under_other_circumstances_is_not_used(change: Any) -> None:
    parts = engines(**talking(knowledge=FakeKnowledge([PASSAGE])))
    client = perform(Script(until=9, speech=[(1.0, 2.5)], says=[(2.8, change)]), session(parts))
    assert client.when(events.Final) > 2.8
    assert (parts.drafts.used, parts.drafts.discarded) == (0, 1)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)
    assert parts.llm.calls == 2  # type: ignore[attr-defined]


def test_another_turn_in_between_makes_it_invalid() -> None:
    """Typed while the speaker pauses: the history is another one then."""
    parts = engines(**talking(), tts=FakeTts(seconds=0.01))
    script = Script(until=12, speech=[(1.0, 2.5)], says=[(2.7, events.Text(text="hello"))])
    client = perform(script, session(parts))
    assert [ended.outcome for _, ended in client.all(events.Ended)] == ["interrupted", "done"]
    assert parts.drafts.used == 0
    assert parts.llm.prompts[-1].history[0].text == "hello"  # type: ignore[attr-defined]


def test_a_new_voice_speaks_the_text_that_was_begun() -> None:
    class Voices(FakeTts):
        def speak(self, sentence: str, voice: Voice) -> Any:
            used.append((sentence, voice.name))
            return super().speak(sentence, voice)

    used: list[tuple[str, str]] = []
    # The first sentence of the answer is said from 3.06 s on, and the final words come at 3.1 s.
    parts = engines(**talking(llm=FakeLlm(ANSWER, first_token=0.1)), tts=Voices())
    client = perform(
        Script(until=9, speech=[(1.0, 2.5)], says=[(3.05, events.Settings(voice="anna"))]), session(parts)
    )
    assert client.when(events.Final) > 3.05
    first, second = "They take thirty days.", "Please keep the ticket."
    assert used == [(first, ""), (first, "anna"), (second, "anna")]
    assert parts.llm.calls == 1  # type: ignore[attr-defined]
    assert client.audio_between(0, 9) == pytest.approx(4.0)
    clocks = client.one(events.Metrics).clocks
    assert clocks["tts_first_audio"] > clocks["stt"], "the sound that is heard"


class Looking:
    """A recogniser like Whisper: its words come late, and say how much of the utterance they cover."""

    name, early_words = "looking", False

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncIterator[Transcript]:
        looks = [(1.0, "refunds for"), (2.05, QUESTION), (2.15, QUESTION)]
        heard = 0.0
        async for pcm in audio:
            heard += pcm.seconds
            while looks and heard >= looks[0][0]:
                yield Transcript(looks.pop(0)[1], False, until=heard - 0.1)
        await anyio.sleep(0.1)
        yield Transcript(QUESTION, True)


def test_words_that_are_not_all_of_the_question_begin_nothing() -> None:
    """At the pause the recogniser has heard half of it, and a moment later all: once is enough."""
    parts = engines(**talking(stt=Looking()))
    client = perform(ASKED, session(parts))
    assert [partial.text for _, partial in client.all(events.Partial)] == ["refunds for", QUESTION]
    assert (parts.drafts.started, parts.drafts.used) == (1, 1)
    assert waited(client) <= 0.2  # the pause had 350 ms left


# --- tools ---------------------------------------------------------------------------------------


def calling(tool: Tool, **more: Any) -> Engines:
    llm = FakeLlm("It is settled.", first_token=0.05, tool_calls=[ToolCall("c1", tool.name, {})], **more)
    return engines(**talking(llm=llm, tools=(tool,)))


@pytest.mark.parametrize("side_effects", [True, False])
def test_a_tool_runs_once_and_only_for_the_turn(side_effects: bool) -> None:
    tool = Tool("order", 0.5, side_effects)
    parts = calling(tool)
    client = perform(ASKED, session(parts))
    assert [event.status for _, event in client.all(events.Tool)] == ["started", "done"]
    assert client.when(events.Tool) >= client.when(events.Final)
    assert tool.finished == 1
    assert parts.drafts.used == 1
    assert client.one(events.Ended).heard == "It is settled."


def test_a_tool_never_runs_for_a_question_that_was_none() -> None:
    tool = Tool("order", 0.0, side_effects=True)
    parts = calling(tool)
    stt = FakeStt(QUESTION, partials=True, words_per_second=2)
    parts.stt = stt
    script = Script(until=4.2, speech=[(1.0, 2.5), (2.9, 6.0)])  # hung up in the middle of the question
    perform(script, session(parts))
    assert tool.finished == 0
    assert parts.drafts.discarded == 2


def test_an_error_after_a_tool_runs_it_no_second_time() -> None:
    tool = Tool("order", 0.0, side_effects=True)
    parts = calling(tool, fail=Failure(call=2))
    client = perform(ASKED, session(parts))
    assert client.one(events.Ended).outcome == "failed"
    assert tool.finished == 1


def test_an_interruption_stops_what_was_begun_early_and_finishes_a_side_effect() -> None:
    tool = Tool("order", 1.0, side_effects=True)
    parts = calling(tool)
    script = Script(until=9, speech=[(1.0, 2.5)], says=[(3.5, events.Hush())])
    client = perform(script, session(parts))
    assert client.one(events.Ended).outcome == "interrupted"
    assert tool.finished == 1
    assert parts.llm.calls == 1  # type: ignore[attr-defined]


# --- interruptions and errors ----------------------------------------------------------------------


@pytest.mark.parametrize("when", [3.11, 3.3, 4.0])
def test_barge_in_on_an_answer_that_was_begun_early(when: float) -> None:
    """Right after it was taken, while it is thought out, and while it is spoken."""
    parts = session(engines(**talking(llm=FakeLlm(ANSWER, first_token=0.5))))
    client = perform(Script(until=9, speech=[(1.0, 2.5)], says=[(when, events.Hush())]), parts)
    assert client.when(events.Final) < when
    assert client.when(events.Flush) == pytest.approx(when, abs=0.001)
    ended = client.one(events.Ended)
    assert ended.outcome == "interrupted"
    assert client.when(events.Ended) < when + 0.15
    assert parts.chat.exchanges[0].heard == ended.heard
    running = (parts.engines.llm, parts.engines.tts)
    assert [engine.running for engine in running] == [0, 0]  # type: ignore[attr-defined]
    assert not [1 for at, _ in client.all(Pcm) if at > when]


@pytest.mark.parametrize("after", [0, 3])
def test_an_error_ahead_is_forgotten_and_done_again(after: int) -> None:
    llm = FakeLlm(ANSWER, first_token=0.05, fail=Failure(call=1, after=after))
    for model in (llm, Fallback(llm, policy=Policy(retries=0))):
        llm.calls = 0
        parts = engines(**talking(llm=model))
        client = perform(ASKED, session(parts))
        assert not client.all(events.Error)
        assert client.one(events.Ended) == events.Ended(1, "done", ANSWER), "and no apology"
        assert llm.calls == 2
        assert parts.drafts.discarded == 1


def test_an_error_after_the_question_is_certain_is_the_turns() -> None:
    llm = FakeLlm(ANSWER, first_token=0.4, token_gap=0.1, fail=Failure(call=1, after=3))
    client = perform(ASKED, session(engines(**talking(llm=llm))))
    assert client.one(events.Error).code == "scripted"
    assert client.one(events.Ended).outcome == "failed"


@pytest.mark.parametrize("part", ["knowledge", "tts"])
def test_a_search_or_a_voice_that_fails_early_is_used_again(part: str) -> None:
    broken = {
        "knowledge": FakeKnowledge([PASSAGE], fail=Failure(call=1)), "tts": FakeTts(fail=Failure(call=1))
    }[part]  # fmt: skip
    parts = engines(**talking(llm=FakeLlm(ANSWER, first_token=0.05)), **{part: broken})
    client = perform(ASKED, session(parts))
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


# --- bounds, and who gives way -----------------------------------------------------------------------


def test_it_stops_reading_when_nobody_asks_and_is_dropped_in_the_end() -> None:
    words = " ".join(f"word{n}" for n in range(1000))
    llm = FakeLlm(words, first_token=0, token_gap=0.001)
    parts = session(engines(llm=llm, tts=FakeTts(first_audio=0, speed=100, seconds=60)))

    async def scene() -> None:
        async with anyio.create_task_group() as tasks:
            speculation = speculating(parts, tasks)
            speculation.begin("a question that nobody finishes")
            await anyio.sleep(4)
            assert llm.running == 1
            speculation.begin("A question that nobody finishes!")
            await anyio.sleep(1.1)
            assert llm.running == 0
            assert parts.engines.drafts.completion_tokens <= MAX_PIECES + 2
            assert parts.engines.drafts.started == parts.engines.drafts.discarded == 1
            draft = speculation.take("a question that nobody finishes", Clocks(0.0))
            assert draft.ahead is None, "it is too old"

    trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))


def speculating(parts: Session, tasks: TaskGroup) -> Speculation:
    client = Client(Script(until=0))
    client.close()
    return Conversation(client, parts, tasks).speculation


class Few(FakeLlm):
    """A model that answers one question at a time."""

    @property
    def free_places(self) -> int:
        return 1 - self.running


def on_stage(scene: Callable[[Session, Speculation], Any], parts: Session) -> None:
    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            await scene(parts, speculating(parts, tasks))
            tasks.cancel_scope.cancel()

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))


async def no_tools(calls: Any) -> Any:
    raise AssertionError


def test_it_gives_way_to_an_answer_that_somebody_waits_for() -> None:
    async def scene(parts: Session, speculation: Speculation) -> None:
        llm: Any = parts.engines.llm
        speculation.begin("how long does it take")
        await anyio.sleep(0.1)
        assert llm.running == 1
        other = speculating(Session("other", parts.engines), speculation._tasks)
        other.begin("what does it cost")
        await anyio.sleep(0.1)
        assert llm.calls == 1, "a busy model is not asked"
        pieces = [piece async for piece in other.take("and why", Clocks(0.0)).pieces(no_tools)]
        assert pieces
        assert llm.calls == 2
        assert parts.engines.drafts.discarded == 1
        assert speculation.take("how long does it take", Clocks(0.0)).ahead is None

    on_stage(scene, session(engines(llm=Few(ANSWER, first_token=0.4))))


def test_tokens_that_cost_money_are_spent_on_request_only() -> None:
    class Paid(FakeLlm):
        local = False

    for speculate, early in (("auto", False), ("always", True), ("off", False)):
        parts = engines(**talking(llm=Paid(ANSWER, first_token=0.4), knowledge=FakeKnowledge([PASSAGE])))
        client = perform(ASKED, session(parts, speculate=speculate))
        assert (waited(client) <= 0.1) is early
        assert parts.drafts.started == int(early)
        assert client.one(events.Metrics).clocks["recall"] < client.one(events.Metrics).clocks["stt"]
        assert parts.knowledge.calls == 1  # type: ignore[union-attr]


# --- reading ahead ------------------------------------------------------------------------------


class Reader(FakeLlm):
    """A model that reads what it is given at 1 ms a character, after a first step that cannot be cancelled.
    It notes what it has read."""

    primes, reading = True, False

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.begun: list[int] = []
        self.read: list[tuple[float, int]] = []

    async def prime(self, prompt: Prompt, tools: Any = ()) -> None:
        assert prompt.question == ""
        began = anyio.current_time()
        assert not self.reading, "one at a time"
        self.reading = True
        self.begun.append(len(prompt.passages))
        try:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.05)  # a step
            await anyio.sleep(sum(len(passage.text) for passage in prompt.passages) / 1e3)
        finally:
            self.reading = False
        self.read.append((began, len(prompt.passages)))


def test_the_model_reads_while_the_user_speaks() -> None:
    """The instructions before, and the passages as soon as the words find some."""
    llm = Reader(ANSWER, first_token=0.4)
    knowledge = FakeKnowledge([PASSAGE])
    parts = engines(**talking(llm=llm, knowledge=knowledge))
    client = perform(ASKED, session(parts))
    assert [passages for _, passages in llm.read] == [0, 1]
    begins = [began - client.start for began, _ in llm.read]
    assert begins[0] == 0.0
    assert 1.0 <= begins[1] < 2.5
    assert waited(client) <= 0.1
    assert client.one(events.Ended).outcome == "done"


def test_a_model_that_cannot_read_ahead_still_answers() -> None:
    class Full(FakeLlm):
        primes, asked = True, 0

        async def prime(self, prompt: Prompt, tools: Any = ()) -> None:
            self.asked += 1
            raise Busy("Too many are waiting.")

    llm = Full(ANSWER)
    client = perform(ASKED, session(engines(**talking(llm=llm, knowledge=FakeKnowledge([PASSAGE])))))
    assert llm.asked
    assert client.one(events.Ended).outcome == "done"


def test_other_passages_take_the_place_of_those_being_read() -> None:
    class Growing(FakeKnowledge):
        async def recall(self, query: str, *more: Any, **named: Any) -> list[Passage]:
            found = await super().recall(query, *more, **named)
            return found * min(5, len(query.split()))

    llm = Reader(ANSWER, first_token=0.4)
    parts = engines(**talking(llm=llm, knowledge=Growing([Passage("x" * 900, "d1", "Shop")])))
    client = perform(ASKED, session(parts))
    assert llm.begun == sorted({*llm.begun, 0, 2, 3, 4, 5})
    assert [passages for _, passages in llm.read] == [0, 5], "each of the others was given up for the next"
    assert client.one(events.Ended).outcome == "done"


def test_passages_that_were_read_come_first() -> None:
    """What stands before a new passage need not be read again."""
    shop, house, park = (
        Passage(f"{name} tells something.", name, name) for name in ("shop", "house", "park")
    )

    class Ordered(FakeKnowledge):
        async def recall(self, query: str, *more: Any, **named: Any) -> list[Passage]:
            await super().recall(query, *more, **named)
            return [shop, house] if len(query.split()) < len(QUESTION.split()) else [park, house, shop]

    llm = Reader(ANSWER, first_token=0.4)
    client = perform(ASKED, session(engines(**talking(llm=llm, knowledge=Ordered()))))
    assert llm.prompts[-1].passages == (shop, house, park)
    assert [source.title for source in client.one(events.Sources).sources] == ["shop", "house", "park"]


def test_nothing_is_read_ahead_where_that_is_off_or_while_the_assistant_speaks() -> None:
    for speculate, speech in (("off", [(1.0, 2.5)]), ("auto", [(3.0, 3.3)])):
        llm = Reader(ANSWER, first_token=0.4)
        parts = engines(**talking(llm=llm, knowledge=FakeKnowledge([PASSAGE])), overlaps=Anyone(0.1))
        says = [(0.5, events.Text(text="hello"))] if speculate == "auto" else []
        perform(Script(until=4, speech=speech, says=says), session(parts, speculate=speculate))
        assert llm.begun == ([0] if speculate == "auto" else []), "the instructions, when the client came"


def test_a_search_that_fails_while_somebody_speaks_is_forgotten() -> None:
    llm = Reader(ANSWER, first_token=0.4)
    parts = engines(**talking(llm=llm, knowledge=FakeKnowledge([PASSAGE], fail=Failure(call=1))))
    client = perform(ASKED, session(parts))
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


# --- who did the work ------------------------------------------------------------------------------


@pytest.mark.parametrize("speculate", ["auto", "off"])
def test_the_metrics_name_the_engines_that_worked(speculate: str) -> None:
    """Not those that the next call would go to, and none that had nothing to do."""
    worn, spare = FakeLlm(fail=Failure()), FakeLlm(ANSWER)
    worn.name, spare.name = "worn", "spare"
    chain = Fallback(worn, spare, policy=Policy(retries=0, failures=100))
    stt = FakeStt(QUESTION, partials=True, words_per_second=5)
    stt.name = "ears"
    parts = session(engines(**talking(llm=chain, stt=Fallback(stt))), speculate=speculate)
    script = Script(
        until=16, speech=[(1.0, 2.5)],
        says=[(9.0, events.Settings(speak=False)), (9.5, events.Text(text="and now?"))],
    )  # fmt: skip
    client = perform(script, parts)
    assert client.one(events.Metrics).engines == {"vad": "fake", "stt": "ears", "llm": "spare", "tts": "fake"}
    assert client.one(events.Metrics, 1).engines == {"llm": "spare"}
    assert chain.links[0].switches == 2
