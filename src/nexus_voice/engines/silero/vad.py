"""Silero voice activity detection: one network serves every conversation and is not run in clear silence."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import anyio
import numpy as np
from anyio.lowlevel import checkpoint
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ...core.audio import Pcm, Voicing
from ...core.errors import EngineError
from ..vad_windows import BLOCKS_PER_WINDOW, Envelope, powers, windows
from .network import CONTEXT_SAMPLES, MAX_BATCH, WINDOW_SAMPLES, Floats, SileroNet

_MODEL_FILE = "assets/silero_vad_v6.onnx"
_IDLE_WINDOWS = 4
"""Windows without speech after which the network need not see silence: as many as its own hangover."""
FAINT_STEPS = 4
"""PCM16 steps. Fainter samples are dither: the microphone is muted or cleaned well."""
_SILENCE = Voicing(0.0, WINDOW_SAMPLES, WINDOW_SAMPLES, WINDOW_SAMPLES)
_PCM16 = np.dtype("<i2")
_MAX_SILENCE_PROBABILITY = 0.35
"""A lower probability counts as no speech."""


class SileroVad:
    name = "silero"

    def __init__(self, path: Path | None = None) -> None:
        """`path`: the model file; by default the one inside the installed faster-whisper.

        Sets this process's numpy to one BLAS thread: sharing such small products out costs ten times more.
        """
        threadpool_limits(1, user_api="blas")
        try:
            self._batches = _Batches(SileroNet(path or _installed()))
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise EngineError(
                f"The Silero model cannot be read ({error}); reinstall faster-whisper."
            ) from error

    def open(self, sensitivity: float = 0.5) -> _Detector:
        return _Detector(self._batches, min(max(sensitivity, 0.0), 1.0))


def _installed() -> Path:
    package = find_spec("faster_whisper")  # not imported: that would bring much more
    if package is None or not package.submodule_search_locations:
        raise EngineError("The Silero model is not installed; run: pip install --no-deps faster-whisper")
    return Path(package.submodule_search_locations[0], _MODEL_FILE)


class _Detector:
    """One conversation: unfinished window, context, network state and loudness envelope."""

    def __init__(self, batches: _Batches, sensitivity: float) -> None:
        self._batches = batches
        self._threshold = 0.9 - 0.8 * sensitivity
        self._faintest = 10 ** (-5.5 - 2 * sensitivity)  # -65 dBFS at 0.5
        self._margin = 4 ** (1.16 - sensitivity)  # 4 dB over the quietest moment at 0.5
        self._envelope = Envelope(WINDOW_SAMPLES)
        self.samples: Floats = np.zeros(CONTEXT_SAMPLES + WINDOW_SAMPLES, np.float32)
        self.reset()

    def reset(self) -> None:
        self._rest = b""
        self._idle = _IDLE_WINDOWS
        self._envelope.reset()
        self.samples[:] = 0
        self.output: Floats = np.zeros(128, np.float32)
        self.cell: Floats = np.zeros(128, np.float32)
        self.probability = 0.0

    async def __call__(self, pcm: Pcm) -> Sequence[Voicing]:
        whole, self._rest = windows(self._rest, pcm, WINDOW_SAMPLES)
        return [await self._window(data) for data in whole] if whole else ()

    async def _window(self, data: bytes) -> Voicing:
        samples, heard = self.samples, np.frombuffer(data, _PCM16)
        if self._idle >= _IDLE_WINDOWS and self._faint(heard):
            samples[WINDOW_SAMPLES:] = 0
            self._envelope.floor.hear(0.0, BLOCKS_PER_WINDOW)
            return _SILENCE
        samples[:CONTEXT_SAMPLES] = samples[WINDOW_SAMPLES:]
        fresh = samples[CONTEXT_SAMPLES:]
        np.multiply(heard, np.float32(1 / 32768), out=fresh, dtype=np.float32)
        loudness = powers(fresh)
        if self._idle >= _IDLE_WINDOWS and self._silent(sum(loudness) / BLOCKS_PER_WINDOW):
            probability = 0.0
        else:
            probability = await self._batches.hear(self)
            self._idle = self._idle + 1 if probability < _MAX_SILENCE_PROBABILITY else 0
            probability = _rescaled(probability, self._threshold)
        return Voicing(probability, WINDOW_SAMPLES, *self._envelope.edges(loudness, probability >= 0.5))

    def _faint(self, heard: NDArray[np.int16]) -> bool:
        return bool(heard.max() < FAINT_STEPS and heard.min() > -FAINT_STEPS)

    def _silent(self, power: float) -> bool:
        floor = self._envelope.floor
        return power < self._faintest or (floor.known and power < floor.power * self._margin)


def _rescaled(probability: float, threshold: float) -> float:
    """Moves `threshold` to 0.5 and keeps 0 and 1."""
    if probability < threshold:
        return 0.5 * probability / threshold
    return 0.5 + 0.5 * (probability - threshold) / (1 - threshold)


class _Batches:
    """Windows that fall due in one turn of the event loop go through the network together.

    The first to come leads: it lets the others that are ready join, then computes for all. There is no
    background task, and a lone conversation waits for nobody.
    """

    def __init__(self, net: SileroNet) -> None:
        self._net = net
        self._cells: Floats = np.zeros((MAX_BATCH, 128), np.float32)
        self._members: list[_Detector] = []
        self._done: anyio.Event | None = None

    async def hear(self, detector: _Detector) -> float:
        members, row = self._members, len(self._members)
        self._net.windows[row, : CONTEXT_SAMPLES + WINDOW_SAMPLES] = detector.samples
        self._net.inputs[row, 128:] = detector.output
        self._cells[row] = detector.cell
        members.append(detector)
        if row == 0:
            try:
                await checkpoint()
            finally:  # also when cancelled: the others wait for it
                if self._members is members:
                    self._compute()
        elif len(members) == MAX_BATCH:
            self._compute()
        else:
            done = self._done = self._done or anyio.Event()
            await done.wait()
        return detector.probability

    def _compute(self) -> None:
        members, done, self._members, self._done = self._members, self._done, [], None
        n = len(members)
        probabilities, outputs, cells = self._net.run(n, self._cells[:n])
        for row, (member, probability) in enumerate(zip(members, probabilities.tolist(), strict=True)):
            member.output, member.cell, member.probability = outputs[row], cells[row], probability
        if done is not None:
            done.set()
