"""The conversation as scripted timelines on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
import trio
import trio.testing

from fake_knowledge import FakeKnowledge
from nexus_voice.core import events
from nexus_voice.core.access import EVERYONE, PUBLIC, Scope
from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.core.chat import Cited, Passage, ToolCall
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.fake.engines import Failure, FakeLlm, FakeStt, FakeTts
from nexus_voice.talk.client_line import ClientLine
from nexus_voice.talk.session import Session

from .stage import Anyone, Client, Script, engines, perform, session

ANSWER = "It will be sunny all day. Take a hat with you."


def test_a_spoken_question_gets_a_spoken_answer() -> None:
    client = perform(Script(until=8, speech=[(1.0, 2.5)]))
    assert client.story() == [
        "onset", "final", "delta", "sentence", "audio_start", "audio", "audio_end", "metrics", "ended",
    ]  # fmt: skip
    assert client.one(events.Final) == events.Final("what will the weather be like tomorrow", 1)
    assert "".join(delta.text for _, delta in client.all(events.Delta)) == ANSWER
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_the_clocks_count_from_the_last_voiced_sample() -> None:
    client = perform(Script(until=8, speech=[(1.0, 2.5)]))
    clocks = client.one(events.Metrics).clocks
    # 500 ms of silence, in frames of 20 ms, and 100 ms of the recogniser
    assert clocks["stt"] == pytest.approx(600, abs=21)
    # "It ... day." are 6 tokens: 150 + 5 x 20 ms; the voice takes 80 ms
    assert clocks["llm_first_token"] == pytest.approx(clocks["stt"] + 150, abs=1)
    assert clocks["first_audio_sent"] == pytest.approx(clocks["stt"] + 150 + 100 + 80, abs=2)
    assert client.when(Pcm) == pytest.approx(2.5 + clocks["first_audio_sent"] / 1e3, abs=0.001)


def test_typed_text_gets_the_same_turn_at_once() -> None:
    client = perform(Script(until=7, says=[(1.0, events.Text(text="and tomorrow?"))]))
    assert client.one(events.Final) == events.Final("and tomorrow?", 1)
    assert client.when(events.Delta) == pytest.approx(1.15, abs=0.001)
    assert client.one(events.Ended).outcome == "done"


def test_a_reader_gets_text_and_no_sound() -> None:
    says = [(0.5, events.Settings(speak=False)), (1.0, events.Text(text="hello"))]
    client = perform(Script(until=4, says=says))
    assert not client.all(Pcm)
    assert [sentence.text for _, sentence in client.all(events.Sentence)] == [ANSWER[:25], ANSWER[26:]]
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


# --- barge-in ------------------------------------------------------------------------------------


def test_barge_in_mid_sentence_keeps_only_heard_words() -> None:
    parts = session()
    # The answer's first sentence is heard from about 3.44 s on, for 2 s; the user speaks at 4.4 s.
    client = perform(Script(until=9, speech=[(1.0, 2.5), (4.4, 6.0)]), parts)
    began = client.when(Pcm)
    assert 4.4 < client.when(events.Duck) < 4.46
    flushed = client.when(events.Flush)
    assert 4.4 + 0.192 <= flushed <= 4.4 + 0.192 + 0.053
    ended = client.one(events.Ended)
    assert ended.outcome == "interrupted"
    share = (flushed - began) / 2.0
    assert ended.heard == ANSWER[: round(25 * share)].rsplit(" ", 1)[0]
    assert parts.chat.exchanges[0].heard == ended.heard


def test_no_audio_of_a_turn_follows_its_flush() -> None:
    """A worker's last chunk can come after the voice was cancelled: the line refuses it."""

    async def scene() -> Client:
        client = Client(Script(until=0))
        line = ClientLine(client)
        chunk = Pcm(b"\1\0" * 100, 24_000)
        await line.audio(1, chunk)
        await line.flush(1)
        await line.audio(1, chunk)
        await line.audio(2, chunk)
        client.close()
        return client

    client = trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [type(message) for _, message in client.got] == [Pcm, events.Flush, Pcm]


def test_barge_in_before_any_audio_leaves_only_the_users_words() -> None:
    parts = session(engines(llm=FakeLlm(ANSWER, first_token=3.0)))
    client = perform(Script(until=6, speech=[(1.0, 2.5), (4.0, 5.0)]), parts)
    assert client.one(events.Ended) == events.Ended(1, "interrupted", "")
    assert [m.text for m in parts.chat.history()][:1] == ["what will the weather be like tomorrow"]
    assert [m.role for m in parts.chat.history()] == ["user"] * len(parts.chat.history())
    assert parts.engines.llm.running == 0  # type: ignore[attr-defined]


