"""A reranker changes the order, not the scores; late or broken, it changes nothing."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
import trio
import trio.testing

from nexus_voice.core.chat import Passage
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.chain.fallback import Fallback
from nexus_voice.knowledge.documents.records import StoredChunk
from nexus_voice.knowledge.search.reranking import MAX_READ, PAUSE_S, Reranking


class Backwards:
    name = "backwards"

    def __init__(self, delay: float = 0.0) -> None:
        self.delay, self.broken, self.read = delay, False, 0

    async def rank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        self.read += len(passages)
        await anyio.sleep(self.delay)
        if self.broken:
            raise EngineError("It broke.")
        return list(reversed(passages))


def play(story: Callable[[], Awaitable[None]]) -> None:
    trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


def ranked(count: int) -> list[tuple[StoredChunk, float]]:
    return [
        (StoredChunk(id, f"d{id % 3}", "Title", (), "Title", f"text {id}", 10 * id), 1 - id / 100)
        for id in range(count)
    ]


def ids(found: list[tuple[StoredChunk, float]]) -> list[int]:
    return [chunk.id for chunk, _ in found]


def test_the_first_are_reordered_with_their_scores() -> None:
    async def story() -> None:
        reranker, found = Backwards(), ranked(MAX_READ + 5)
        best = await Reranking(reranker)("why", found)
        assert ids(best) == [*reversed(range(MAX_READ)), *range(MAX_READ, MAX_READ + 5)]
        assert dict(best) == dict(found)
        assert reranker.read == MAX_READ

    play(story)


def test_late_or_broken_it_leaves_the_order_and_rests() -> None:
    async def story() -> None:
        reranker, found = Backwards(10), ranked(5)
        reranking, began = Reranking(reranker, 0.15), anyio.current_time()
        assert ids(await reranking("why", found)) == [0, 1, 2, 3, 4]
        assert anyio.current_time() - began <= 0.151
        reranker.delay = 0
        assert ids(await reranking("why", found)) == [0, 1, 2, 3, 4]
        await anyio.sleep(PAUSE_S)
        assert ids(await reranking("why", found)) == [4, 3, 2, 1, 0]
        reranker.broken = True
        assert ids(await reranking("why", found)) == [0, 1, 2, 3, 4]

    play(story)


def test_without_one_nothing_changes_and_one_that_comes_is_used_at_once() -> None:
    async def story() -> None:
        assert ids(await Reranking()("why", ranked(3))) == [0, 1, 2]
        chain = Fallback()
        reranking = Reranking(chain, there=lambda: bool(chain.links))
        assert ids(await reranking("why", ranked(3))) == [0, 1, 2]
        chain.insert(0, Backwards())
        assert ids(await reranking("why", ranked(3))) == [2, 1, 0]
        assert ids(await reranking("why", ranked(1))) == [0]

    play(story)
