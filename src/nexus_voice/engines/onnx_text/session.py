"""Runs a BERT-like network in ONNX with its tokenizer, in threads, for embedders and rerankers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import anyio.to_thread

from ...core.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_BATCH_SIZE, MAX_BATCH_CHARS = 8, 500
"""Texts per run. Long ones go alone, because a run of several no longer fits the processor's caches and takes
up to 40 % longer for each. So the thread of a caller who has gone is free again soon."""

PAD_TOKENS = ("[PAD]", "<pad>")
"""BERT's and RoBERTa's. RoBERTa's networks recognise padding by it, not by the mask alone."""

T = TypeVar("T", str, tuple[str, str])


class BertSession:
    """A network and its tokenizer. Several threads may call it. Text past `tokens` tokens is not seen.

    `threads` is onnxruntime's per run. Raises `EngineError` (`model_missing`, `model_broken`).
    """

    def __init__(self, model: Path, tokenizer: Path, tokens: int, threads: int) -> None:
        from tokenizers import Tokenizer

        name = tokenizer.parent.name
        for path in (model, tokenizer):
            if not path.is_file():
                raise EngineError(
                    f"The model {name} has no {path.name}: pull it again.", code="model_missing"
                )
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            self._session = onnx_session(model, threads)
        except Exception as error:  # neither library's errors have a common base
            raise EngineError(
                f"The model {name} does not load ({error}): pull it again.", code="model_broken"
            ) from error
        self._tokenizer.enable_truncation(tokens)
        pad = next(
            (token for token in PAD_TOKENS if self._tokenizer.token_to_id(token) is not None), PAD_TOKENS[0]
        )
        self._tokenizer.enable_padding(pad_id=self._tokenizer.token_to_id(pad) or 0, pad_token=pad)
        self._inputs = {one.name for one in self._session.get_inputs()}
        self.outputs = [one.name for one in self._session.get_outputs()]
        self.words: int = self._tokenizer.get_vocab_size()

    def __call__(self, texts: Sequence[str] | Sequence[tuple[str, str]], output: str) -> tuple[Any, Any]:
        """(`output`, attention mask of shape (texts, tokens)) of single texts or of pairs."""
        import numpy as np

        encoded = self._tokenizer.encode_batch(list(texts))
        feed = {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
            "token_type_ids": np.array([one.type_ids for one in encoded], np.int64),
        }
        mask = feed["attention_mask"]
        wanted = {name: value for name, value in feed.items() if name in self._inputs}
        return self._session.run([output], wanted)[0], mask


class LoadedOnUse:
    """What engines with a `BertSession` share: `ready` or the first use loads it, in a thread."""

    def __init__(self, load: Callable[[], BertSession]) -> None:
        self._load = load
        self._session: BertSession | None = None
        self._loading = anyio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._session = None

    async def ready(self) -> None:
        """Load the model unless it is loaded. Raises `EngineError`."""
        await self._loaded()

    async def _loaded(self) -> BertSession:
        async with self._loading:
            if self._session is None:
                self._session = await anyio.to_thread.run_sync(self._load)
            return self._session


async def in_batches(
    run: Callable[[list[T]], NDArray[np.float32]], texts: Sequence[T], limiter: anyio.CapacityLimiter
) -> list[Any]:
    """One row of `run` for each of `texts`, in their order. Texts of similar length share a run."""
    rows: list[Any] = [None] * len(texts)
    lengths = [len("".join(text)) for text in texts]  # of a pair, both
    order = sorted(range(len(texts)), key=lengths.__getitem__)
    done = 0
    while done < len(order):
        size = min(MAX_BATCH_SIZE, max(1, MAX_BATCH_CHARS // max(1, lengths[order[done]])))
        places = order[done : done + size]
        done += size
        batch = [texts[place] for place in places]
        found = await anyio.to_thread.run_sync(run, batch, limiter=limiter)
        for place, row in zip(places, found, strict=True):
            rows[place] = row
    return rows


def onnx_file(folder: Path) -> Path:
    """Where a model's folder keeps its network: at its top, or in `onnx` as on the Hugging Face hub."""
    top, inner = folder / "model.onnx", folder / "onnx" / "model.onnx"
    return top if top.is_file() or not inner.is_file() else inner


def onnx_session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