def test_the_clients_report_bounds_what_was_heard() -> None:
    parts = session()
    script = Script(
        until=7, speech=[(1.0, 2.5)],
        says=[(4.6, events.Playback(turn=1, played_ms=700)), (4.65, events.Hush())],
    )  # fmt: skip
    client = perform(script, parts)
    # Our clock would say 1.2 s; the client's speaker had played 0.7 s, and 50 ms more since.
    assert client.one(events.Ended).heard == "It will"


def test_a_client_that_reports_is_given_time_for_its_last_word() -> None:
    says = [(4.4, events.Playback(turn=1, played_ms=900)), (4.5, events.Hush())]
    client = perform(Script(until=7, speech=[(1.0, 2.5)], says=says), playback=True)
    assert client.when(events.Flush) == pytest.approx(4.5, abs=0.001)
    assert client.when(events.Ended) < 4.6
    assert client.one(events.Ended).outcome == "interrupted"


def test_stop_button_and_typed_text_interrupt_at_once() -> None:
    for event in (events.Hush(), events.Text(text="no, the day after")):
        client = perform(Script(until=9, speech=[(1.0, 2.5)], says=[(4.0, event)]))
        assert client.when(events.Flush) == pytest.approx(4.0, abs=0.001)
        assert client.one(events.Ended).outcome == "interrupted"
        assert len(client.all(events.Final)) == (1 if isinstance(event, events.Hush) else 2)


def test_a_hush_with_nobody_speaking_does_nothing() -> None:
    client = perform(Script(until=2, says=[(1.0, events.Hush())]))
    assert client.got == []


def test_a_short_noise_ducks_and_gives_back() -> None:
    client = perform(Script(until=9, speech=[(1.0, 2.5), (4.0, 4.06)]))
    assert client.when(events.Unduck) < 4.4
    assert not client.all(events.Flush)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_a_cough_or_a_hum_does_not_kill_a_reply() -> None:
    """Long enough to be speech, but the overlap detector says it is not; the recogniser hears nothing."""
    for heard in ("", "mm-hm", "yeah okay"):
        stt = FakeStt(["what will the weather be like tomorrow", heard])
        parts = session(engines(stt=stt, overlaps=Anyone(0.1)))
        client = perform(Script(until=9, speech=[(1.0, 2.5), (4.0, 4.4)]), parts)
        assert len(client.all(events.Duck)) == 1
        assert client.when(events.Unduck) < 5.2
        assert client.one(events.Final, 1) == events.Final(heard, 0)
        assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_the_assistants_own_words_coming_back_do_not_interrupt_it() -> None:
    stt = FakeStt(["what will the weather be like tomorrow", "it will be sunny all day"], partials=True)
    parts = session(engines(stt=stt, overlaps=Anyone(1.0)), interrupt_late=9.0)
    client = perform(Script(until=9, speech=[(1.0, 2.5), (3.6, 5.2)]), parts)
    assert not client.all(events.Flush)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_words_interrupt_where_the_recogniser_gives_partials() -> None:
    stt = FakeStt(["what will the weather be like", "no wait tell me about today"], partials=True)
    client = perform(Script(until=9, speech=[(1.0, 2.5), (4.0, 6.0)]), session(engines(stt=stt)))
    partial = next(when for when, p in client.all(events.Partial) if p.text.startswith("no"))
    assert client.when(events.Flush) == pytest.approx(partial, abs=0.001)
    assert client.one(events.Final, 1).text == "no wait tell me about today"


def test_late_words_do_not_keep_the_user_waiting() -> None:
    """A recogniser with partials that is slow: long speech interrupts all the same."""
    stt = FakeStt("what will the weather be like", partials=True, words_per_second=0.1)
    client = perform(Script(until=9, speech=[(1.0, 2.5), (4.0, 6.0)]), session(engines(stt=stt)))
    assert 4.7 <= client.when(events.Flush) <= 4.78


