"""E5 through its real loader, on a network of random weights built here."""

import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from engines import contract
from models_tiny.e5 import WIDTH, build
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.onnx_text import session as bert_session
from nexus_voice.engines.onnx_text.e5 import E5Embedder

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=["hidden", "pooled"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return build(tmp_path_factory.mktemp(request.param) / "tiny-e5", pooled=request.param == "pooled")


async def test_the_contract(folder: Path) -> None:
    async with E5Embedder(folder) as embedder:
        assert (embedder.name, embedder.dimensions) == ("tiny-e5", 0)
        await embedder.ready()
        assert embedder.dimensions == WIDTH
        for check in contract.EMBEDDER:
            await check(embedder)


async def test_a_vector_is_the_mean_over_the_prefixed_texts_tokens(folder: Path) -> None:
    """Against onnxruntime fed by hand, one text at a time and so without padding."""
    texts = ["How do I start the pump?", "bread", "press " * 600]
    model = bert_session.onnx_file(folder)
    session = onnxruntime.InferenceSession(model)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    async with E5Embedder(folder, threads=2) as embedder:
        for kind in ("query", "passage"):
            vectors = await embedder.embed(texts, kind)
            for text, vector in zip(texts, vectors, strict=True):
                ids = tokenizer.encode(f"{kind}: {text}").ids
                ids = ids if len(ids) <= 512 else [*ids[:511], ids[-1]]
                feed = {
                    "input_ids": [ids],
                    "attention_mask": [[1] * len(ids)],
                    "token_type_ids": [[0] * len(ids)],
                }
                known = {one.name: np.array(feed[one.name]) for one in session.get_inputs()}
                (found,) = session.run(None, known)
                mean = found[0].mean(0) if found.ndim == 3 else found[0]
                np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
        question, passage = (
            await embedder.embed(texts[:1], "query"),
            await embedder.embed(texts[:1], "passage"),
        )
        assert float(question[0] @ passage[0]) < 0.999


async def test_its_vocabulary_tells_which_languages_it_understands(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "many")
    path = tmp_path / "many" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_tokens([f"x{number}" for number in range(100_000)])
    tokenizer.save(str(path))
    for at, understands in ((folder, False), (tmp_path / "many", True)):
        async with E5Embedder(at) as embedder:
            await embedder.ready()
            assert embedder.understands("钥匙在哪里") is understands
            assert embedder.understands("Where is the key?")


async def test_a_query_does_not_wait_for_passages(folder: Path) -> None:
    done = anyio.Event()

    async def embed_passages(embedder: E5Embedder) -> None:
        await embedder.embed(["wash the filter " * 100] * 2000, "passage")
        done.set()

    async with E5Embedder(folder) as embedder, anyio.create_task_group() as tasks:
        tasks.start_soon(embed_passages, embedder)
        await embedder.ready()
        with anyio.fail_after(contract.LIMIT):
            await embedder.embed(["start the pump"], "query")
        assert not done.is_set(), "the passages take longer"
        tasks.cancel_scope.cancel()


async def test_many_at_once_load_the_model_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []
    session = bert_session.onnx_session
    monkeypatch.setattr(bert_session, "onnx_session", lambda path, n: loaded.append(path) or session(path, n))
    async with E5Embedder(folder) as embedder, anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(embedder.embed, ["hello"], "query")
            tasks.start_soon(embedder.ready)
    assert len(loaded) == 1


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: bert_session.onnx_file(folder).unlink(), "model_missing"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "model_missing"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "model_broken"),
        (lambda folder: bert_session.onnx_file(folder).write_bytes(b"no network"), "model_broken"),
    ],
)
async def test_what_is_wrong_with_the_files_is_explained(
    tmp_path: Path, damage: Callable[[Path], object], code: str
) -> None:
    damage(build(tmp_path / "tiny-e5"))
    async with E5Embedder(tmp_path / "tiny-e5") as embedder:
        with pytest.raises(EngineError, match=r"tiny-e5.*pull it again") as caught:
            await embedder.embed(["hello"], "query")
    assert caught.value.code == code
