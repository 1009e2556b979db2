"""The microphone's clean-up: what it removes, what it must leave alone, and that chunks do not matter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clips
from nexus_voice.core.audio import RATE, Pcm
from nexus_voice.core.errors import BadInput
from nexus_voice.talk.listening.front_end import MicrophoneFrontEnds

PLAIN = MicrophoneFrontEnds(high_pass=False, noise_gate=False)
ALL = MicrophoneFrontEnds()


def through(front_ends: MicrophoneFrontEnds, data: bytes, rate: int = RATE, chunk: int = 640) -> Pcm:
    front_end = front_ends.open(rate)
    return clips.join(*(front_end(data[at : at + chunk]) for at in range(0, len(data), chunk)))


def level(pcm: Pcm) -> float:
    return float(10 * np.log10((clips.samples(pcm) ** 2).mean() + 1e-12))


def spoken(rate: int = RATE) -> bytes:
    clip = clips.mix(clips.noise(2.5, -55), clips.say("open the window please"), at=[0, 0.5])
    if rate == RATE:
        return clip.data
    import soxr

    return clips.pcm(soxr.resample(clips.samples(clip), RATE, rate)).data


@pytest.mark.parametrize("rate", [16_000, 8_000, 44_100, 48_000])
@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(0, 5001), min_size=1, max_size=8))
def test_any_chunking_gives_the_same_sound(rate: int, sizes: list[int]) -> None:
    data = spoken(rate)[: 4 * rate]
    whole = ALL.open(rate)(data).data
    front_end, at, parts = ALL.open(rate), 0, []
    for size in itertools.cycle([*sizes, 777]):
        if at >= len(data):
            break
        parts.append(front_end(data[at : at + size]).data)
        at += size
    a, b = (np.frombuffer(x, "<i2").astype(int) for x in (whole, b"".join(parts)))
    assert len(a) == len(b)
    assert np.abs(a - b).max() <= 1  # products of other shapes round otherwise


def test_plain_front_end_changes_nothing() -> None:
    data = spoken()
    assert through(PLAIN, data, chunk=333).data == data


@pytest.mark.parametrize(("frequency", "low", "high"), [(50, -60, -20), (400, -1, 0.1), (3000, -0.1, 0.1)])
def test_high_pass(frequency: float, low: float, high: float) -> None:
    tone = clips.tone(2, [frequency])
    heard = through(MicrophoneFrontEnds(noise_gate=False), tone.data)
    assert low < level(Pcm(heard.data[RATE:], RATE)) - level(tone) < high


def test_high_pass_leaves_no_click_when_it_overshoots() -> None:
    square = np.sign(np.sin(2 * np.pi * 250 * np.arange(RATE) / RATE))
    heard = clips.samples(through(MicrophoneFrontEnds(noise_gate=False), clips.pcm(square).data))
    assert np.abs(np.diff(heard)).max() <= 2.0
    assert heard.max() > 0.99  # clipped, not wrapped around


def test_gate_turns_noise_down_but_never_off() -> None:
    noise = clips.noise(6, -50)
    heard = through(MicrophoneFrontEnds(high_pass=False), noise.data)
    change = level(Pcm(heard.data[-2 * RATE :], RATE)) - level(noise)
    assert -12.5 < change < -9


def test_gate_opens_at_once_and_leaves_speech_alone() -> None:
    word = clips.say("stop it please")
    clip = clips.mix(clips.noise(5, -55), word, at=[0, 4])
    heard = clips.samples(through(MicrophoneFrontEnds(high_pass=False), clip.data))
    before = clips.samples(clip)[: len(heard)]
    start = 4 * RATE
    first = slice(start, start + RATE // 20)
    assert (heard[first] ** 2).sum() > 0.8 * (before[first] ** 2).sum()
    rest = slice(start, start + word.samples)
    assert (heard[rest] ** 2).sum() > 0.97 * (before[rest] ** 2).sum()


def test_gain_never_jumps() -> None:
    steady = np.full(8 * RATE, 0.02)
    steady[4 * RATE : 5 * RATE] = 0.5
    gain = clips.samples(through(MicrophoneFrontEnds(high_pass=False), clips.pcm(steady).data)) / steady
    assert gain[: 4 * RATE].min() < 0.3
    assert gain[4 * RATE + RATE // 50 : 5 * RATE].min() > 0.99
    assert np.abs(np.diff(gain)).max() < 0.006


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 44_100, 48_000])
def test_other_rates_keep_pitch_loudness_and_length(rate: int) -> None:
    t = np.arange(2 * rate) / rate
    data = clips.pcm(0.1 * np.sin(2 * np.pi * 1000 * t), rate).data
    heard = clips.samples(through(PLAIN, data, rate, chunk=rate // 25))
    assert 0 <= 2 * RATE - len(heard) < 0.035 * RATE
    spectrum = np.abs(np.fft.rfft(heard[RATE // 2 : 3 * RATE // 2]))
    assert spectrum.argmax() == 1000
    assert spectrum[1000] / (RATE / 2) == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("rate", [0, -1, 7_999, 48_001, 10**9, True])
def test_absurd_rates_are_refused(rate: int) -> None:
    with pytest.raises(BadInput, match="Sample rate"):
        ALL.open(rate)


def test_silence_and_nothing() -> None:
    front_end = ALL.open(RATE)
    assert front_end(b"").data == b""
    assert front_end(b"\0").data == b""
    assert not any(front_end(bytes(99_999)).data)
