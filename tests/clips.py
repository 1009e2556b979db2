"""Sound for tests: speech of espeak-ng, noise and the like. Everything is 16 kHz mono `Pcm`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import cache

import espeakng_loader
import numpy as np
import soxr
from numpy.typing import NDArray

from nexus_voice.core.audio import RATE, Pcm

Samples = NDArray[np.float64]
"""Shape (samples,), full scale at 1."""

_CHILD = """
import ctypes, sys
lib, data, voice, speed, text = sys.argv[1:]
espeak, said = ctypes.CDLL(lib), bytearray()
Sink = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
def take(wav, count, events):
    if wav:
        said.extend(ctypes.string_at(wav, 2 * count))
    return 0
rate = espeak.espeak_Initialize(2, 60, data.encode(), 0)
sink = Sink(take)
espeak.espeak_SetSynthCallback(sink)
if espeak.espeak_SetVoiceByName(voice.encode()):
    sys.exit("no voice " + voice)
espeak.espeak_SetParameter(1, int(speed), 0)
words = text.encode() + b"\\0"
espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
espeak.espeak_Synth(words, ctypes.c_size_t(len(words)), 0, 0, 0, 0x101, None, None)
sys.stdout.buffer.write(rate.to_bytes(4, "little") + said)
"""


def samples(pcm: Pcm) -> Samples:
    return np.frombuffer(pcm.data, "<i2").astype(float) / 32768


def pcm(x: Samples, rate: int = RATE) -> Pcm:
    """Samples as 16 bits, rounded and clipped, without dither."""
    return Pcm(np.clip(np.rint(x * 32768), -32768, 32767).astype("<i2").tobytes(), rate)


@cache
def say(text: str, voice: str = "en-us", level: float = -20.0, speed: int = 170) -> Pcm:
    """`text` by espeak-ng, trimmed to what is louder than -45 dB below its peak, at `level` dBFS RMS."""
    library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    command = [sys.executable, "-I", "-S", "-c", _CHILD, library, data, voice, str(speed), text]
    out = subprocess.run(command, check=True, capture_output=True).stdout
    x = np.frombuffer(out, "<i2", offset=4).astype(float) / 32768
    x = soxr.resample(x, int.from_bytes(out[:4], "little"), RATE)
    return pcm(loudness(trim(x), level))


def trim(x: Samples, below: float = -45.0) -> Samples:
    """Cut off the ends that are more than `below` dB quieter than the loudest 5 ms."""
    blocks = x[: len(x) // 80 * 80].reshape(-1, 80)
    power = (blocks**2).mean(axis=1)
    loud = np.nonzero(power > power.max() * 10 ** (below / 10))[0]
    return x[loud[0] * 80 : (loud[-1] + 1) * 80]


def loudness(x: Samples, level: float) -> Samples:
    """`x` scaled to `level` dBFS RMS over its louder parts, never clipping."""
    blocks = (x[: len(x) // 320 * 320].reshape(-1, 320) ** 2).mean(axis=1)
    active = blocks[blocks > blocks.max() * 1e-3].mean()
    return x * min(10 ** (level / 20) / np.sqrt(active), 0.99 / np.abs(x).max())


def noise(seconds: float, level: float = -50.0, colour: float = 0.0, seed: int = 0) -> Pcm:
    """Gaussian noise of `level` dBFS RMS; power falls by 1/f**colour (0 white, 1 pink) above 50 Hz."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= np.maximum(np.fft.rfftfreq(count, 1 / RATE), 50) ** (-colour / 2)
    x = np.fft.irfft(spectrum, count)
    return pcm(x / np.sqrt((x**2).mean()) * 10 ** (level / 20))


def quiet(seconds: float, seed: int = 0) -> Pcm:
    """The silence of a good converter: dither of one bit."""
    count = round(seconds * RATE)
    return Pcm(np.random.default_rng(seed).integers(-1, 2, count).astype("<i2").tobytes(), RATE)


def tone(seconds: float, frequencies: Sequence[float], level: float = -20.0) -> Pcm:
    """Steady sines of equal loudness: a beep, mains hum, a chord."""
    t = np.arange(round(seconds * RATE)) / RATE
    x = sum((np.sin(2 * np.pi * f * t) for f in frequencies), np.zeros(len(t)))
    return pcm(x / np.sqrt((x**2).mean()) * 10 ** (level / 20))