def test_going_on_speaking_takes_the_thought_back() -> None:
    """The turn ended too early for this speaker: no reply is spoken over the rest."""
    parts = session(engines(stt=FakeStt(["tell me", "about the refunds"])))
    client = perform(Script(until=9, speech=[(1.0, 1.5), (2.2, 3.5)]), parts)
    assert [final.text for _, final in client.all(events.Final)] == ["tell me", "tell me about the refunds"]
    assert client.one(events.Ended).heard == ""
    assert client.one(events.Ended, 1).outcome == "done"


def test_an_echo_that_outlasts_the_reply_is_not_a_question() -> None:
    """The loudspeaker's last words come back through the microphone; nobody answers them."""
    stt = FakeStt(["what will the weather be like", "take a hat with you", "take a hat with you"])
    parts = session(engines(stt=stt, overlaps=Anyone(0.1)))
    client = perform(Script(until=16, speech=[(1.0, 2.5), (6.9, 7.8), (11.0, 12.5)]), parts)
    ended = client.when(events.Ended)
    assert 6.9 < ended < 8.4, "the reply ends while the echo is heard"
    assert [final.turn for _, final in client.all(events.Final)] == [1, 0, 2], (
        "later, the same words are the user's"
    )


def test_the_metrics_say_how_long_silence_took() -> None:
    client = perform(Script(until=9, speech=[(1.0, 2.5), (4.4, 6.0)]))
    assert 192 <= client.one(events.Metrics).clocks["barge_in"] <= 245


def test_a_microphone_that_goes_dead_ends_its_utterance() -> None:
    async def scene() -> Client:
        client = Client(Script(until=1.5, speech=[(0.5, 9.0)], says=[(8.0, events.Ping())]))
        client.stays = 7.0
        return await client.play(session())

    client = trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
    assert 3.4 < client.when(events.Final) < 5.7


def test_an_hour_of_silence_costs_nothing_and_ends_nothing() -> None:
    parts = session()

    async def scene() -> Client:
        client = Client(Script(until=0))
        client.stays = 3600 + 8
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.play, parts)
            for _ in range(3600):
                await anyio.sleep(1)
                await client.push(bytes(32_000))
            await client.push(events.Text(text="still there?"))
        return client

    client = trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
    assert client.one(events.Ended).outcome == "done"
    assert not client.all(events.Onset)


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        {"llm": FakeLlm(ANSWER, fail=Failure(call=1))},
        {"llm": FakeLlm(ANSWER, fail=Failure(call=1, after=3))},
        {"tts": FakeTts(fail=Failure(call=1))},
        {"tts": FakeTts(fail=Failure(call=1, after=2))},
        {"knowledge": FakeKnowledge(fail=Failure(call=1))},
        {"llm": FakeLlm(ANSWER, fail=Failure(call=1, error=ZeroDivisionError("secret")))},
    ],
)
def test_a_failing_engine_fails_its_turn_only(broken: dict[str, Any]) -> None:
    says = [(1.0, events.Text(text="one")), (6.0, events.Text(text="two"))]
    client = perform(Script(until=14, says=says), session(engines(**broken)))
    error = client.one(events.Error)
    assert error.turn == 1
    assert error.code in ("scripted", "internal")
    assert "secret" not in error.message
    outcomes = [ended.outcome for _, ended in client.all(events.Ended)]
    assert outcomes == ["failed", "done"]


def test_a_failing_recogniser_loses_one_utterance() -> None:
    stt = FakeStt("what will the weather be like", fail=Failure(call=1))
    client = perform(Script(until=14, speech=[(1.0, 2.5), (5.0, 6.0)]), session(engines(stt=stt)))
    assert client.one(events.Error) == events.Error("scripted", "A scripted failure.")
    assert client.one(events.Ended).outcome == "done"


def test_a_recogniser_that_dies_while_one_speaks_hears_the_rest() -> None:
    stt = FakeStt("what will the weather be like", partials=True, fail=Failure(call=1, after=1))
    client = perform(Script(until=14, speech=[(1.0, 4.0)]), session(engines(stt=stt)))
    assert client.one(events.Error).code == "scripted"
    assert client.one(events.Ended).outcome == "done"


def test_a_client_that_hangs_up_mid_reply_leaves_nothing_running() -> None:
    parts = session()
    perform(Script(until=9, speech=[(1.0, 2.5)], leaves=4.0), parts)
    running = (parts.engines.stt, parts.engines.llm, parts.engines.tts)
    assert [engine.running for engine in running] == [0, 0, 0]  # type: ignore[attr-defined]
    assert parts.chat.exchanges[0].outcome == "interrupted"
    assert parts.chat.exchanges[0].heard.startswith("It will")


