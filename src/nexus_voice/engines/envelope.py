"""What every voice activity detector shares: whole windows, and where inside them sound begins and ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..audio.loudness import NoiseFloor
from ..core.audio import RATE, Pcm
from ..core.errors import BadInput

_STEP = np.float32(1 / 32768)

BLOCKS = 4
"""Loudness blocks in a window: 8 ms each in one of 32 ms."""

_FADE = 10**-0.01  # the remembered peak falls by 0.1 dB a window, about 3 dB/s
_UNHEARD = 10**-3.8  # 38 dB under the peak a voice has ended, whatever the room's floor
_NOISY = 10**2.4  # below 24 dB between peak and floor, weak consonants drown: energy cannot date them


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
    return np.frombuffer(data, "<i2") * _STEP


def powers(x: NDArray[np.float32]) -> list[float]:
    """Mean squares of the window's `BLOCKS` equal blocks; `x` is full scale at 1."""
    blocks = x.reshape(BLOCKS, -1)
    return (np.vecdot(blocks, blocks) * (BLOCKS / x.size)).tolist()  # type: ignore[no-any-return]


class Envelope:
    """Dates speech to a quarter of a window; networks that smooth over 100 ms cannot.

    A block is voiced when it stands out of the noise floor by a margin that grows with the voice's
    own distance from it (4 to 10 dB over the quietest block).
    """

    __slots__ = ("_block", "_hold", "_peak", "floor")

    def __init__(self, window: int, hold: bool = True) -> None:
        """`window` in samples. `hold`: the floor does not rise during what is called speech."""
        self._block = window // BLOCKS
        self._hold = hold
        self.floor = NoiseFloor(RATE // self._block)
        self._peak = 0.0

    def reset(self) -> None:
        self._peak = 0.0
        self.floor.reset()

    def edges(self, powers: Sequence[float], speech: bool) -> tuple[int, int]:
        """(lead, trail) in samples; both are the whole window when no block stands out.

        Where noise is too loud for that (less than 24 dB under the peak), speech has no trail: late
        by the detector's hangover is better than cutting off a last consonant.
        """
        floor = self.floor.hear(min(powers), BLOCKS, hold=speech and self._hold)
        peak = self._peak = max(self._peak * _FADE, max(powers) if speech else 0.0)
        ratio = peak / floor
        limit = max(floor * min(max(ratio**0.25, 2.5), 10.0), peak * _UNHEARD)
        loud = [i for i, power in enumerate(powers) if power > limit]
        if speech and ratio < _NOISY:
            return (loud[0] * self._block if loud else 0), 0
        if not loud:
            return BLOCKS * self._block, BLOCKS * self._block
        return loud[0] * self._block, (BLOCKS - 1 - loud[-1]) * self._block
