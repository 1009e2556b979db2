"""Streaming sample rate conversion at the edges, by libsoxr."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from ..core.errors import BadInput

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000


def checked(rate: int) -> int:
    """Return `rate`. Raises `BadInput` when it is not 8,000 to 48,000 Hz."""
    if isinstance(rate, bool) or not isinstance(rate, int) or not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise BadInput(
            f"Sample rate {rate!r} is not between {MIN_RATE_HZ} and {MAX_RATE_HZ} Hz.", code="bad_rate"
        )
    return rate


class Resampler:
    """PCM16 mono from one rate to another, in chunks of any byte count, without seams.

    For synthesised audio, which comes faster than it is heard: about 30 ms of sound stay inside
    until more comes or `finish` is called.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Rates in Hz, 8,000 to 48,000; `BadInput` otherwise."""
        same = checked(from_rate) == checked(to_rate)
        self._stream = (
            None if same else soxr.ResampleStream(from_rate, to_rate, 1, dtype="int16", quality="HQ")
        )
        self._odd = b""

    def push(self, data: bytes) -> bytes:
        return self._convert(data, last=False)

    def finish(self) -> bytes:
        """The rest of the sound; nothing may be pushed after it."""
        return self._convert(b"", last=True)

    def _convert(self, data: bytes, last: bool) -> bytes:
        whole, self._odd = even(self._odd, data)
        if self._stream is None:
            return whole
        out: NDArray[np.int16] = self._stream.resample_chunk(np.frombuffer(whole, "<i2"), last=last)
        return out.tobytes()


def even(odd: bytes, data: bytes) -> tuple[bytes, bytes]:
    """`odd` + `data` cut to whole 16-bit samples, and the odd byte left over."""
    if odd:
        data = odd + data
    return (data[:-1], data[-1:]) if len(data) & 1 else (data, b"")
