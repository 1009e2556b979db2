"""Piper (GPL) in the worker process of `tts.py`."""

from __future__ import annotations

import ctypes
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from ...core.errors import EngineError
from ...workers.worker import Emit
from ..voice_orders import parts

if TYPE_CHECKING:
    from .voice import Voice

CHUNK_S = 0.06
"""Length of one piece of audio."""
MAX_VOICES = 3
"""Voices kept in memory; the one not used for longest gives way."""
MAX_PART = 300
"""Characters whose prior is made at once: meanwhile there is no sound, and it cannot be stopped."""
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Piper:
    def __init__(self, voices: dict[str, str]) -> None:
        """`voices`: name -> path of the .onnx file."""
        self._files = voices
        self._loaded: OrderedDict[str, Voice] = OrderedDict()

    def setup(self, items: Iterator[Any], emit: Emit) -> None:
        """Load the voice of that name."""
        self._voice(next(items))

    def speak(self, items: Iterator[Any], emit: Emit) -> None:
        """One `{text, voice, rate, pitch}` -> the sample rate, then PCM16 bytes, as each window is made."""
        order = next(items)
        voice = self._voice(order["voice"])
        pitch = min(2.0, max(0.5, order["pitch"]))
        scale = pitch / min(2.0, max(0.5, order["rate"]))
        emit(voice.rate)
        # A higher pitch is spoken that much slower and played that much faster.
        faster = soxr.ResampleStream(voice.rate * pitch, voice.rate, 1, dtype="float32")
        # [[...]] would be read as phonemes.
        text = CONTROLS.sub(" ", order["text"]).replace("[[", "[ [")
        try:
            for part in parts(text, MAX_PART):
                for sound in voice.speak(part, scale):
                    send(faster.resample_chunk(sound) if pitch != 1.0 else sound, voice.rate, emit)
            send(faster.resample_chunk(np.zeros(0, np.float32), last=True), voice.rate, emit)
        finally:
            free_memory()

    def _voice(self, name: str) -> Voice:
        if name not in self._loaded:
            while len(self._loaded) >= MAX_VOICES:
                self._loaded.popitem(last=False)
            self._loaded[name] = loaded(Path(self._files[name]))
            free_memory()
        self._loaded.move_to_end(name)
        return self._loaded[name]


def loaded(file: Path) -> Voice:
    try:
        from .voice import Voice

        return Voice(file)
    except ImportError as error:
        raise EngineError(
            f"This voice needs the Python package {error.name or 'piper-tts'!r}: pip install nexus-voice",
            code="engine_not_installed",
        ) from error
    except Exception as error:  # whatever a damaged file makes onnxruntime, json or Piper raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise EngineError(
            f"The Piper voice {file.name} is damaged or incomplete ({reason}): "
            "pull it again with `nexus-voice models pull`.",
            code="model_broken",
        ) from error


def free_memory() -> None:
    """Give back to the system what the work took: 55 MB that glibc would keep. It takes 7 ms."""
    with suppress(AttributeError):  # another libc
        ctypes.CDLL(None).malloc_trim(0)


def send(sound: Any, rate: int, emit: Emit) -> None:
    """Emit float samples (-1..1) as PCM16 in pieces of `CHUNK_S`."""
    data = np.clip(np.rint(sound * 32767), -32768, 32767).astype("<i2").tobytes()
    step = 2 * int(CHUNK_S * rate)
    for at in range(0, len(data), step):
        emit(data[at : at + step])
