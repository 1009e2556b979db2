"""Streaming rate conversion for the output edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clips
from nexus_voice.audio.resample import Resampler
from nexus_voice.core.errors import BadInput


def convert(data: bytes, from_rate: int, to_rate: int, sizes: list[int]) -> bytes:
    resampler, out, at = Resampler(from_rate, to_rate), [], 0
    for size in sizes:
        out.append(resampler.push(data[at : at + size]))
        at += size
    return b"".join([*out, resampler.push(data[at:]), resampler.finish()])


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 3001), max_size=8), to_rate=st.sampled_from([8_000, 24_000, 48_000]))
def test_any_chunking_gives_the_same_sound(sizes: list[int], to_rate: int) -> None:
    data = clips.music(1).data
    whole = np.frombuffer(convert(data, 16_000, to_rate, []), "<i2").astype(int)
    pieces = np.frombuffer(convert(data, 16_000, to_rate, sizes), "<i2").astype(int)
    assert len(whole) == len(pieces) == to_rate
    assert np.abs(whole - pieces).max() <= 2  # soxr dithers int16


def test_same_rate_passes_through() -> None:
    data = clips.quiet(0.1).data
    assert convert(data, 22_050, 22_050, [3, 5]) == data


def test_absurd_rates_are_refused() -> None:
    with pytest.raises(BadInput):
        Resampler(16_000, 96_000)
