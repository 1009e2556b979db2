"""What `ports.py` promises of every engine, as plain functions: enter the engine, then run them all."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import anyio
import numpy as np
import pytest

from nexus_voice.core.audio import RATE, Mark, Pcm, Transcript, Voice, Voicing, silence
from nexus_voice.core.chat import Cited, Passage, Prompt, ToolCall
from nexus_voice.core.errors import BadInput, Busy
from nexus_voice.ports import Detector, Embedder, Llm, Reranker, Search, Stt, Tts, TurnJudge, Vad

Check = Callable[[Any], Awaitable[None]]
LIMIT = 20.0
"""Seconds that any one answer may take on a slow machine before a test gives up."""


async def gather(stream: AsyncIterator[Any]) -> list[Any]:
    with anyio.fail_after(LIMIT):
        async with aclosing(generator(stream)) as pieces:
            return [piece async for piece in pieces]


def generator(stream: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    assert isinstance(stream, AsyncGenerator), "callers close streams with aclosing"
    return stream


async def together(*streams: AsyncIterator[Any]) -> list[list[Any]]:
    """Each stream's pieces, all read at the same time."""
    results: list[list[Any]] = [[] for _ in streams]

    async def read(i: int) -> None:
        results[i] = await gather(streams[i])

    async with anyio.create_task_group() as tasks:
        for i in range(len(streams)):
            tasks.start_soon(read, i)
    return results


def running() -> set[str]:
    """Names of the tasks there are."""
    return {f"{task.name} {task.id}" for task in anyio.get_running_tasks()}


async def settled(before: set[str]) -> None:
    """Worker processes are told to stop and may take a moment to say that they have."""
    with anyio.fail_after(LIMIT):
        while not running() <= before:  # noqa: ASYNC110 - nothing announces it
            await anyio.sleep(0.005)


async def cut(stream: AsyncIterator[Any], after: int) -> None:
    """Cancel the listener once `after` pieces came; no task of the stream may be left."""
    before = running()
    with anyio.fail_after(LIMIT), anyio.CancelScope() as scope:
        async with aclosing(generator(stream)) as pieces:
            if after == 0:
                scope.cancel()
            count = 0
            async for _ in pieces:
                count += 1
                if count == after:
                    scope.cancel()
    await settled(before)


async def left(stream: AsyncIterator[Any]) -> None:
    """Leave after the first piece without a cancellation; no task of the stream may be left."""
    before = running()
    with anyio.fail_after(LIMIT):
        async with aclosing(generator(stream)) as pieces:
            async for _ in pieces:
                break
    await settled(before)


# --- voice activity ------------------------------------------------------------------------------


async def _detect(detector: Detector, sound: Pcm, frame: int) -> list[Voicing]:
    found: list[Voicing] = []
    for at in range(0, len(sound.data), 2 * frame):
        found += await detector(Pcm(sound.data[at : at + 2 * frame], RATE))
    return found


def vad(speech: Pcm) -> Sequence[Check]:
    """`speech`: a second or more of a clear voice at 16 kHz."""
    quiet = silence(1.0)
    sound = Pcm(quiet.data + speech.data + quiet.data, RATE)

    async def windows_cover_every_sample(engine: Vad) -> None:
        found = await _detect(engine.open(), sound, 320)
        covered = sum(v.samples for v in found)
        assert 0 <= sound.samples - covered < max(v.samples for v in found)
        for v in found:
            assert 0 <= v.probability <= 1
            assert 0 <= v.lead <= v.samples
            assert 0 <= v.trail <= v.samples
        assert await engine.open()(Pcm(b"", RATE)) in ([], ())

    async def speech_is_told_from_silence(engine: Vad) -> None:
        found = await _detect(engine.open(), sound, 320)
        edge = quiet.samples // found[0].samples
        assert all(v.probability < 0.5 for v in found[: edge - 1])
        assert max(v.probability for v in found) >= 0.5
        assert found[-1].probability < 0.5

    async def framing_changes_nothing(engine: Vad) -> None:
        first, *others = [await _detect(engine.open(), sound, frame) for frame in (320, 137, 4000)]
        for other in others:
            _same(first, other)

    async def detectors_are_independent(engine: Vad) -> None:
        alone = await _detect(engine.open(), sound, 480)
        loud, still = engine.open(), engine.open()
        beside: list[Voicing] = []
        for at in range(0, len(sound.data), 960):
            frame = Pcm(sound.data[at : at + 960], RATE)
            beside += await loud(frame)
            assert all(v.probability < 0.5 for v in await still(silence(frame.seconds)))
        _same(alone, beside)

    async def reset_forgets(engine: Vad) -> None:
        detector = engine.open()
        fresh = await _detect(detector, sound, 500)
        await detector(Pcm(speech.data[:3000], RATE))
        detector.reset()
        _same(fresh, await _detect(detector, sound, 500))

    return (
        windows_cover_every_sample,
        speech_is_told_from_silence,
        framing_changes_nothing,
        detectors_are_independent,
        reset_forgets,
    )


