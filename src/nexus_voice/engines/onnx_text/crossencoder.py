"""Reranks passages by a cross-encoder in ONNX (ms-marco-MiniLM, bge-reranker and the like).

It reads question and passage together (Nogueira and Cho 2019, arXiv:1901.04085). That is slower than
comparing vectors, and better; so it is given only the few passages that the search has found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ...core.chat import Passage
from .session import BertSession, LoadedOnUse, in_batches, onnx_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_TOKENS = 512
MAX_QUERY_CHARS = 500
"""A longer question is cut, so that room is left for the passage."""


class OnnxReranker(LoadedOnUse):
    """The folder `path` holds `tokenizer.json` and `model.onnx`, or `onnx/model.onnx`.

    `threads` is onnxruntime's per run. Raises `EngineError` (`model_missing`, `model_broken`).
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        super().__init__(lambda: BertSession(onnx_file(path), path / "tokenizer.json", MAX_TOKENS, threads))
        self.name = path.name
        self._limit = anyio.CapacityLimiter(2)

    async def rank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        """All passages, best first; `score` becomes the model's, 0..1. Equals keep their order."""
        model = await self._loaded()
        pairs = [(query[:MAX_QUERY_CHARS], _shown(passage)) for passage in passages]
        scores = await in_batches(partial(_scores, model), pairs, self._limit)
        scored = [replace(one, score=float(score)) for one, score in zip(passages, scores, strict=True)]
        return sorted(scored, key=lambda one: -one.score)


def _shown(passage: Passage) -> str:
    """The passage with its headings, as it is embedded: often only they name the subject."""
    return f"{' › '.join([passage.title, *passage.path])}\n{passage.text}"


def _scores(model: BertSession, pairs: list[tuple[str, str]]) -> NDArray[np.float32]:
    """Scores from 0 to 1: the sigmoid of a single logit, or of the difference of two (no, yes), which is the
    softmax of the second."""
    import numpy as np

    logits = model(pairs, model.outputs[0])[0].reshape(len(pairs), -1)
    logit = logits[:, -1] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
    scores: NDArray[np.float32] = 1 / (1 + np.exp(-np.clip(logit, -80, 80)))
    return scores