def test_a_slow_client_slows_its_own_turn_only() -> None:
    async def scene() -> list[Client]:
        slow = Client(Script(until=20, speech=[(1.0, 2.5)], slow=(3.0, 9.0)))
        quick = Client(Script(until=20, speech=[(1.0, 2.5)]))
        shared = engines()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow.play, session(shared))
            tasks.start_soon(quick.play, session(shared))
        return [slow, quick]

    slow, quick = trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
    assert quick.when(events.Ended) < 9.0 < slow.when(events.Ended)
    assert slow.one(events.Ended).outcome == "done"


def test_two_speakers_sessions_do_not_mix() -> None:
    async def scene() -> list[tuple[Client, Session]]:
        pairs = []
        for begin, words in ((1.0, "first speaker"), (1.3, "second speaker")):
            parts = engines(stt=FakeStt(words), llm=FakeLlm(lambda prompt: f"You said {prompt.question}."))
            pairs.append((Client(Script(until=9, speech=[(begin, begin + 1.5)])), session(parts)))
        async with anyio.create_task_group() as tasks:
            for client, parts in pairs:
                tasks.start_soon(client.play, parts)
        return pairs

    (one, _), (two, _) = trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
    assert one.one(events.Ended).heard == "You said first speaker."
    assert two.one(events.Ended).heard == "You said second speaker."


def test_an_interruption_while_the_last_messages_are_stuck_is_harmless() -> None:
    """The reply ends on its own while the flush waits for a slow client."""
    script = Script(
        until=16, speech=[(1.0, 2.5)], slow=(7.3, 10.5),
        says=[(7.6, events.Hush()), (11.0, events.Text(text="and now?"))],
    )  # fmt: skip
    client = perform(script)
    assert [ended.turn for _, ended in client.all(events.Ended)][-1] == 2
    assert client.one(events.Final, -1).text == "and now?"


def test_a_setting_that_does_not_touch_hearing_keeps_the_utterance() -> None:
    says = [(4.3, events.Settings(hands_free=True, knowledge=False))]
    client = perform(Script(until=12, speech=[(1.0, 2.5), (4.1, 5.5)], says=says))
    assert len(client.all(events.Final)) == 2


def test_a_setting_that_does_gives_the_voice_back() -> None:
    says = [(4.13, events.Settings(sensitivity=0.6))]
    client = perform(Script(until=12, speech=[(1.0, 2.5), (4.0, 4.12)], says=says))
    assert client.when(events.Unduck) == pytest.approx(4.13, abs=0.02)
    assert client.one(events.Ended) == events.Ended(1, "done", ANSWER)


def test_a_bug_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    parts = session(engines(llm=FakeLlm(fail=Failure(error=KeyError("inner secret")))))
    client = perform(Script(until=3, says=[(1.0, events.Text(text="hello"))]), parts)
    assert client.one(events.Error).code == "internal"
    assert "inner secret" in caplog.text


def test_who_goes_on_after_a_pause_has_asked_one_question() -> None:
    llm = FakeLlm("It will be sunny.")
    stt = FakeStt(["and so my fellow americans", "ask not", "what your country can do"])
    parts = session(engines(llm=llm, stt=stt))
    client = perform(Script(until=20, speech=[(0.5, 1.5), (2.4, 3.4), (4.2, 5.2)]), parts)
    finals = [final.text for _, final in client.all(events.Final)]
    assert finals[-1] == "and so my fellow americans ask not what your country can do"
    assert [exchange.user for exchange in parts.chat.exchanges] == finals[-1:]
    assert not any(message.role == "user" for message in llm.prompts[-1].history)


def test_who_speaks_later_over_an_answer_asks_anew() -> None:
    stt = FakeStt(["what is the time", "what is the date"])
    parts = session(engines(stt=stt))
    perform(Script(until=20, speech=[(0.5, 1.5), (2.9, 3.9)]), parts)
    assert [exchange.user for exchange in parts.chat.exchanges] == ["what is the time", "what is the date"]


def test_the_language_of_a_longer_utterance_is_expected_of_the_next_ones() -> None:
    hints: list[str] = []

    class German(FakeStt):
        def transcribe(self, audio: Any, expected: str = "") -> Any:
            hints.append(expected)
            return super().transcribe(audio, expected)

    parts = session(engines(stt=German("wie lange dauert das", language="de")))
    perform(Script(until=40, speech=[(0.5, 1.5), (3.5, 4.5), (15, 17.5), (28, 29)]), parts)
    assert hints == ["", "de", "", "de"], "the second is said over the answer to the first"


