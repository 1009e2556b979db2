"""What a question brings from real documents: joined, reranked, within the context, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from nexus_voice.core.chat import Passage
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.search.choosing import MAX_TOKENS, Chooser
from nexus_voice.knowledge.search.reranking import Reranking
from nexus_voice.knowledge.search.tokens import Counter

pytestmark = pytest.mark.anyio

LONG = " ".join(
    f"The pump number {number} has a blue button that starts it in room {number}." for number in range(60)
)


class Letters:
    """A token a letter: so long are the words of no real model."""

    name = "letters"

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


class Backwards:
    async def rank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        return list(reversed(passages))


async def base_of(path: Path, chooser: Chooser) -> KnowledgeBase:
    base = KnowledgeBase(path, FakeEmbedder(), chooser=chooser)
    await base.ingest("pumps.md", f"# Pumps\n\n## Rooms\n\n{LONG}".encode())
    await base.ingest("oven.md", b"# Oven\n\nThe oven has a red button.")
    return base


async def test_a_long_section_comes_as_one_passage_of_the_document(tmp_path: Path) -> None:
    async with await base_of(tmp_path, Chooser(least=0)) as base:
        pieces = await base.chunks_of((await base.documents())[1].id)
        assert len(pieces) > 4
        first, *others = await base.recall("which blue button starts the pump", k=2)
        assert first.title == "Pumps"
        assert len(first.text) > 2 * 800
        assert first.text in LONG
        assert first.position == min(piece.position for piece in pieces if piece.text in first.text)
        assert [one.title for one in others] == ["Oven"]


async def test_the_models_own_tokens_bound_the_context(tmp_path: Path) -> None:
    async with await base_of(tmp_path, Chooser(counter=Counter(Letters()))) as base:
        found = await base.recall("which blue button starts the pump")
        size = sum(len(f"{' › '.join((one.title, *one.path))}\n{one.text}") for one in found)
        assert MAX_TOKENS / 2 < size <= MAX_TOKENS
        everything = await base.search("which blue button starts the pump", k=20)
        assert sum(len(one.text) for one in everything) > MAX_TOKENS


async def test_the_same_text_in_two_files_comes_once_from_the_newer(tmp_path: Path) -> None:
    async with KnowledgeBase(tmp_path, FakeEmbedder()) as base:
        for name in ("old.md", "new.md"):
            await base.ingest(name, b"# Pump\n\nThe blue button starts the pump in the cellar.")
        (found,) = await base.recall("which button starts the pump")
        names = {one.id: one.name for one in await base.documents()}
        assert names[found.document] == "new.md"


async def test_what_hardly_fits_is_not_cited(tmp_path: Path) -> None:
    for least, titles in ((0.0, {"Pumps", "Oven"}), (0.7, {"Oven"})):
        async with await base_of(tmp_path, Chooser(least=least)) as base:
            found = await base.recall("what has a red button in the oven")
            assert {one.title for one in found} == titles
            assert all(one.score >= least for one in found)
            assert bool(await base.recall("who won the cup")) == (least == 0)


async def test_a_reranker_decides_what_comes_first(tmp_path: Path) -> None:
    async with await base_of(tmp_path, Chooser(least=0)) as base:
        usual = await base.recall("what has a red button in the oven")
    async with await base_of(tmp_path, Chooser(Reranking(Backwards(), 30), least=0)) as base:
        turned = await base.recall("what has a red button in the oven")
    assert usual[0].title == turned[-1].title == "Oven"
    assert turned[0].score < turned[-1].score