def music(seconds: float, level: float = -20.0, seed: int = 0) -> Pcm:
    """Plucked chords: decaying harmonic tones, a new chord every 300 ms."""
    rng = np.random.default_rng(seed)
    x = np.zeros(round(seconds * RATE))
    for start in range(0, len(x), 4800):
        t = np.arange(len(x) - start) / RATE
        for pitch in rng.choice([196.0, 247.0, 294.0, 330.0, 392.0, 494.0], 3, replace=False):
            for k in range(1, 8):
                x[start:] += np.sin(2 * np.pi * k * pitch * t) * np.exp(-(3 + k) * t) / k
    return pcm(loudness(x, level))


def cough(seed: int = 0, level: float = -16.0) -> Pcm:
    """A burst of shaped noise and a second, weaker one: 350 to 450 ms."""
    rng = np.random.default_rng(seed)
    x = np.zeros(0)
    for gain, length in ((1.0, rng.uniform(0.14, 0.2)), (0.45, rng.uniform(0.18, 0.25))):
        t = np.arange(round(length * RATE)) / RATE
        shape = np.minimum(t / 0.006, 1) * np.exp(-t / (0.3 * length))
        spectrum = np.fft.rfft(rng.standard_normal(len(t)))
        f = np.fft.rfftfreq(len(t), 1 / RATE)
        formants = sum(1 / (1 + ((f - c) / w) ** 2) for c, w in ((600, 300), (1500, 500), (3200, 1200)))
        x = np.append(x, gain * shape * np.fft.irfft(spectrum * formants, len(t)))
    return pcm(loudness(x, level))


def clicks(seconds: float, every: float = 0.11, level: float = -22.0, seed: int = 0) -> Pcm:
    """A keyboard or knocks: bursts of 5 ms."""
    rng = np.random.default_rng(seed)
    x = np.zeros(round(seconds * RATE))
    for start in np.arange(0.01, seconds - 0.02, every):
        at = int((start + rng.uniform(0, 0.03)) * RATE)
        burst = rng.standard_normal(160) * np.exp(-np.arange(160) / 30)
        x[at : at + 160] += burst[: len(x) - at] * rng.uniform(0.4, 1)
    return pcm(loudness(x, level))


def hum(seconds: float = 0.6, pitch: float = 130.0, level: float = -22.0) -> Pcm:
    """ "Mm-hm": a glottal pulse train with rising pitch, and almost nothing above 500 Hz."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.25 * np.sin(np.pi * t / seconds))) / RATE
    x = sum(np.sin(k * phase) / (1 + ((k * pitch) / 280) ** 4) for k in range(1, 25))
    dip = 1 - 0.8 * np.exp(-(((t / seconds - 0.45) / 0.08) ** 2))
    return pcm(loudness(x * np.sin(np.pi * t / seconds) ** 0.3 * dip, level))


def echo(clip: Pcm, delay: float, gain: float = -12.0, reverb: float = 0.15, seed: int = 0) -> Pcm:
    """`clip` as an echo: `delay` seconds late, at `gain` dB, in a room with a reverberation of `reverb` s."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(max(reverb, 0.002) * RATE)) / RATE
    room = rng.standard_normal(len(t)) * np.exp(-6.9 * t / max(reverb, 0.002)) * 0.15
    room[0] = 1.0
    x = samples(clip)
    size = len(x) + len(room)
    wet = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(room, size), size)[: len(x)]
    return pcm(np.append(np.zeros(round(delay * RATE)), wet * 10 ** (gain / 20)))


def join(*clips: Pcm) -> Pcm:
    return Pcm(b"".join(clip.data for clip in clips), clips[0].rate)


def mix(*clips: Pcm, at: Sequence[float] = ()) -> Pcm:
    """The sum of the clips. Clip n begins at `at[n]` seconds, or at 0."""
    starts = [round(s * RATE) for s in at] + [0] * (len(clips) - len(at))
    x = np.zeros(max(start + clip.samples for start, clip in zip(starts, clips, strict=True)))
    for start, clip in zip(starts, clips, strict=True):
        x[start : start + clip.samples] += samples(clip)
    return pcm(x)
