"""Loads a Whisper model with faster-whisper: checks its files, chooses the device and the precision."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.audio import RATE
from ...core.errors import EngineError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

log = logging.getLogger(__name__)

MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
"""faster-whisper would fetch a missing tokenizer from the network, so all of them must be there."""
COMPUTE_TYPES = {"cuda": ("float16", "int8_float32", "float32"), "cpu": ("int8", "float32")}
"""CTranslate2's compute types, the preferred first: old GPUs have no fast float16."""
MAX_THREADS = 8


def load(path: Path, device: str, compute: str, threads: int, sharers: int) -> WhisperModel:
    """Load the model in folder `path` and let it encode once, to see that it works.

    `device` and `compute` may be "auto"; with `threads` 0, `sharers` processes share the cores.
    Raises `EngineError`: `engine_not_installed`, `model_broken`.
    """
    try:
        import ctranslate2
        import faster_whisper
        from faster_whisper.audio import pad_or_trim
    except ModuleNotFoundError as error:
        raise EngineError(
            f"faster-whisper needs the Python package {error.name!r}, which is not installed; "
            "run: pip install nexus-voice",
            code="engine_not_installed",
        ) from error
    for file in MODEL_FILES:
        if not (path / file).is_file():
            raise broken(path, f"there is no {path / file}")
    # Two threads on one core are no faster than one (measured), and a virtual processor is half a core.
    threads = threads or min(MAX_THREADS, max(1, (os.cpu_count() or 1) // 2 // sharers))
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        fallback = device == "cuda"
    else:
        fallback = False
    try:
        if compute == "auto":
            fast = ctranslate2.get_supported_compute_types(device)
            precision = next(kind for kind in COMPUTE_TYPES[device] if kind in fast)
        else:
            precision = compute
        model = faster_whisper.WhisperModel(
            str(path), device=device, compute_type=precision, cpu_threads=threads
        )
        model.encode(pad_or_trim(model.feature_extractor(np.zeros(RATE, np.float32))))
    except Exception as error:  # whatever the libraries throw at a broken file or driver
        if not fallback:
            raise broken(path, str(error)) from error
        log.warning("%s does not run on the GPU (%s): using the CPU", path.name, error)
        return load(path, "cpu", compute, threads, sharers)
    return model


def broken(path: Path, why: str) -> EngineError:
    return EngineError(
        f"The speech model {path.name} cannot be loaded: {why}. Check it with "
        "`nexus-voice models verify`, and fetch it again with `nexus-voice models pull`.",
        code="model_broken",
    )
