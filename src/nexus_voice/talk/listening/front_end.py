"""Cleans the microphone's sound before anybody listens to it."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from ...audio.resample import checked, even
from ...core.audio import RATE, Pcm
from .filters import BLOCK_SAMPLES, MAX_BLOCKS, HighPass, NoiseGate

_Samples = NDArray[np.int16] | NDArray[np.float32]
_PCM16 = np.dtype("<i2")
_MIN_PCM16, _MAX_PCM16 = np.float32(-32768), np.float32(32767)
_MAX_PIECE_SAMPLES = BLOCK_SAMPLES * MAX_BLOCKS
MIN_SOUND_STEPS = 4
"""PCM16 steps that a muted or well-cleaned microphone stays under: -78 dBFS, dither and nothing else."""


class MicrophoneFrontEnds:
    """Front ends with the same switches; one per session."""

    def __init__(self, high_pass: bool = True, noise_gate: bool = True) -> None:
        self._high_pass = high_pass
        self._noise_gate = noise_gate

    def open(self, rate: int) -> MicrophoneFrontEnd:
        """For PCM16 mono at `rate` Hz, 8,000 to 48,000; `BadInput` otherwise."""
        return MicrophoneFrontEnd(checked(rate), self._high_pass, self._noise_gate)


class MicrophoneFrontEnd:
    """Resampling to 16 kHz, then high-pass and noise gate in blocks of 10 ms.

    What does not fill a block stays inside until the next call, and 13 to 30 ms when it resamples.
    libsoxr runs in its variable-rate mode: the fixed-rate one hands out its result in lumps of up to 120 ms.
    """

    def __init__(self, rate: int, high_pass: bool, noise_gate: bool) -> None:
        self._stream = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32", vr=True)
        self._high_pass = HighPass() if high_pass else None
        self._gate = NoiseGate() if noise_gate else None
        self._odd = b""
        self._rest: _Samples = np.zeros(0, np.int16)

    def __call__(self, data: bytes) -> Pcm:
        whole, self._odd = even(self._odd, data)
        if self._stream is None and self._high_pass is None and self._gate is None:
            return Pcm(whole, RATE)
        x: _Samples = np.frombuffer(whole, _PCM16)
        if self._stream is not None:
            x = self._stream.resample_chunk(x.astype(np.float32))
        if len(self._rest):
            x = np.concatenate([self._rest, x])
        end = len(x) - len(x) % BLOCK_SAMPLES
        self._rest = x[end:]
        if end and x.max() < MIN_SOUND_STEPS and x.min() > -MIN_SOUND_STEPS:
            return Pcm(self._silence(x[:end]), RATE)
        if end <= _MAX_PIECE_SAMPLES:
            return Pcm(self._filter(x[:end]), RATE)
        return Pcm(
            b"".join(
                self._filter(x[at : min(at + _MAX_PIECE_SAMPLES, end)])
                for at in range(0, end, _MAX_PIECE_SAMPLES)
            ),
            RATE,
        )

    def _silence(self, x: _Samples) -> bytes:
        """Nothing to filter; the filters only learn that it was silent."""
        if self._high_pass is not None:
            self._high_pass.pause()
        if self._gate is not None:
            self._gate.pause(len(x) // BLOCK_SAMPLES)
        return x.astype(_PCM16).tobytes()

    def _filter(self, x: _Samples) -> bytes:
        if not len(x):
            return b""
        y = self._high_pass(x) if self._high_pass is not None else x.astype(np.float32)
        if self._gate is not None:
            y = self._gate(y)
        np.rint(y, out=y)
        np.maximum(y, _MIN_PCM16, out=y)
        np.minimum(y, _MAX_PCM16, out=y)
        return y.astype(_PCM16).tobytes()
