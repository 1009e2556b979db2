"""Tokens are counted by the model's own tokenizer, once for each text, and never waited for."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
import pytest
import trio
import trio.testing

from nexus_voice.core.errors import EngineError
from nexus_voice.knowledge.search.tokens import COUNT_TIMEOUT_S, MAX_KEPT, PAUSE_S, Counter, estimate


class Letters:
    """A token a letter, `delay` seconds after it was asked."""

    def __init__(self, delay: float = 0.0, *, broken: bool = False) -> None:
        self.name, self.delay, self.broken = "letters", delay, broken
        self.asked: list[list[str]] = []

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        self.asked.append(list(texts))
        await anyio.sleep(self.delay)
        if self.broken:
            raise EngineError("No tokenizer here.")
        return [len(text) for text in texts]


def play(story: Callable[[], Awaitable[None]]) -> None:
    trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("The quick brown fox jumps over the lazy dog.", 11),
        ("Überraschungsmomente für Käufer", 8),
        ("快速的棕色狐狸跳过懒狗", 11),
        ("すばやい茶色のきつね", 10),
        ("Быстрая коричневая лиса", 11),
        ("port 快速", 4),
    ],
)
def test_an_estimate_goes_by_the_script(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


def test_without_a_tokenizer_it_estimates() -> None:
    async def story() -> None:
        assert await Counter()(["The quick brown fox", "快速"]) == [5, 2]

    play(story)


def test_each_text_is_counted_once_in_one_request() -> None:
    async def story() -> None:
        letters = Letters()
        count = Counter(letters)
        assert await count(["pump", "filter", "pump"]) == [4, 6, 4]
        assert await count(["filter", "water"]) == [6, 5]
        assert letters.asked == [["pump", "filter"], ["water"]]
        letters.name = "another model"
        assert await count(["pump"]) == [4]
        assert letters.asked[-1] == ["pump"]
        await count([f"text {number}" for number in range(MAX_KEPT)])
        await count(["pump"])
        assert letters.asked[-1] == ["pump"], "what is kept is bounded"

    play(story)


@pytest.mark.parametrize("letters", [Letters(10.0), Letters(broken=True)], ids=["late", "broken"])
def test_a_late_or_missing_tokenizer_costs_little_and_rests(letters: Letters) -> None:
    async def story() -> None:
        letters.asked.clear()
        count, began = Counter(letters), anyio.current_time()
        assert await count(["The quick brown fox"]) == [5]
        assert anyio.current_time() - began <= COUNT_TIMEOUT_S + 0.001
        await count(["The quick brown fox"])
        assert len(letters.asked) == 1
        await anyio.sleep(PAUSE_S)
        await count(["The quick brown fox"])
        assert len(letters.asked) == 2

    play(story)