def test_an_answer_is_spoken_in_the_language_of_the_question_unless_a_voice_was_named() -> None:
    class Voices(FakeTts):
        def speak(self, sentence: str, voice: Voice) -> Any:
            used.append(voice)
            return super().speak(sentence, voice)

    class Quotes(FakeLlm):
        async def stream(self, prompt: Any, tools: Any = ()) -> Any:
            yield Cited((PASSAGE,))
            yield PASSAGE.text

    used: list[Voice] = []
    stt = FakeStt("wie lange dauert das", language="de")
    one = Script(until=9, speech=[(1.0, 2.5)])
    perform(one, session(engines(stt=stt, tts=Voices())))
    assert {voice.language for voice in used} == {"de"}
    used.clear()
    named = Script(until=9, speech=[(1.0, 2.5)], says=[(0.5, events.Settings(voice="anna"))])
    perform(named, session(engines(stt=stt, tts=Voices())))
    assert {(voice.name, voice.language) for voice in used} == {("anna", "")}
    used.clear()
    perform(one, session(engines(stt=stt, tts=Voices(), llm=Quotes())))
    assert {voice.language for voice in used} == {""}, "a quotation is in its document's language"


# --- knowledge, tools, memory ----------------------------------------------------------------------

PASSAGE = Passage("Refunds take thirty days.", "d1", "Shop", ("Refunds",), score=0.9)


def test_retrieval_begins_on_the_stable_partial() -> None:
    knowledge = FakeKnowledge([PASSAGE], delay=0.3)
    stt = FakeStt("how long do refunds take", partials=True, words_per_second=5)
    parts = session(engines(stt=stt, knowledge=knowledge))
    client = perform(Script(until=9, speech=[(1.0, 2.5)]), parts)
    clocks = client.one(events.Metrics).clocks
    assert knowledge.calls == 1
    assert clocks["recall"] - clocks["stt"] < 60  # of its 300 ms
    assert client.one(events.Sources).sources[0].text == PASSAGE.text


def test_the_same_question_again_is_looked_up_again() -> None:
    """Documents may have changed since."""
    knowledge = FakeKnowledge([PASSAGE])
    stt = FakeStt("how long do refunds take", partials=True, words_per_second=5)
    parts = session(engines(stt=stt, knowledge=knowledge, llm=FakeLlm("Thirty days.")))
    client = perform(Script(until=14, speech=[(1.0, 2.5), (8.0, 9.5)]), parts)
    assert len(client.all(events.Ended)) == 2
    assert knowledge.calls == 2


def test_a_question_that_leans_on_the_one_before_is_looked_up_whole() -> None:
    knowledge = FakeKnowledge([PASSAGE], delay=0.1)
    stt = FakeStt("and for students", partials=True, words_per_second=5)
    parts = session(engines(stt=stt, knowledge=knowledge, llm=FakeLlm("Ten euros.")))
    asked = [(1.0, events.Text(text="How much does a ticket cost?")), (4.0, events.Text(text="thanks"))]
    client = perform(Script(until=14, says=asked, speech=[(8.0, 9.0)]), parts)
    assert len(client.all(events.Ended)) == 3
    whole = "How much does a ticket cost for students?"
    assert list(knowledge.queries) == [
        "How much does a ticket cost?",
        whole,
    ]  # once, and early; thanks need no documents
    assert parts.chat.questions()[-1] == "and for students"


def test_a_text_without_words_is_answered_too() -> None:
    parts = session(engines(knowledge=FakeKnowledge([PASSAGE])))
    client = perform(Script(until=7, says=[(1.0, events.Text(text=":"))]), parts)
    assert client.one(events.Ended).outcome == "done"


def test_a_model_that_only_asks_for_tools_is_made_to_answer() -> None:
    tool = Tool("lookup", 0.01, side_effects=False)

    class Eager(FakeLlm):
        async def stream(self, prompt: Any, tools: Any = ()) -> Any:
            yield ToolCall("c", "lookup", {}) if tools else "Here it is."

    parts = session(engines(llm=Eager(), tools=(tool,)))
    client = perform(Script(until=9, says=[(1.0, events.Text(text="look"))]), parts)
    assert client.one(events.Ended).heard == "Here it is."


