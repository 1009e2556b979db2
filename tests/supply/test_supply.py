"""Engines that come, fail, recover and go while calls are under way; on virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Self

import anyio
import pytest
import trio
import trio.testing

from nexus_voice.core.chat import Prompt
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.chain.fallback import Fallback
from nexus_voice.engines.fake.engines import FakeLlm
from nexus_voice.supply.offers import Choice
from nexus_voice.supply.supply import Supply


class Engine(FakeLlm):
    """Takes `load` seconds to be ready, and fails at that `trouble` times."""

    def __init__(self, name: str, load: float = 0.0, trouble: int = 0, **how: Any) -> None:
        super().__init__(name, **how)
        self.name, self.load, self.trouble = name, load, trouble
        self.entered = self.open = 0

    async def __aenter__(self) -> Self:
        self.entered += 1
        self.open += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open -= 1

    async def ready(self) -> None:
        await anyio.sleep(self.load)
        if self.trouble:
            self.trouble -= 1
            raise EngineError("The model file is broken.", code="model_broken")


def choice(name: str, embedded: bool = False, **more: bool) -> Choice:
    return Choice("llm", name, "", "a test wants it", {}, embedded, **more)


def play(story: Callable[[Supply, Fallback], Awaitable[None]], *engines: Engine, **how: Any) -> None:
    made = {engine.name: engine for engine in engines}

    async def staged() -> None:
        chain = Fallback()
        async with Supply({"llm": chain}, lambda choice: made[choice.kind]) as supply:
            await story(supply, chain)
        assert all(engine.open == 0 for engine in engines), "an engine was left open"

    trio.run(staged, clock=trio.testing.MockClock(autojump_threshold=0))


def names(chain: Fallback) -> list[str]:
    return [link.engine.name for link in chain.links]


async def said(chain: Fallback) -> str:
    return "".join([piece async for piece in chain.stream(Prompt("what")) if isinstance(piece, str)])


def test_an_embedded_engine_serves_while_a_better_one_is_loading() -> None:
    small, large = Engine("small", load=1), Engine("large", load=60)

    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [choice("large"), choice("small", embedded=True)])
        await supply.usable()
        assert names(chain) == ["small"]
        assert supply.state("llm") == "warming"
        await anyio.sleep(2)
        assert supply.state("llm") == "ready"
        assert await said(chain) == "small"
        await anyio.sleep(60)
        assert names(chain) == ["large", "small"]
        assert await said(chain) == "large"
        assert supply.used() == [("llm", "large")]

    play(story, small, large)


def test_a_better_engine_comes_in_the_middle_of_an_answer_and_takes_the_next() -> None:
    old, new = Engine("old answer", token_gap=5), Engine("new")

    async def story(supply: Supply, chain: Fallback) -> None:
        heard: list[str] = []

        async def ask() -> None:
            heard.append(await said(chain))

        supply.want("llm", [choice("old answer")])
        await supply.settled("llm")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.sleep(1)
            supply.want("llm", [choice("new")])
            await anyio.sleep(1)
            assert names(chain) == ["new"]
            assert old.open == 1, "its call is not over"
        assert heard == ["old answer"]
        await anyio.sleep(1)
        assert old.open == 0
        assert await said(chain) == "new"

    play(story, old, new)


def test_engines_that_are_still_wanted_stay() -> None:
    one, two = Engine("one"), Engine("two")

    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [choice("one"), choice("two")])
        await anyio.sleep(1)
        supply.want("llm", [choice("two"), choice("one")])
        await anyio.sleep(1)
        assert names(chain) == ["two", "one"]
        assert (one.entered, two.entered) == (1, 1)

    play(story, one, two)


def test_an_engine_that_does_not_start_is_retried_and_says_why() -> None:
    lame, sound = Engine("lame", trouble=3), Engine("sound")

    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [choice("lame"), choice("sound")])
        await anyio.sleep(1)
        assert supply.state("llm") == "ready", "one of two"
        assert supply.status()["llm"][0]["state"] == "The model file is broken."
        await anyio.sleep(2 + 4 + 8)
        assert names(chain) == ["lame", "sound"]
        assert lame.entered == 4

    play(story, lame, sound)


def test_an_engine_that_is_missing_something_says_so_until_it_can_be_made() -> None:
    good, spare = Engine("good"), Engine("spare")
    absent = Choice("llm", "good", "", "chosen in the settings", {}, missing="Pull its model.")

    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [absent])
        await supply.settled("llm")
        assert supply.state("llm") == "Pull its model."
        assert supply.status()["llm"][0]["state"] == "Pull its model."
        supply.want("llm", [absent, choice("spare")])
        await supply.settled("llm")
        assert supply.state("llm") == "ready"
        assert names(chain) == ["spare"]
        supply.want("llm", [choice("good"), choice("spare")])
        await anyio.sleep(1)
        assert names(chain) == ["good", "spare"]

    play(story, good, spare)


def test_a_loaded_engine_stays_when_it_could_not_be_made_again() -> None:
    loaded, spare = Engine("loaded"), Engine("spare")
    absent = Choice("llm", "loaded", "", "chosen in the settings", {}, missing="Pull its model.")

    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [choice("loaded"), choice("spare")])
        await anyio.sleep(1)
        for _ in range(2):
            supply.want("llm", [absent, choice("spare")])
            await anyio.sleep(1)
            assert names(chain) == ["loaded", "spare"]
            assert supply.state("llm") == "ready"
        supply.want("llm", [choice("loaded"), choice("spare")])
        await anyio.sleep(1)
        assert loaded.entered == 1
        supply.want("llm", [choice("spare")])
        await anyio.sleep(1)
        assert names(chain) == ["spare"]
        assert loaded.open == 0

    play(story, loaded, spare)


def test_a_port_without_a_working_engine_says_what_is_wrong() -> None:
    lame = Engine("lame", trouble=100)

    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [choice("lame")])
        await supply.settled("llm")
        assert supply.state("llm") == "The model file is broken."
        with pytest.raises(EngineError, match="being loaded"):
            await said(chain)
        supply.want("llm", [])
        await anyio.sleep(1)
        assert lame.open == 0
        assert supply.wanted == []

    play(story, lame)


def test_an_engine_that_cannot_be_made_does_not_hurt_the_others() -> None:
    sound = Engine("sound")

    async def story(supply: Supply, chain: Fallback) -> None:
        def refuse(choice: Choice) -> Any:
            if choice.kind == "sound":
                return sound
            raise BadInput("It needs the Python package 'xyz'.", code="engine_not_installed")

        supply._make = refuse
        supply.want("llm", [choice("lame"), choice("sound")])
        await anyio.sleep(1)
        assert names(chain) == ["sound"]
        assert "xyz" in supply.status()["llm"][0]["state"]

    play(story, sound)


def test_at_the_start_calls_wait_for_a_quick_engine_and_later_they_do_not() -> None:
    """What stands by behind it makes the port ready only when the quick one has failed."""
    quick, other, poor = Engine("quick", load=3, trouble=1), Engine("other", load=3), Engine("poor")
    behind = choice("poor", embedded=True, standby=True)

    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [choice("quick", quick=True), behind])
        await supply.usable()
        assert names(chain) == ["quick", "poor"]
        await anyio.sleep(1)
        assert supply.state("llm") == "warming"
        await anyio.sleep(2.5)
        assert names(chain) == ["poor"], "it could not be loaded"
        assert supply.state("llm") == "ready"
        await anyio.sleep(10)
        assert names(chain) == ["quick", "poor"]
        supply.want("llm", [choice("other", quick=True), choice("quick", quick=True), behind])
        await anyio.sleep(1)
        assert names(chain) == ["quick", "poor"]
        await anyio.sleep(3)
        assert names(chain) == ["other", "quick", "poor"]

    play(story, quick, other, poor)


def test_the_reason_of_an_engine_that_is_there_may_change() -> None:
    async def story(supply: Supply, chain: Fallback) -> None:
        supply.want("llm", [choice("one")])
        await supply.settled("llm")
        supply.want("llm", [replace(choice("one"), why="it is fast")])
        assert supply.status()["llm"][0]["why"] == "it is fast"
        assert names(chain) == ["one"]

    play(story, Engine("one"))


def test_an_engine_that_joins_is_announced() -> None:
    async def story(supply: Supply, chain: Fallback) -> None:
        joined: list[str] = []

        async def note(choice: Choice, engine: Any) -> None:
            joined.append(f"{choice.port}:{engine.name}")

        supply.joined = note
        supply.want("llm", [choice("one"), choice("two", embedded=True)])
        await anyio.sleep(1)
        assert sorted(joined) == ["llm:one", "llm:two"]

    play(story, Engine("one"), Engine("two"))


def test_it_works_on_asyncio_as_well() -> None:
    one = Engine("one")

    async def story() -> None:
        chain = Fallback()
        async with Supply({"llm": chain}, lambda _: one) as supply:
            supply.want("llm", [choice("one")])
            await supply.settled("llm")
            assert supply.status()["llm"] == [
                {
                    "kind": "one",
                    "name": "one",
                    "why": "a test wants it",
                    "state": "ready",
                    "breaker": "closed",
                    "trouble": "",
                    "switches": 0,
                }
            ]
        assert one.open == 0

    anyio.run(story)
