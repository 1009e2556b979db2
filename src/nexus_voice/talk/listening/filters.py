"""The microphone's filters. Each keeps its state between calls, so chunk borders are inaudible.

Samples are in units of one PCM16 step, at 16 kHz; calls bring whole blocks of 10 ms.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ...audio.loudness import NoiseFloor
from ...core.audio import RATE

Floats = NDArray[np.float32]

BLOCK_SAMPLES = 160
"""10 ms."""
MAX_BLOCKS = 32
"""Blocks that a filter takes in one call."""

_TAPS = 128
"""Length of the impulse response that is applied: 8 ms."""
_ROW_SAMPLES = 80
"""Samples that one row of the matrix product gives."""


class HighPass:
    """Second-order Butterworth at 200 Hz: -24 dB at 50 Hz, -0.3 dB at 400 Hz.

    Its impulse response (shorter than 8 ms to -90 dB) is applied as one product with a banded
    matrix, which numpy does several times faster than a recursion.
    """

    def __init__(self, cutoff: float = 200.0) -> None:
        self._matrix = _matrix(cutoff)
        self._past = np.zeros(_TAPS - 1, np.float32)

    def pause(self) -> None:
        """What came since the last call was silence."""
        self._past[:] = 0

    def __call__(self, x: Floats | NDArray[np.int16]) -> Floats:
        """At most `MAX_BLOCKS` blocks, shape (samples,) -> the same, new memory."""
        line, frames = _scratch(len(x))
        line[: _TAPS - 1] = self._past
        line[_TAPS - 1 :] = x
        self._past[:] = line[len(x) :]
        return (frames @ self._matrix).reshape(-1)


@cache
def _matrix(cutoff: float) -> Floats:
    """Column n gives a step's sample n from the `_TAPS` samples that end with it.

    Coefficients: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients",
    with Q = 1/sqrt(2).
    """
    w = 2 * math.pi * cutoff / RATE
    alpha, cosine = math.sin(w) / math.sqrt(2), math.cos(w)
    x = [0.0, 0.0, 1.0] + [0.0] * (_TAPS - 1)
    y = [0.0, 0.0]
    for n in range(2, _TAPS + 2):
        direct = (1 + cosine) / 2 * (x[n] - 2 * x[n - 1] + x[n - 2])
        y.append((direct + 2 * cosine * y[-1] - (1 - alpha) * y[-2]) / (1 + alpha))
    matrix = np.zeros((_TAPS - 1 + _ROW_SAMPLES, _ROW_SAMPLES), np.float32)
    for n in range(_ROW_SAMPLES):
        matrix[n : n + _TAPS, n] = y[:1:-1]
    return matrix


@cache
def _scratch(samples: int) -> tuple[Floats, Floats]:
    """A line of past and new samples, and its overlapping frames; shared, as nothing waits inside."""
    line = np.zeros(_TAPS - 1 + samples, np.float32)
    item = line.strides[0]
    return line, as_strided(
        line, (samples // _ROW_SAMPLES, _TAPS - 1 + _ROW_SAMPLES), (_ROW_SAMPLES * item, item)
    )


class NoiseGate:
    """Turns the background down by up to 12 dB, never off.

    An expander: a block 8 dB over the quietest of the last seconds passes untouched, a weaker one loses
    1 dB more for each dB it lacks. It opens within one block and closes over 100 ms.
    """

    def __init__(self) -> None:
        self._floor = NoiseFloor(round(1.5 * RATE / BLOCK_SAMPLES))
        self._gain = 1.0

    def __call__(self, x: Floats) -> Floats:
        """Whole blocks, shape (samples,), changed in place."""
        blocks = x.reshape(-1, BLOCK_SAMPLES)
        gains = [self._gain]
        for energy in np.vecdot(blocks, blocks).tolist():
            self._gain = self._next(energy / (BLOCK_SAMPLES * 32768**2))
            gains.append(self._gain)
        if min(gains) == max(gains):
            if gains[0] < 1:
                x *= gains[0]
        else:
            ends = np.array(gains, np.float32)[:, None]
            blocks *= ends[:-1] + (ends[1:] - ends[:-1]) * _RAMP
        return x

    def pause(self, blocks: int) -> None:
        """That many blocks since the last call were silence."""
        self._floor.hear(0.0, blocks)
        self._gain = max(self._gain * _CLOSING_FACTOR**blocks, _MIN_GAIN)

    def _next(self, power: float) -> float:
        floor = self._floor.hear(power, 1)
        wanted = power / (_OPENING_RATIO * floor) if self._floor.known else 1.0
        return min(max(wanted, self._gain * _CLOSING_FACTOR, _MIN_GAIN), 1.0)


_OPENING_RATIO: float = 10**0.8
"""A block this much louder than the background (8 dB) passes untouched."""
_MIN_GAIN = 0.25
"""-12 dB."""
_CLOSING_FACTOR: float = _MIN_GAIN**0.1
"""The gain falls to its lowest within ten blocks."""
_RAMP = (np.arange(1, BLOCK_SAMPLES + 1, dtype=np.float32) / BLOCK_SAMPLES)[None]