def test_only_the_chosen_collections_are_searched() -> None:
    knowledge = FakeKnowledge([PASSAGE])
    parts = session(engines(knowledge=knowledge))
    parts.principals = frozenset({EVERYONE, "user:ada"})
    says = [
        (0.5, events.Settings(collections=["shop", "house"])),
        (1.0, events.Text(text="refunds?")),
        (9.0, events.Settings(speak=False)),
        (9.5, events.Text(text="and returns?")),
        (18.0, events.Settings(collections=[])),
        (18.5, events.Text(text="and tickets?")),
    ]
    perform(Script(until=27, says=says), parts)
    chosen = Scope(parts.principals, frozenset({"shop", "house"}))
    assert list(knowledge.scopes) == [chosen, chosen, Scope(parts.principals, None)]


def test_what_was_looked_up_early_elsewhere_is_looked_up_again() -> None:
    knowledge = FakeKnowledge([PASSAGE])
    stt = FakeStt("how long do refunds take", partials=True, words_per_second=5)
    says = [(2.9, events.Settings(collections=["shop"]))]
    parts = session(engines(stt=stt, knowledge=knowledge))
    client = perform(Script(until=8, speech=[(1.0, 2.5)], says=says), parts)
    assert client.when(events.Final) > 2.9
    assert list(knowledge.scopes) == [PUBLIC, Scope(collections=frozenset({"shop"}))]


def test_knowledge_can_be_switched_off() -> None:
    knowledge = FakeKnowledge([PASSAGE])
    says = [(0.5, events.Settings(knowledge=False)), (1.0, events.Text(text="refunds?"))]
    parts = session(engines(knowledge=knowledge))
    client = perform(Script(until=7, says=says), parts)
    assert knowledge.calls == 0
    assert not client.all(events.Sources)
    assert parts.engines.llm.prompts[0].passages == ()  # type: ignore[attr-defined]


class Tool:
    description, parameters = "", {"type": "object"}

    def __init__(self, name: str, seconds: float, side_effects: bool) -> None:
        self.name, self.seconds, self.side_effects = name, seconds, side_effects
        self.finished = 0

    async def __call__(self, **arguments: Any) -> str:
        await anyio.sleep(self.seconds)
        self.finished += 1
        return f"{self.name} is done"


def with_tool(tool: Tool) -> Session:
    llm = FakeLlm("It is settled now.", tool_calls=[ToolCall("c1", tool.name, {})])
    return session(engines(llm=llm, tools=(tool,)))


def test_a_tool_runs_and_its_result_reaches_the_model() -> None:
    tool = Tool("lookup", 0.5, side_effects=False)
    parts = with_tool(tool)
    client = perform(Script(until=9, says=[(1.0, events.Text(text="look it up"))]), parts)
    assert [event.status for _, event in client.all(events.Tool)] == ["started", "done"]
    assert parts.engines.llm.prompts[-1].steps[0].result == "lookup is done"  # type: ignore[attr-defined]
    assert [message.role for message in parts.chat.history()] == ["user", "tool", "assistant"]


@pytest.mark.parametrize("side_effects", [True, False])
def test_barge_in_during_a_tool(side_effects: bool) -> None:
    """A started side effect finishes and is recorded; anything else stops at once."""
    tool = Tool("order", 2.0, side_effects)
    parts = with_tool(tool)
    says = [(1.0, events.Text(text="order it")), (2.0, events.Hush())]
    client = perform(Script(until=9, says=says), parts)
    assert client.when(events.Flush) == pytest.approx(2.0, abs=0.001)
    assert client.one(events.Ended).outcome == "interrupted"
    assert tool.finished == int(side_effects)
    (step,) = parts.chat.exchanges[0].steps
    assert step.result == ("order is done" if side_effects else "interrupted")
    assert step.ok is side_effects


def test_a_tool_that_fails_or_hangs_is_told_to_the_model() -> None:
    for tool, words in (
        (Tool("hang", 99, False), "longer than"),
        (Tool("other", 0.1, False), "no tool named"),
    ):
        parts = with_tool(tool)
        if "no tool" in words:
            tool.name = "renamed"
        client = perform(Script(until=30, says=[(1.0, events.Text(text="go"))]), parts)
        assert words in parts.chat.exchanges[0].steps[0].result
        assert client.one(events.Ended).outcome == "done"