def _same(one: Sequence[Voicing], other: Sequence[Voicing]) -> None:
    assert [v.samples for v in one] == [v.samples for v in other]
    np.testing.assert_allclose([v.probability for v in one], [v.probability for v in other], atol=1e-3)


# --- speech to text ------------------------------------------------------------------------------


async def _frames(sound: Pcm, ended: anyio.Event | None = None) -> AsyncGenerator[Pcm]:
    """`sound` in frames of 20 ms; with `ended`, sets it at the end and then never ends."""
    for at in range(0, len(sound.data), 640):
        await anyio.lowlevel.checkpoint()
        yield Pcm(sound.data[at : at + 640], RATE)
    if ended is not None:
        ended.set()
        await anyio.sleep_forever()


def _is_transcript(pieces: Sequence[Transcript]) -> None:
    assert [piece.final for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def stt(speech: Pcm) -> Sequence[Check]:
    async def one_final_after_the_partials(engine: Stt) -> None:
        pieces = await gather(engine.transcribe(_frames(speech)))
        _is_transcript(pieces)
        assert pieces[-1].text.strip()

    async def silence_and_nothing_give_one_final(engine: Stt) -> None:
        for sound in (silence(0.5), silence(0.01), Pcm(b"", RATE)):
            _is_transcript(await gather(engine.transcribe(_frames(sound))))

    async def two_at_once(engine: Stt) -> None:
        for pieces in await together(*(engine.transcribe(_frames(speech)) for _ in range(2))):
            _is_transcript(pieces)

    async def cancelled_while_listening_it_hears_again(engine: Stt) -> None:
        before = running()
        ended = anyio.Event()
        with anyio.fail_after(LIMIT):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(gather, engine.transcribe(_frames(speech, ended)))
                await ended.wait()
                tasks.cancel_scope.cancel()
        await settled(before)
        _is_transcript(await gather(engine.transcribe(_frames(speech))))

    return (
        one_final_after_the_partials,
        silence_and_nothing_give_one_final,
        two_at_once,
        cancelled_while_listening_it_hears_again,
    )


# --- language model ------------------------------------------------------------------------------

PASSAGES = (
    Passage(
        "The blue button starts the pump. The red button stops it.", "d1", "Pump manual", ("Use",), 3, 0, 0.9
    ),
    Passage("Wash the filter with warm water once a month.", "d2", "Care guide", (), None, 0, 0.8),
)


def _asking(question: str, **rest: Any) -> Prompt:
    return Prompt(question, system="Be brief.", passages=PASSAGES, **rest)


def _is_answer(pieces: Sequence[str | ToolCall | Cited]) -> str:
    if pieces and isinstance(pieces[0], Cited):
        assert set(pieces[0].passages) <= set(PASSAGES), "an engine cites what it was given"
        pieces = pieces[1:]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    calls = list(pieces[len(texts) :])
    assert list(pieces) == [*texts, *calls], "calls come after the text"
    assert all(isinstance(call, ToolCall) and call.id and call.name for call in calls)
    assert all(texts), "no empty pieces"
    assert texts or calls
    return "".join(texts)


async def _an_answer_in_pieces(engine: Llm) -> None:
    assert _is_answer(await gather(engine.stream(_asking("How do I start the pump?")))).strip()
    assert _is_answer(await gather(engine.stream(_asking("How do I start the pump?", spoken=True)))).strip()
    assert engine.name


async def _any_question_is_answered(engine: Llm) -> None:
    for question in ("", "?", "Grüße 你好 👋", "</passages><|im_end|>", "why " * 500):
        _is_answer(await gather(engine.stream(Prompt(question))))


async def _answers_do_not_mix(engine: Llm) -> None:
    prompts = [_asking("How do I start the pump?"), _asking("How do I wash the filter?")]
    alone = [_is_answer(await gather(engine.stream(prompt))) for prompt in prompts]
    beside = [_is_answer(pieces) for pieces in await together(*map(engine.stream, prompts))]
    assert alone == beside


async def _cancelled_it_answers_again(engine: Llm) -> None:
    prompt = _asking("How do I start the pump?")
    for after in (0, 1, 2):
        await cut(engine.stream(prompt), after)
    await left(engine.stream(prompt))
    _is_answer(await gather(engine.stream(prompt)))


LLM: Sequence[Check] = (
    _an_answer_in_pieces,
    _any_question_is_answered,
    _answers_do_not_mix,
    _cancelled_it_answers_again,
)


# --- text to speech ------------------------------------------------------------------------------

SENTENCE = "The blue button starts the pump."


def _heard(sentence: str, pieces: Sequence[Pcm | Mark]) -> float:
    """Seconds of sound, after checking it."""
    sound = [piece for piece in pieces if isinstance(piece, Pcm)]
    marks = [piece for piece in pieces if isinstance(piece, Mark)]
    assert len({pcm.rate for pcm in sound}) == 1
    assert all(pcm.data and len(pcm.data) % 2 == 0 for pcm in sound)
    assert any(any(pcm.data) for pcm in sound)
    seconds = sum(pcm.seconds for pcm in sound)
    for before, mark in pairwise([Mark(0.0, 0), *marks]):
        assert before.at <= mark.at <= seconds + 0.1
        assert before.chars <= mark.chars <= len(sentence)
    return seconds


async def _speech_in_order(engine: Tts) -> None:
    assert 0.3 < _heard(SENTENCE, await gather(engine.speak(SENTENCE, Voice()))) < 10
    fast = Voice(rate=1.5, pitch=1.2)
    assert 0.2 < _heard(SENTENCE, await gather(engine.speak(SENTENCE, fast))) < 10
    assert engine.name


async def _odd_text_is_no_error(engine: Tts) -> None:
    for text in ("", " ", "\n", "...", "Grüße 你好 👋"):
        pieces = await gather(engine.speak(text, Voice()))
        assert sum(piece.seconds for piece in pieces if isinstance(piece, Pcm)) < 10


async def _voices_do_not_mix(engine: Tts) -> None:
    texts = [SENTENCE, "No. " + SENTENCE * 2]
    alone = [_heard(text, await gather(engine.speak(text, Voice()))) for text in texts]
    streams = [engine.speak(text, Voice()) for text in texts]
    beside = [_heard(text, pieces) for text, pieces in zip(texts, await together(*streams), strict=True)]
    np.testing.assert_allclose(beside, alone, rtol=0.02)


async def _cancelled_it_speaks_again(engine: Tts) -> None:
    for after in (0, 1, 2):
        await cut(engine.speak(SENTENCE * 5, Voice()), after)
    await left(engine.speak(SENTENCE * 5, Voice()))
    _heard(SENTENCE, await gather(engine.speak(SENTENCE, Voice())))


TTS: Sequence[Check] = (
    _speech_in_order,
    _odd_text_is_no_error,
    _voices_do_not_mix,
    _cancelled_it_speaks_again,
)


# --- embeddings ----------------------------------------------------------------------------------


async def _rows_of_unit_length(engine: Embedder) -> None:
    texts = ["The pump starts.", "", "Grüße 你好 👋", "word " * 2000, "\n"]
    for kind in ("query", "passage"):
        vectors = await engine.embed(texts, kind)
        assert vectors.shape == (len(texts), engine.dimensions)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
        assert (await engine.embed([], kind)).shape == (0, engine.dimensions)


async def _order_and_company_change_nothing(engine: Embedder) -> None:
    texts = ["How do I start the pump?", "Wash the filter.", "A much longer text about the weather in May."]
    together = await engine.embed(texts, "passage")
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose((await engine.embed([text], "passage"))[0], vector, atol=1e-3)


async def _likeness_is_nearness(engine: Embedder) -> None:
    (question,) = await engine.embed(["start the pump"], "query")
    near, far = await engine.embed(["To start the pump, press the button", "Rain in Rome"], "passage")
    assert question @ near > question @ far


async def _cancelled_it_embeds_again(engine: Embedder) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await engine.embed(["word " * 100] * 50, "passage")
    assert (await engine.embed(["again"], "query")).shape == (1, engine.dimensions)


EMBEDDER: Sequence[Check] = (
    _rows_of_unit_length,
    _order_and_company_change_nothing,
    _likeness_is_nearness,
    _cancelled_it_embeds_again,
)


# --- web search ----------------------------------------------------------------------------------


async def _pages_best_first(engine: Search) -> None:
    with anyio.fail_after(LIMIT):
        found = await engine.search("tides in the bay", 2)
        assert 1 <= len(found) <= 2
        assert [page.score for page in found] == sorted((page.score for page in found), reverse=True)
        for page in found:
            assert page.text.strip()
            assert page.title
            assert page.url.startswith("http")
            assert 0 <= page.score <= 1


async def _cancelled_it_searches_again(engine: Search) -> None:
    before = running()
    with anyio.move_on_after(0):
        await engine.search("tides", 2)
    await settled(before)
    assert await engine.search("tides", 2)


SEARCH: Sequence[Check] = (_pages_best_first, _cancelled_it_searches_again)


# --- the end of a turn ---------------------------------------------------------------------------


def turn(speech: Pcm) -> Sequence[Check]:
    async def it_gives_a_likelihood(engine: TurnJudge) -> None:
        for sound in (speech, Pcm(speech.data * 20, RATE), silence(0.01), Pcm(b"", RATE)):
            assert 0 <= await engine.finished(sound) <= 1

    async def another_rate_is_refused(engine: TurnJudge) -> None:
        with pytest.raises(BadInput):
            await engine.finished(silence(1.0, 8_000))

    async def too_many_questions_are_refused_at_once(engine: TurnJudge) -> None:
        answers: list[float | Busy] = []

        async def ask() -> None:
            try:
                answers.append(await engine.finished(speech))
            except Busy as busy:
                answers.append(busy)

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask)
        assert isinstance(answers[0], Busy), "it did not wait"
        assert 0 < sum(isinstance(answer, float) for answer in answers) < 20
        assert 0 <= await engine.finished(speech) <= 1

    async def cancelled_it_judges_again(engine: TurnJudge) -> None:
        before = running()
        with anyio.move_on_after(0):
            await engine.finished(speech)
        await settled(before)
        assert 0 <= await engine.finished(speech) <= 1

    return (
        it_gives_a_likelihood,
        another_rate_is_refused,
        too_many_questions_are_refused_at_once,
        cancelled_it_judges_again,
    )


# --- ranking -------------------------------------------------------------------------------------

CANDIDATES = [
    Passage(text, "d", "D")
    for text in ("The tide turns at noon.", "Refunds take a month.", "", "wörter " * 999)
]


async def _the_same_passages_best_first(engine: Reranker) -> None:
    with anyio.fail_after(LIMIT):
        ranked = await engine.rank("when does the tide turn", CANDIDATES)
        assert sorted(one.text for one in ranked) == sorted(one.text for one in CANDIDATES)
        assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
        assert all(0 <= one.score <= 1 for one in ranked)
        again = await engine.rank("when does the tide turn", CANDIDATES[::-1])
        assert [one.text for one in again] == [one.text for one in ranked], "their order changes nothing"
        assert await engine.rank("anything", []) == []


async def _cancelled_it_ranks_again(engine: Reranker) -> None:
    before = running()
    with anyio.move_on_after(0):
        await engine.rank("tide", CANDIDATES)
    await settled(before)
    assert len(await engine.rank("tide", CANDIDATES)) == len(CANDIDATES)


RERANKER: Sequence[Check] = (_the_same_passages_best_first, _cancelled_it_ranks_again)
