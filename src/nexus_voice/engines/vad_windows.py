"""What the voice activity detectors share: cutting audio into windows, and dating sound within them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..audio.loudness import NoiseFloor
from ..core.audio import RATE, Pcm
from ..core.errors import BadInput

_PCM16_STEP = np.float32(1 / 32768)

BLOCKS_PER_WINDOW = 4
"""Loudness is measured in so many blocks of a window: 8 ms each if it has 32 ms."""

_PEAK_FADE = 10**-0.01
"""The remembered peak falls by 0.1 dB a window, about 3 dB/s."""
_VOICE_END_RATIO = 10**-3.8
"""A voice has ended 38 dB below its peak, however quiet the room is."""
_MIN_SIGNAL_TO_NOISE = 10**2.4
"""With less than 24 dB between peak and floor, weak consonants drown in noise and energy cannot date them."""


def windows(rest: bytes, pcm: Pcm, size: int) -> tuple[list[bytes], bytes]:
    """`rest` + `pcm` as windows of `size` samples, and what is left for the next call."""
    if pcm.rate != RATE:
        raise BadInput(f"Voice detection hears {RATE} Hz, not {pcm.rate}: resample first.", code="bad_rate")
    data = rest + pcm.data
    if len(data) < 2 * size:
        return [], data
    whole = len(data) // (2 * size) * 2 * size
    return [data[at : at + 2 * size] for at in range(0, whole, 2 * size)], data[whole:]


def floats(data: bytes) -> NDArray[np.float32]:
    """PCM16 as full scale 1."""
    return np.frombuffer(data, "<i2") * _PCM16_STEP


def powers(x: NDArray[np.float32]) -> list[float]:
    """Mean squares of the window's `BLOCKS_PER_WINDOW` equal blocks; `x` is full scale at 1."""
    blocks = x.reshape(BLOCKS_PER_WINDOW, -1)
    return (np.vecdot(blocks, blocks) * (BLOCKS_PER_WINDOW / x.size)).tolist()  # type: ignore[no-any-return]


class Envelope:
    """Dates speech to a quarter of a window, which networks that smooth over 100 ms cannot.

    A block is voiced when it is louder than the noise floor by a margin (4 to 10 dB over the quietest block)
    that grows with the distance between voice and floor.
    """

    __slots__ = ("_block", "_hold", "_peak", "floor")

    def __init__(self, window: int, hold: bool = True) -> None:
        """`window` in samples. `hold`: the floor does not rise during what is called speech."""
        self._block = window // BLOCKS_PER_WINDOW
        self._hold = hold
        self.floor = NoiseFloor(RATE // self._block)
        self._peak = 0.0

    def reset(self) -> None:
        self._peak = 0.0
        self.floor.reset()

    def edges(self, powers: Sequence[float], speech: bool) -> tuple[int, int]:
        """(lead, trail): silent samples at the start and end. Both are the whole window when no block is
        voiced.

        If the noise is less than 24 dB below the peak, speech has no trail: to end late, by the detector's
        hangover, is better than to cut off a last consonant.
        """
        floor = self.floor.hear(min(powers), BLOCKS_PER_WINDOW, hold=speech and self._hold)
        peak = self._peak = max(self._peak * _PEAK_FADE, max(powers) if speech else 0.0)
        ratio = peak / floor
        limit = max(floor * min(max(ratio**0.25, 2.5), 10.0), peak * _VOICE_END_RATIO)
        loud = [i for i, power in enumerate(powers) if power > limit]
        if speech and ratio < _MIN_SIGNAL_TO_NOISE:
            return (loud[0] * self._block if loud else 0), 0
        if not loud:
            return BLOCKS_PER_WINDOW * self._block, BLOCKS_PER_WINDOW * self._block
        return loud[0] * self._block, (BLOCKS_PER_WINDOW - 1 - loud[-1]) * self._block
