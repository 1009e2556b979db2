"""Sentence embeddings by an E5 model in ONNX (intfloat/e5-small-v2 and its like).

Wang et al. 2022 (arXiv:2212.03533): questions and passages are told apart by a prefix, and a text's
vector is the mean over its tokens, of unit length.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import anyio
import anyio.to_thread

from ...core.errors import EngineError
from .session import BertSession, in_batches, onnx_file

if TYPE_CHECKING:
    from ...ports import Vectors

TOKENS = 512
"""The model was trained on no more."""
POOLED = ("sentence_embedding", "embedding")
"""Outputs that are a text's vector; without one, the mean of `HIDDEN` is."""
HIDDEN = ("last_hidden_state", "token_embeddings")


class E5Embedder:
    """The folder `path` holds `tokenizer.json` and `model.onnx`, or `onnx/model.onnx`.

    `dimensions` is 0 until the model is loaded, by `ready` or the first `embed`. A query never waits
    for passages. `threads` is onnxruntime's per run. Raises `EngineError` (`model_missing`, `model_broken`).
    """

    cosines = (0.70, 0.90)
    """The cosine of unrelated texts and of a question with its answer, roughly. E5's lie close together:
    it was trained at a temperature of 0.01, as its model card says."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self.name, self.dimensions = path.name, 0
        self._path, self._threads = path, threads
        self._model: BertSession | None = None
        self._output = ""
        self._loading = anyio.Lock()
        self._limits = {"query": anyio.CapacityLimiter(2), "passage": anyio.CapacityLimiter(1)}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._model = None

    async def ready(self) -> None:
        """Load the model unless it is loaded."""
        async with self._loading:
            if self._model is None:
                await anyio.to_thread.run_sync(self._load)

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Rows of unit length in the order of `texts`; text past 512 tokens is not seen."""
        import numpy as np

        await self.ready()
        assert self._model is not None
        run = partial(self._vectors, self._model)
        rows = await in_batches(run, [f"{kind}: {text}" for text in texts], self._limits[kind])
        return np.array(rows, np.float32).reshape(-1, self.dimensions)

    def _load(self) -> None:
        model = BertSession(onnx_file(self._path), self._path / "tokenizer.json", TOKENS, self._threads)
        output = next((name for name in (*POOLED, *HIDDEN) if name in model.outputs), "")
        if not output:
            raise EngineError(
                f"The model {self.name} gives {', '.join(model.outputs)}, which is no text embedding.",
                code="model_broken",
            )
        self._output = output
        self.dimensions = self._vectors(model, ["query: ready?"]).shape[1]
        self._model = model

    def _vectors(self, model: BertSession, texts: list[str]) -> Vectors:
        import numpy as np

        found, mask = model(texts, self._output)
        if self._output in HIDDEN:
            real = mask[..., None].astype(np.float32)
            found = (found * real).sum(1) / real.sum(1)
        vectors: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
        return vectors
