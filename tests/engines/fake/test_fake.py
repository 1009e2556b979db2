"""The scripted engines keep their script's time exactly; the registry finds engines by name."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np
import pytest
import trio
from trio.testing import MockClock

from fake_knowledge import FakeKnowledge
from nexus_voice.core.audio import RATE, Mark, Pcm, Transcript, Voice, silence
from nexus_voice.core.chat import Passage, Prompt, ToolCall, ToolStep
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines import ENGINES, load
from nexus_voice.engines.fake.engines import Failure, FakeEmbedder, FakeLlm, FakeStt, FakeTts, FakeVad, tokens

CALL = ToolCall("c1", "weather", {"city": "Rome"})


def run(test: Callable[[], Awaitable[None]]) -> None:
    trio.run(test, clock=MockClock(autojump_threshold=0))


async def timed(stream: AsyncIterator[Any], think: float = 0.0) -> list[tuple[float, Any]]:
    """What came and when, from now; the listener takes `think` seconds over each."""
    began, got = anyio.current_time(), []
    async with aclosing(stream) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            got.append((round(anyio.current_time() - began, 6), piece))
            await anyio.sleep(think)
    return got


async def speech(seconds: float, frame: float = 0.1) -> AsyncIterator[Pcm]:
    for _ in range(round(seconds / frame)):
        await anyio.sleep(frame)
        yield silence(frame)


def test_llm_keeps_an_absolute_schedule() -> None:
    async def test() -> None:
        llm = FakeLlm("The forecast says rain.", first_token=0.15, token_gap=0.02)
        expected = [(0.15, "The"), (0.17, " forecast"), (0.19, " says"), (0.21, " rain.")]
        assert await timed(llm.stream(Prompt("?"))) == expected
        assert await timed(llm.stream(Prompt("?")), think=0.015) == expected
        assert llm.calls == 2
        assert [prompt.question for prompt in llm.prompts] == ["?", "?"]

    run(test)


def test_llm_answers_by_prompt_and_calls_tools_once() -> None:
    async def test() -> None:
        llm = FakeLlm(lambda prompt: f"You said {prompt.question}", tool_calls=[CALL], before="Let me look.")
        tools: Any = [object()]
        plain = [piece for _, piece in await timed(llm.stream(Prompt("hi")))]
        calls = [piece for _, piece in await timed(llm.stream(Prompt("hi"), tools))]
        done = Prompt("hi", steps=(ToolStep(CALL, "rain"),))
        assert plain == ["You", " said", " hi"]
        assert calls == ["Let", " me", " look.", CALL]
        assert [piece for _, piece in await timed(llm.stream(done, tools))] == plain

    run(test)


def test_stt_partials_follow_the_audio_and_the_final_its_end() -> None:
    async def test() -> None:
        stt = FakeStt("Will it rain tomorrow?", final_delay=0.1, partials=True, words_per_second=2)
        assert await timed(stt.transcribe(speech(1.6))) == [
            (0.5, Transcript("Will", final=False)),
            (1.0, Transcript("Will it", final=False)),
            (1.5, Transcript("Will it rain", final=False)),
            (1.7, Transcript("Will it rain tomorrow?", final=True)),
        ]
        batch = FakeStt(["One", "Two"], final_delay=0.1)
        heard = [await timed(batch.transcribe(speech(1))) for _ in range(3)]
        assert [[(at, t.text) for at, t in one] for one in heard] == [
            [(1.1, "One")],
            [(1.1, "Two")],
            [(1.1, "One")],
        ]

    run(test)


def test_tts_starts_early_and_is_faster_than_real_time() -> None:
    async def test() -> None:
        tts = FakeTts(first_audio=0.08, speed=10, seconds=0.25, chunk=0.1)
        for think in (0, 0.005):
            got = await timed(tts.speak("Hello there.", Voice()), think)
            assert [(at, pcm.seconds) for at, pcm in got] == [(0.08, 0.1), (0.09, 0.1), (0.1, 0.05)]
        sound = np.frombuffer(b"".join(pcm.data for _, pcm in got), "<i2")
        assert set(np.abs(sound)) == {6000}
        rises = np.flatnonzero(np.diff(sound) > 0)
        assert np.diff(rises).mean() == pytest.approx(24_000 / 220, abs=0.5)
        assert await timed(tts.speak("  ", Voice())) == []
        assert list(tts.sentences) == ["Hello there.", "Hello there.", "  "]

    run(test)


def test_tts_length_by_text_and_marks() -> None:
    async def test() -> None:
        tts = FakeTts(chars_per_second=10, marks=True)
        got = [piece for _, piece in await timed(tts.speak("Hi there you", Voice()))]
        assert sum(piece.samples for piece in got if isinstance(piece, Pcm)) == 1.2 * 24_000
        marks = [piece for piece in got if isinstance(piece, Mark)]
        assert [(round(mark.at, 9), mark.chars) for mark in marks] == [(0.2, 2), (0.8, 8), (1.2, 12)]

    run(test)


def test_scripted_failures() -> None:
    async def test() -> None:
        boom = EngineError("Out of memory.", retryable=True)
        llm = FakeLlm("a b c", fail=Failure(call=2, after=2, error=boom))
        tts = FakeTts(fail=Failure(after=1))
        stt = FakeStt("a b", partials=True, fail=Failure(call=1, after=1))
        knowledge = FakeKnowledge(fail=Failure())
        assert len(await timed(llm.stream(Prompt("?")))) == 3
        second = llm.stream(Prompt("?"))
        assert [await anext(second), await anext(second)] == ["a", " b"]
        with pytest.raises(EngineError, match="Out of memory"):
            await anext(second)
        with pytest.raises(EngineError) as caught:
            await timed(tts.speak("Hello", Voice()))
        assert caught.value.code == "scripted"
        with pytest.raises(EngineError):
            await timed(stt.transcribe(speech(2)))
        assert await timed(stt.transcribe(speech(2)))
        with pytest.raises(EngineError):
            await knowledge.recall("?")
        assert llm.running == tts.running == stt.running == 0

    run(test)


def test_cancelled_streams_no_longer_run() -> None:
    async def test() -> None:
        llm = FakeLlm()
        with anyio.move_on_after(0.2) as scope:
            await timed(llm.stream(Prompt("?")))
        assert scope.cancelled_caught
        assert llm.running == 0

    run(test)


def test_vad_finds_the_sample() -> None:
    async def test() -> None:
        detect = FakeVad(threshold=500).open()
        sound = np.zeros(1536, "<i2")
        sound[600:1000] = -600
        sound[10] = 500
        found = []
        for frame in np.array_split(sound, 7):
            found += await detect(Pcm(frame.tobytes(), RATE))
        assert [(v.probability, v.samples, v.lead, v.trail) for v in found] == [
            (0.0, 512, 512, 512),
            (1.0, 512, 88, 24),
            (0.0, 512, 512, 512),
        ]

    run(test)


def test_embedder_and_knowledge() -> None:
    async def test() -> None:
        rain, wet, sun = await FakeEmbedder().embed(["heavy rain today", "rain today", "sun"], "passage")
        assert rain @ wet > 0.7 > rain @ sun
        found = [Passage(str(i), "d", "t") for i in range(9)]
        knowledge = FakeKnowledge(found, delay=0.3)
        began = anyio.current_time()
        assert await knowledge.recall("q", 2) == found[:2]
        assert anyio.current_time() - began == pytest.approx(0.3)
        assert list(knowledge.queries) == ["q"]

    run(test)


@pytest.mark.parametrize("text", ["", "One two.\n\nThree  four", " led", "最後 です"])
def test_tokens_make_up_their_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_the_registry_lists_and_loads() -> None:
    for port, kinds in ENGINES.items():
        if port not in ("search", "reranker", "turn"):
            assert load(port, "fake").__module__ == "nexus_voice.engines.fake.engines"
        for place in kinds.values():
            module, name = place.split(":")
            assert all(part.isidentifier() for part in module.split("."))
            assert name.isidentifier()


@pytest.mark.parametrize(("port", "kind"), [("llm", "gpt"), ("llm", ""), ("nose", "fake")])
def test_an_unknown_engine_names_the_choices(port: str, kind: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(port, kind)
    assert caught.value.code == "unknown_engine"
    assert ("gemini, llamacpp, extractive, fake" if port == "llm" else "none") in caught.value.message


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES["llm"], "broken", "fake_absent:Absent")
    with pytest.raises(ModuleNotFoundError):  # our own fault, not the user's
        load("llm", "broken")
    monkeypatch.setitem(sys.modules, "httpx_ws", None)
    monkeypatch.delitem(sys.modules, "nexus_voice.engines.deepgram.stt", raising=False)
    with pytest.raises(BadInput, match="httpx_ws"):
        load("stt", "deepgram")
