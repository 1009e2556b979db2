"""Several engines as one, on virtual time."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import anyio
import pytest
import trio
import trio.testing

from nexus_voice.core.audio import Pcm, Transcript, Voice, silence
from nexus_voice.core.chat import CutOff, Passage, Prompt
from nexus_voice.core.errors import BadInput, Busy, EngineError
from nexus_voice.engines.chain.breaker import Breaker
from nexus_voice.engines.chain.fallback import Fallback, Policy
from nexus_voice.engines.fake.engines import Failure, FakeEmbedder, FakeLlm, FakeStt, FakeTts

T = TypeVar("T")
DOWN = EngineError("The provider is down.", code="llm_failed", retryable=True)
REFUSED = EngineError("The key was refused.", code="llm_auth")
ASK = Prompt("what now")


def play(story: Callable[[], Awaitable[T]]) -> T:
    """Run on virtual time."""
    return trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


def broken(error: Exception = DOWN, *, call: int = 0, after: int = 0) -> Failure:
    return Failure(call, after, error)


async def said(engine: Any, prompt: Prompt = ASK) -> str:
    return "".join([piece async for piece in engine.stream(prompt)])


def llm(answer: str, **how: Any) -> FakeLlm:
    return FakeLlm(answer, **how)


# --- the breaker -----------------------------------------------------------------------------------


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_call_try() -> None:
    async def story() -> None:
        breaker = Breaker(failures=3, cooldown=5)
        for _ in range(2):
            assert breaker.admit()
            breaker.failed(DOWN)
        breaker.succeeded()  # not in a row any more
        for _ in range(3):
            assert breaker.state == "closed"
            breaker.failed(DOWN)
        assert breaker.state == "open"
        assert breaker.trouble == "The provider is down."
        assert not breaker.admit()
        await anyio.sleep(5)
        assert breaker.state == "half-open"
        assert breaker.admit()
        assert not breaker.admit(), "one at a time"
        breaker.failed(DOWN)
        await anyio.sleep(9.9)
        assert breaker.state == "open", "twice as long"
        await anyio.sleep(0.2)
        assert breaker.admit()
        breaker.abandoned()  # a caller that hung up says nothing about the engine
        assert breaker.admit()
        breaker.succeeded()
        assert breaker.state == "closed"
        assert not breaker.trouble

    play(story)


@pytest.mark.parametrize(
    ("error", "until"),
    [
        (REFUSED, 5),
        (EngineError("Slow down.", retryable=True, retry_after=17), 17),
        (EngineError("Slow down.", retryable=True, retry_after=math.inf), 600),
    ],
)
def test_a_breaker_opens_at_once_when_a_retry_is_useless(error: EngineError, until: float) -> None:
    async def story() -> None:
        breaker = Breaker()
        breaker.failed(error)
        await anyio.sleep(until - 0.1)
        assert breaker.state == "open"
        await anyio.sleep(0.2)
        assert breaker.state == "half-open"

    play(story)


# --- the chain -------------------------------------------------------------------------------------


def test_a_temporary_error_is_retried() -> None:
    async def story() -> None:
        first, second = llm("one", fail=broken(call=1)), llm("two")
        chain = Fallback(first, second)
        assert await said(chain) == "one"
        assert (first.calls, second.calls) == (2, 0)
        assert 0.05 <= anyio.current_time() - 0.15 - 0.15 <= 0.15 + 0.001

    play(story)


def test_a_permanent_error_goes_to_the_next_engine_at_once() -> None:
    async def story() -> None:
        first, second = llm("one", first_token=0, fail=broken(REFUSED)), llm("two", first_token=0)
        chain = Fallback(first, second)
        began = anyio.current_time()
        assert await said(chain) == "two"
        assert anyio.current_time() == began
        assert chain.name == second.name
        assert chain.status()[0] == {
            "name": "fake",
            "state": "open",
            "trouble": "The key was refused.",
            "switches": 1,
        }
        assert await said(chain) == "two"
        assert first.calls == 1, "its breaker is open"
        await anyio.sleep(6)
        await said(chain)
        assert first.calls == 2, "one call tries whether it is back"

    play(story)


def test_an_engine_that_is_late_times_out_unless_it_is_the_last() -> None:
    async def story() -> None:
        chain = Fallback(
            llm("one", first_token=100), llm("two", first_token=20), policy=Policy(first_result=8)
        )
        began = anyio.current_time()
        assert await said(chain) == "two"
        assert anyio.current_time() - began == pytest.approx(28)

    play(story)


def test_nothing_is_switched_once_the_answer_has_begun() -> None:
    async def story() -> None:
        chain = Fallback(llm("The sky is blue today.", fail=broken(after=3)), llm("two"))
        pieces = [piece async for piece in chain.stream(ASK)]
        assert "".join(pieces[:-1]) == "The sky is"
        assert pieces[-1] == CutOff()
        assert chain.links[0].breaker.trouble == "The provider is down."
        assert chain.links[0].switches == 0

    play(story)


def test_a_voice_that_dies_ends_its_sentence_and_the_next_is_spoken_by_another() -> None:
    async def story() -> None:
        first = FakeTts(seconds=1, fail=broken(REFUSED, call=1, after=2))
        second = FakeTts(seconds=1)
        chain = Fallback(first, second)
        lengths = []
        for _ in range(2):
            pieces = [p async for p in chain.speak("Hello.", Voice("anna")) if isinstance(p, Pcm)]
            lengths.append(sum(piece.seconds for piece in pieces))
        assert lengths == [pytest.approx(0.2), pytest.approx(1.0)]
        assert (first.calls, second.calls) == (1, 1)

    play(story)


def test_only_the_first_voice_is_asked_for_by_name() -> None:
    class Named(FakeTts):
        voice = Voice()

        async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Any]:
            self.voice = voice
            async for piece in super().speak(sentence, voice):
                yield piece

    async def story() -> None:
        first, second = Named(fail=broken(REFUSED)), Named()
        async for _ in Fallback(first, second).speak("Hello.", Voice("anna", 1.2, language="de")):
            pass
        assert first.voice == Voice("anna", 1.2, language="de")
        assert second.voice == Voice("", 1.2, language="de")

    play(story)


def test_a_voice_that_speaks_the_language_comes_before_one_that_does_not() -> None:
    class English(FakeTts):
        def speaks(self, language: str) -> bool:
            return language in ("", "en")

    async def story() -> None:
        english, any = English(), FakeTts()
        chain = Fallback(english, any)
        for voice, speaker in (
            (Voice(), english),
            (Voice(language="en"), english),
            (Voice(language="de"), any),
            (Voice("anna", language="de"), english),  # the user's own choice
        ):
            before = speaker.calls
            async for _ in chain.speak("Hello.", voice):
                pass
            assert speaker.calls == before + 1

    play(story)


class Deaf(FakeStt):
    """Hears everything, says a few words, and then fails."""

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        self.calls += 1
        async for _ in audio:
            yield Transcript("wha", final=False)
        raise REFUSED


class Hearing(FakeStt):
    seconds = 0.0

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        async def counted() -> AsyncGenerator[Pcm]:
            async for pcm in audio:
                self.seconds += pcm.seconds
                yield pcm

        async for transcript in super().transcribe(counted()):
            yield transcript


async def microphone(seconds: float = 2.0) -> AsyncGenerator[Pcm]:
    for _ in range(round(seconds * 10)):
        await anyio.sleep(0.1)
        yield silence(0.1)


def test_the_second_recogniser_hears_the_whole_utterance() -> None:
    async def story() -> None:
        second = Hearing("what now")
        chain = Fallback(Deaf(), second)
        heard = [one async for one in chain.transcribe(microphone())]
        assert heard[-1] == Transcript("what now", final=True)
        assert heard[0] == Transcript("wha", final=False)
        assert second.seconds == pytest.approx(2.0)

    play(story)


def test_a_recognisers_timeout_starts_at_the_end_of_the_audio() -> None:
    async def story() -> None:
        chain = Fallback(
            FakeStt("late", final_delay=60), Hearing("what now", final_delay=0), policy=Policy(first_result=3)
        )
        assert [one.text async for one in chain.transcribe(microphone(20))] == ["what now"]
        assert anyio.current_time() == pytest.approx(23, abs=0.01)

    play(story)


def test_bad_input_and_a_full_queue_do_not_count_against_the_engine() -> None:
    async def story() -> None:
        first, second = llm("one", fail=broken(BadInput("Too long."))), llm("two")
        with pytest.raises(BadInput):
            await said(Fallback(first, second))
        assert second.calls == 0
        chain = Fallback(llm("one", fail=broken(Busy("Full."))), llm("two"))
        for _ in range(5):
            assert await said(chain) == "two"
        assert chain.links[0].breaker.state == "closed"
        with pytest.raises(Busy):
            await said(Fallback(llm("one", fail=broken(Busy("Full.")))))

    play(story)


def test_when_all_fail_the_preferred_engines_error_is_shown_and_all_are_retried() -> None:
    async def story() -> None:
        first = llm("one", fail=broken(REFUSED))
        second = llm("two", fail=broken(EngineError("Broken.")))
        chain = Fallback(first, second)
        for _ in range(2):
            with pytest.raises(EngineError, match="The key was refused"):
                await said(chain)
        assert first.calls == second.calls == 2, "resting engines are better than none"

    play(story)


def test_a_caller_that_hangs_up_leaves_nothing_running() -> None:
    async def story() -> None:
        first = llm("one two three four")
        chain = Fallback(first, llm("two"))
        with anyio.move_on_after(0.16):
            await said(chain)
        stream = chain.stream(ASK)
        await anext(stream)
        await stream.aclose()
        assert first.running == 0
        assert chain.links[0].calls == 0
        assert chain.links[0].breaker.state == "closed"

    play(story)


def test_engines_come_and_go_while_calls_are_under_way() -> None:
    async def story() -> None:
        old, new = llm("old", first_token=1), llm("new")
        chain = Fallback(old)
        heard: list[str] = []

        async def ask() -> None:
            heard.append(await said(chain))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.sleep(0.5)
            link = chain.links[0]
            chain.insert(0, new)
            assert chain.current is new
            chain.remove(link)
            assert link.calls == 1
        assert heard == ["old"]
        assert link.calls == 0
        assert await said(chain) == "new"

    play(story)


def test_a_chain_without_engines_says_that_it_is_loading() -> None:
    async def story() -> None:
        chain = Fallback()
        assert chain.name == "none"
        with pytest.raises(EngineError, match="being loaded"):
            await said(chain)

    play(story)


def test_search_embedding_and_ranking_go_through_the_chain_too() -> None:
    class Web:
        name = "web"

        def __init__(self, *errors: Exception) -> None:
            self.errors = list(errors)

        async def search(self, query: str, k: int) -> list[Passage]:
            if self.errors:
                raise self.errors.pop(0)
            return [Passage(query, "u", "t")]

        async def rank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
            return list(reversed(passages))

    async def story() -> None:
        chain = Fallback(Web(DOWN, DOWN), Web())
        assert [one.text for one in await chain.search("rain", 2)] == ["rain"]
        assert chain.links[0].switches == 1
        two = [Passage(text, "u", "t") for text in "ab"]
        assert [one.text for one in await chain.rank("rain", two)] == ["b", "a"]
        vectors = await Fallback(FakeEmbedder()).embed(["rain"], "query")
        assert len(vectors) == 1

    play(story)


def test_a_chain_works_on_asyncio_as_well() -> None:
    async def story() -> None:
        one, two = llm("one", first_token=9), llm("two three", first_token=0, token_gap=0)
        assert await said(Fallback(one, two, policy=Policy(first_result=0.001, retries=0))) == "two three"
        assert one.running == 0

    anyio.run(story)


# --- what it tells of the engine that is next ------------------------------------------------------


def test_a_caller_is_told_which_engine_has_worked() -> None:
    async def story() -> None:
        worn, spare = llm("never", fail=broken()), llm("spare")
        worn.name, spare.name = "worn", "spare"
        chain = Fallback(worn, spare, policy=Policy(retries=0))
        told: list[str] = []
        assert await said(chain.noting(told.append)) == "spare"
        assert told == ["spare"]
        await said(chain)
        assert told == ["spare"], "other callers are not noted"
        chain.remove(chain.links[0])
        assert len(chain.noting(told.append).links) == 1, "it is the same chain"

    play(story)


def test_a_chain_is_as_local_and_as_free_as_its_next_engine() -> None:
    class Own(FakeLlm):
        local, primes, free_places = True, True, 0
        primed = 0

        async def prime(self, prompt: Prompt, tools: Any = ()) -> None:
            self.primed += 1

    class Remote(FakeLlm):
        local = False

    async def story() -> None:
        own = Own()
        chain = Fallback(own)
        assert (chain.local, chain.free_places, chain.primes) == (True, 0, True)
        await chain.prime(ASK)
        assert own.primed == 1
        for other in (Fallback(Remote(), own), Fallback()):
            assert (other.local, other.free_places, other.primes) == (False, math.inf, False)
            await other.prime(ASK)
        assert own.primed == 1
        assert chain.links[0].calls == 0

    play(story)