def test_history_holds_what_was_heard_and_the_context_is_data() -> None:
    parts = session()
    says = [
        (0.5, events.UpdateContext(text="page: \x00shop" + "x" * 9000)),
        (1.0, events.Text(text="first")),
        (9.0, events.Text(text="second")),
    ]
    perform(Script(until=15, says=says), parts)
    prompt = parts.engines.llm.prompts[-1]  # type: ignore[attr-defined]
    assert [(m.role, m.text) for m in prompt.history] == [("user", "first"), ("assistant", ANSWER)]
    assert prompt.context.startswith("page: shop")
    assert len(prompt.context) == 4000
    assert "shop" not in prompt.system


# --- push to talk --------------------------------------------------------------------------------


def test_push_to_talk_hears_only_while_pressed() -> None:
    script = Script(
        until=9,
        speech=[(0.3, 0.9), (1.2, 2.0), (2.2, 3.0)],  # a pause longer than the window does not end it
        says=[
            (0.1, events.Settings(hands_free=False)),
            (1.0, events.TalkStart()),
            (3.1, events.TalkEnd()),
        ],
    )
    client = perform(script)
    assert len(client.all(events.Final)) == 1
    assert client.when(events.Onset) == pytest.approx(1.0, abs=0.001)
    assert client.when(events.Final) == pytest.approx(3.2, abs=0.001)  # no silence to wait for
    assert client.one(events.Ended).outcome == "done"


def test_pressing_the_button_silences_the_assistant() -> None:
    script = Script(
        until=9,
        speech=[(1.0, 2.5), (4.1, 4.9)],
        says=[(4.0, events.TalkStart()), (5.0, events.TalkEnd())],
    )
    client = perform(script)
    assert client.when(events.Flush) == pytest.approx(4.0, abs=0.001)
    assert client.one(events.Final, 1).turn == 2


# --- pacing ----------------------------------------------------------------------------------------


def test_audio_is_sent_at_most_one_lead_ahead_of_the_ear() -> None:
    parts = session(engines(tts=FakeTts(speed=100)), lead=0.5)
    client = perform(Script(until=9, says=[(1.0, events.Text(text="hello"))]), parts)
    began = client.when(Pcm)
    sent = 0.0
    for when, pcm in client.all(Pcm):
        assert sent <= when - began + 0.5 + 1e-6
        sent += pcm.seconds
    assert sent == pytest.approx(4.0)
    assert client.when(events.AudioEnd) == pytest.approx(began + 4.0, abs=0.05)


def test_the_next_sentence_is_ready_before_the_current_one_ends() -> None:
    client = perform(Script(until=12, says=[(1.0, events.Text(text="hello"))]))
    times = [(when, pcm.seconds) for when, pcm in client.all(Pcm)]
    ends = times[0][0]
    for when, seconds in times:
        assert when <= ends + 1e-6, "the listener's speaker ran dry"
        ends += seconds


def test_the_overlap_detector_learns_what_is_played_and_when() -> None:
    overlap = Anyone()
    client = perform(
        Script(until=9, says=[(1.0, events.Text(text="hello"))]), session(engines(overlaps=overlap))
    )
    (first, _), *_ = overlap.fars
    assert first - client.start == pytest.approx(client.when(Pcm), abs=0.001)
    assert sum(seconds for _, seconds in overlap.fars) == pytest.approx(4.0)


def test_the_same_conversation_on_asyncio() -> None:
    """Real time, the loop that serves: a question, a barge-in, a second answer."""
    stt = FakeStt(["one", "two"], final_delay=0.01)
    parts = session(
        engines(stt=stt, llm=FakeLlm(ANSWER, 0.01, 0.001), tts=FakeTts(0.01, seconds=0.5)), silence=0.1
    )

    async def scene() -> Client:
        return await Client(Script(until=2.8, speech=[(0.1, 0.4), (0.7, 1.1)])).play(parts)

    client = asyncio.run(scene())
    outcomes = [ended.outcome for _, ended in client.all(events.Ended)]
    assert outcomes == ["interrupted", "done"]
    assert parts.chat.exchanges[-1].heard == ANSWER


def test_an_engine_error_keeps_its_message() -> None:
    error = EngineError("The model server is away. Start it and ask again.", code="llm_away", retryable=True)
    parts = session(engines(llm=FakeLlm(fail=Failure(error=error))))
    client = perform(Script(until=3, says=[(1.0, events.Text(text="hello"))]), parts)
    assert client.one(events.Error) == events.Error("llm_away", error.message, 1)
