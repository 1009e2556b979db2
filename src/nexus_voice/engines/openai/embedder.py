"""Any OpenAI-compatible embedding server: OpenAI, llama-server, vLLM, Ollama, another Nexus Voice."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ...core.errors import EngineError
from ..http.client import RemoteEngine
from .http import connection, likely_model

if TYPE_CHECKING:
    from ...ports import Vectors

MAX_TEXTS = 64
"""Per request."""
MAX_TEXT_CHARS = 8_000
"""What comes after is not seen: servers refuse what is longer than their model can take."""
_EMBEDDING_MODELS = ("embed", "bge", "e5", "minilm", "gte", "nomic", "jina", "mpnet", "arctic")
_DEFAULT_MODEL = "text-embedding-3-small"


class OpenAiEmbedder(RemoteEngine):
    """Implements `ports.Embedder`; enter it before use.

    With an empty `model` it takes the server's first whose name sounds like an embedding model. `dimensions`
    asks for shorter vectors, where the model can make them; 0 takes the model's own, and then the attribute
    is known after `ready`. `query_prefix` and `passage_prefix` go before the texts (E5 wants "query: " and
    "passage: ").
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        model: str = "",
        dimensions: int = 0,
        *,
        query_prefix: str = "",
        passage_prefix: str = "",
        within: float = 20.0,
    ) -> None:
        self._http = connection("embed", base_url, api_key)
        self._model, self._within, self._asked = model, within, dimensions
        self._prefix = {"query": query_prefix, "passage": passage_prefix}
        self._base64 = True
        self.dimensions = dimensions
        self.name = f"openai:{model}" if model else "openai"

    async def ready(self) -> None:
        """Check that the server answers and takes the key; choose the model; learn its dimensions."""
        if not self._model:
            self._model = await likely_model(self._http, self._within, _EMBEDDING_MODELS, _DEFAULT_MODEL)
            self.name = f"openai:{self._model}"
        await self._batch(["ready"])

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Rows of unit length in the order of `texts`."""
        import numpy as np

        if not (self._model and self.dimensions):
            await self.ready()
        sent = [(self._prefix[kind] + text)[:MAX_TEXT_CHARS] or " " for text in texts]  # "" is refused
        rows = [await self._batch(sent[at : at + MAX_TEXTS]) for at in range(0, len(sent), MAX_TEXTS)]
        return np.concatenate(rows) if rows else np.empty((0, self.dimensions), np.float32)

    async def _batch(self, texts: Sequence[str]) -> Vectors:
        order: dict[str, Any] = {"model": self._model, "input": list(texts)}
        if self._asked:
            order["dimensions"] = self._asked
        try:
            answer = await self._ask(order)
        except EngineError as error:
            if error.code != "embed_request" or not self._base64 or "encoding" not in error.message:
                raise
            self._base64 = False
            answer = await self._ask(order)
        with self._http.errors.reading("no embeddings"):
            return self._vectors(answer, len(texts))

    async def _ask(self, order: dict[str, Any]) -> Any:
        # As base64 an answer has a third of the bytes, and no numbers to parse.
        encoding = {"encoding_format": "base64"} if self._base64 else {}
        return await self._http.ask("POST", "embeddings", self._within, json={**order, **encoding})

    def _vectors(self, answer: Any, count: int) -> Vectors:
        import numpy as np

        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        vectors: Vectors = np.stack([_row(row["embedding"]) for row in rows])
        dimensions = self.dimensions or vectors.shape[1]
        if vectors.shape != (count, dimensions):
            raise ValueError(f"{vectors.shape} numbers instead of {(count, dimensions)}")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise ValueError("a vector without a direction")
        self.dimensions = dimensions
        unit: Vectors = vectors / lengths
        return unit


def _row(embedding: str | list[float]) -> Vectors:
    import numpy as np

    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4").astype(np.float32)
    return np.array(embedding, np.float32)
