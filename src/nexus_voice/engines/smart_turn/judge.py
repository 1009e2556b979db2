"""Judges by the sound of an utterance whether its speaker has finished, with smart-turn v3 in ONNX.

The network (BSD-2, https://github.com/pipecat-ai/smart-turn) hears the last 8 s as Whisper does: filled up
with zeros at the front, scaled to mean 0 and variance 1, as 80 log-mel bands by 800 frames. One answer
takes some 5 ms for these and 70 ms for the network, on one thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import anyio
import anyio.to_thread
import numpy as np
from numpy.typing import NDArray

from ...core.audio import RATE, Pcm
from ...core.errors import BadInput, Busy, EngineError
from ..onnx_text.session import onnx_session
from ..vad_windows import floats

HEARD_S = 8
"""Only so many seconds at the end are heard."""
MIN_VARIANCE = 1e-7
"""Added to the variance, as the network's authors do, so that silence can be scaled too."""
MAX_QUESTIONS = 3
"""Questions at a time, one of them being answered: who waits longer learns it too late."""


class SmartTurn:
    """Implements `ports.TurnJudge`; enter it before use. `path` is the model's .onnx file or its folder."""

    def __init__(self, path: Path) -> None:
        self.name = "smart-turn"
        self._path = path
        self._network: _Network | None = None
        self._one = anyio.CapacityLimiter(1)
        self._questions = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._network = None

    async def ready(self) -> None:
        """Load the network. Raises `EngineError`: `model_missing`, `model_broken`."""
        self._network = await anyio.to_thread.run_sync(_Network, self._path)

    async def finished(self, speech: Pcm) -> float:
        """How likely (0..1) it is that the speaker has finished. Raises `Busy` at once when others wait."""
        if speech.rate != RATE:
            raise BadInput(f"Turns are judged by {RATE} Hz audio, not {speech.rate} Hz")
        if self._network is None:
            raise EngineError("The model for turns is still being loaded.", code="loading", retryable=True)
        if self._questions >= MAX_QUESTIONS:
            raise Busy("Too many turns are being judged.", retry_after=0.1)
        self._questions += 1
        try:
            return await anyio.to_thread.run_sync(self._network, speech.data, limiter=self._one)
        finally:
            self._questions -= 1


class _Network:
    """Features and network, for one caller at a time."""

    def __init__(self, path: Path) -> None:
        """Loads it, and lets it hear silence once, to see that it works."""
        path = min(path.glob("*.onnx"), default=path) if path.is_dir() else path
        if not path.is_file():
            raise EngineError(
                f"There is no model for turns at {path}: pull it again with `nexus-voice models pull`.",
                code="model_missing",
            )
        from faster_whisper.feature_extractor import FeatureExtractor

        self._features = FeatureExtractor(chunk_length=HEARD_S)
        try:
            self._session = onnx_session(path, 1)
            self(b"")
        except Exception as error:  # onnxruntime's errors have no common base
            raise EngineError(
                f"The model {path.name} does not load ({error}): pull it again.", code="model_broken"
            ) from error

    def __call__(self, pcm: bytes) -> float:
        heard = floats(pcm[-2 * RATE * HEARD_S :])
        x = np.zeros(RATE * HEARD_S, np.float32)
        x[len(x) - len(heard) :] = heard
        x = (x - x.mean()) / np.sqrt(x.var() + np.float32(MIN_VARIANCE))
        mel: NDArray[np.float32] = self._features(x, padding=0)
        output: Any = self._session.run(None, {"input_features": mel[np.newaxis]})[0]
        return float(output[0, 0])
