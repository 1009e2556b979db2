"""The real MiniLM weights, turned into ONNX here and now."""

import os
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np
import onnx
import pytest

from nexus_voice.core.errors import EngineError
from nexus_voice.engines.onnx_text import bert_onnx
from nexus_voice.engines.onnx_text import session as bert_session
from nexus_voice.engines.onnx_text.minilm import CACHE_FILE, MiniLmEmbedder

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def cache(models: Path) -> Path:
    return models


async def test_vectors_are_this_models(cache: Path) -> None:
    """The cosines that these weights give; another pooling, mask or norm would move them."""
    sentences = ["A dog runs.", "A puppy is running.", "Stock markets fell."]
    async with MiniLmEmbedder(cache) as embedder:
        vectors = await embedder.embed(sentences, "passage")
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] == pytest.approx(0.790, abs=0.002)
    assert vectors[0] @ vectors[2] == pytest.approx(0.031, abs=0.002)


async def test_batches_keep_order_and_text_past_the_limit_is_not_seen(cache: Path) -> None:
    texts = [f"Sentence number {number} " + "with more words " * (number % 7) for number in range(30)]
    async with MiniLmEmbedder(cache, threads=2) as embedder:
        together = await embedder.embed(texts, "passage")
        for place in (0, 13, 29):
            alone = await embedder.embed([texts[place]], "query")
            np.testing.assert_allclose(together[place], alone[0], atol=1e-4)
        long = "word " * 254
        one, other = await embedder.embed([long + "cat", long + "dog and much more"], "passage")
        np.testing.assert_allclose(one, other, atol=1e-4)
        assert (await embedder.embed([], "query")).shape == (0, 384)


async def test_many_at_once_load_the_model_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []
    session = bert_session.onnx_session
    monkeypatch.setattr(bert_session, "onnx_session", lambda path, n: loaded.append(path) or session(path, n))
    async with MiniLmEmbedder(cache) as embedder, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(embedder.embed, ["hello"] * 3, "query")
            tasks.start_soon(embedder.embed, ["hello"] * 20, "passage")
            tasks.start_soon(embedder.ready)
    assert loaded == [cache / CACHE_FILE]


async def test_a_damaged_cache_is_made_anew(tmp_path: Path, cache: Path) -> None:
    async with MiniLmEmbedder(cache) as embedder:
        await embedder.ready()
    whole = (cache / CACHE_FILE).read_bytes()
    (tmp_path / CACHE_FILE).write_bytes(whole[:1000])
    async with MiniLmEmbedder(tmp_path) as embedder:
        await embedder.ready()
    assert os.listdir(tmp_path) == [CACHE_FILE]
    assert (tmp_path / CACHE_FILE).read_bytes() == whole


async def test_a_conversion_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(config: Path, weights: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(bert_onnx, "convert", fail)
    async with MiniLmEmbedder(tmp_path) as embedder:
        with pytest.raises(EngineError, match=r"disk full\)\. Make room"):
            await embedder.ready()
    assert os.listdir(tmp_path) == []


async def test_missing_weights_are_explained(tmp_path: Path) -> None:
    async with MiniLmEmbedder(tmp_path, package="no_such_package_here") as embedder:
        with pytest.raises(EngineError, match="make setup") as caught:
            await embedder.embed(["hello"], "query")
    assert caught.value.code == "model_missing"


async def test_wrong_weights_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "other_weights" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").touch()
    (model / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    async with MiniLmEmbedder(tmp_path, package="other_weights") as embedder:
        with pytest.raises(EngineError, match="damaged") as caught:
            await embedder.ready()
    assert caught.value.code == "model_corrupt"


def test_any_bert_is_converted(tmp_path: Path) -> None:
    """A tiny network with random weights and the other naming: its ONNX equals plain numpy."""
    config = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "layer_norm_eps": 1e-12}
    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (11, 4),
        "embeddings.position_embeddings.weight": (8, 4),
        "embeddings.token_type_embeddings.weight": (2, 4),
    }
    for part, (wide, narrow) in {
        "attention.self.query": (4, 4), "attention.self.key": (4, 4), "attention.self.value": (4, 4),
        "attention.output.dense": (4, 4), "intermediate.dense": (6, 4), "output.dense": (4, 6),
    }.items():  # fmt: skip
        shapes |= {f"encoder.layer.0.{part}.weight": (wide, narrow), f"encoder.layer.0.{part}.bias": (wide,)}
    for norm in ("embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"):
        shapes |= {f"{norm}.LayerNorm.weight": (4,), f"{norm}.LayerNorm.bias": (4,)}
    weights = {f"bert.{name}": random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    model = bert_onnx.encoder(config, weights)
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "tiny.onnx")
    session = bert_session.onnx_session(tmp_path / "tiny.onnx", 1)
    ids = np.array([[1, 5, 9], [2, 7, 0]])
    mask = np.array([[1, 1, 1], [1, 1, 0]])
    (both,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    (short,) = session.run(None, {"input_ids": ids[1:, :2], "attention_mask": mask[1:, :2]})
    np.testing.assert_allclose(both[1], short[0], atol=1e-5)  # padding changes nothing
    np.testing.assert_allclose(both[0], plain_bert(weights, ids[0]), atol=1e-4)


def plain_bert(weights: dict[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """One layer, two heads, written as the paper does."""
    from math import erf

    def get(name: str) -> np.ndarray:
        return weights["bert." + name].astype(np.float64)

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ get(f"encoder.layer.0.{name}.weight").T + get(f"encoder.layer.0.{name}.bias")

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * get(f"{name}.LayerNorm.weight") + get(f"{name}.LayerNorm.bias")

    x = (
        get("embeddings.word_embeddings.weight")[ids]
        + get("embeddings.position_embeddings.weight")[: len(ids)]
    )
    x = norm(x + get("embeddings.token_type_embeddings.weight")[0], "embeddings")
    q, k, v = (linear(x, f"attention.self.{part}") for part in ("query", "key", "value"))
    heads = []
    for head in (slice(0, 2), slice(2, 4)):
        scores = np.exp(q[:, head] @ k[:, head].T / np.sqrt(2))
        heads.append(scores / scores.sum(-1, keepdims=True) @ v[:, head])
    x = norm(
        linear(np.concatenate(heads, -1), "attention.output.dense") + x, "encoder.layer.0.attention.output"
    )
    inner = linear(x, "intermediate.dense")
    inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
    mean = norm(linear(inner, "output.dense") + x, "encoder.layer.0.output").mean(0)
    return mean / np.linalg.norm(mean)
