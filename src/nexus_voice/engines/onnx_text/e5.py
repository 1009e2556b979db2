"""Sentence embeddings by an E5 model in ONNX (intfloat/e5-small-v2 and the like).

A prefix tells questions from passages, and a text's vector is the mean over its tokens, of unit length
(Wang et al. 2022, arXiv:2212.03533).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio

from ...core.errors import EngineError
from ...text.folding import is_latin
from .session import BertSession, LoadedOnUse, in_batches, onnx_file

if TYPE_CHECKING:
    from ...ports import Vectors

MIN_WORDS_OF_MANY_LANGUAGES = 100_000
"""In the vocabulary: BERT's of English has 30,522, that of XLM-RoBERTa in multilingual-e5 250,002."""
MAX_TOKENS = 512
"""The most that the model was trained on."""
TEXT_OUTPUTS = ("sentence_embedding", "embedding")
"""Names of an output that is a text's vector; without one, it is the mean of a token output."""
TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")


class E5Embedder(LoadedOnUse):
    """The folder `path` holds `tokenizer.json` and `model.onnx`, or `onnx/model.onnx`.

    `dimensions` is 0 until the model is loaded, by `ready` or the first `embed`. A query never waits
    for passages. `threads` is onnxruntime's per run. Raises `EngineError` (`model_missing`, `model_broken`).
    """

    cosines = (0.70, 0.90)
    """Rough cosines of unrelated texts, and of a question with its answer. They lie close together because
    the model was trained at a temperature of 0.01, as its model card says."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        super().__init__(self._load_and_look)
        self.name, self.dimensions = path.name, 0
        self._path, self._threads = path, threads
        self._output, self._multilingual = "", False
        self._limits = {"query": anyio.CapacityLimiter(2), "passage": anyio.CapacityLimiter(1)}

    def understands(self, text: str) -> bool:
        return self._multilingual or is_latin(text)

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Rows of unit length in the order of `texts`; text past 512 tokens is not seen."""
        import numpy as np

        run = partial(self._vectors, await self._loaded())
        rows = await in_batches(run, [f"{kind}: {text}" for text in texts], self._limits[kind])
        return np.array(rows, np.float32).reshape(-1, self.dimensions)

    def _load_and_look(self) -> BertSession:
        model = BertSession(onnx_file(self._path), self._path / "tokenizer.json", MAX_TOKENS, self._threads)
        output = next((name for name in (*TEXT_OUTPUTS, *TOKEN_OUTPUTS) if name in model.outputs), "")
        if not output:
            raise EngineError(
                f"The model {self.name} gives {', '.join(model.outputs)}, which is no text embedding.",
                code="model_broken",
            )
        self._output, self._multilingual = output, model.words >= MIN_WORDS_OF_MANY_LANGUAGES
        self.dimensions = self._vectors(model, ["query: ready?"]).shape[1]
        return model

    def _vectors(self, model: BertSession, texts: list[str]) -> Vectors:
        import numpy as np

        found, mask = model(texts, self._output)
        if self._output in TOKEN_OUTPUTS:
            real = mask[..., None].astype(np.float32)
            found = (found * real).sum(1) / real.sum(1)
        vectors: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
        return vectors
