"""A cross-encoder through its real loader, on a network built here that counts common words."""

from pathlib import Path

import anyio
import pytest

from models_tiny.crossencoder import build
from nexus_voice.core.chat import Passage
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.onnx_text.crossencoder import OnnxReranker

pytestmark = pytest.mark.anyio

PUMP = Passage("To start the pump press the blue button", "1", "Manual", score=0.1)
BREAD = Passage("Bread in the oven", "2", "Manual", ("Oven",), score=0.9)
RAIN = Passage("rain rain rain", "3", "Rome", score=0.5)


@pytest.fixture(scope="module", params=[1, 2])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return build(tmp_path_factory.mktemp("rerank") / "tiny-reranker", logits=request.param)


async def test_the_passage_that_answers_comes_first(folder: Path) -> None:
    async with OnnxReranker(folder) as reranker:
        assert reranker.name == "tiny-reranker"
        first, second, third = await reranker.rank("start pump button", [RAIN, BREAD, PUMP])
        assert (first.text, first.document) == (PUMP.text, PUMP.document)
        assert 0 < third.score <= second.score < 0.5 < first.score < 1
        assert await reranker.rank("start pump button", []) == []
        (oven, *_) = await reranker.rank("oven oven oven", [RAIN, PUMP, BREAD])
        assert oven.path == BREAD.path


async def test_company_and_length_change_no_score(folder: Path) -> None:
    """Batches are padded and cut; equals stay in order."""
    passages = [Passage("wash the filter " * (n % 5) + "pump", str(n), "Manual") for n in range(30)]
    async with OnnxReranker(folder, threads=2) as reranker:
        ranked = await reranker.rank("pump filter", passages)
        assert sorted(one.document for one in ranked) == sorted(one.document for one in passages)
        assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
        for one in (ranked[0], ranked[-1]):
            (alone,) = await reranker.rank("pump filter", [one])
            assert alone.score == pytest.approx(one.score, abs=1e-5)
        long = await reranker.rank("pump " * 10_000, [Passage("filter " * 10_000, "long", "Manual"), PUMP])
        assert [one.document for one in long] == [PUMP.document, "long"]
        same = await reranker.rank("pump", [PUMP, BREAD, PUMP])
        assert [one.text for one in same] == [PUMP.text, PUMP.text, BREAD.text]


async def test_cancelled_it_ranks_again_and_several_at_once(folder: Path) -> None:
    async with OnnxReranker(folder) as reranker:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await reranker.rank("pump", [PUMP] * 50)
        results: list[str] = []

        async def rank(query: str) -> None:
            results.append((await reranker.rank(query, [RAIN, BREAD, PUMP]))[0].document)

        async with anyio.create_task_group() as tasks:
            for query in ("pump", "bread oven", "rain rome"):
                tasks.start_soon(rank, query)
        assert sorted(results) == ["1", "2", "3"]


async def test_missing_files_are_explained(tmp_path: Path) -> None:
    async with OnnxReranker(tmp_path / "absent") as reranker:
        with pytest.raises(EngineError, match=r"absent has no model.onnx: pull it") as caught:
            await reranker.rank("pump", [PUMP])
    assert caught.value.code == "model_missing"
