"""Short-time power spectra of 16 kHz audio, and how much they look like somebody speaking."""

from __future__ import annotations

from statistics import median

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HOP_SAMPLES = 160
"""10 ms between frames."""
FRAME_SAMPLES = 512
"""32 ms."""
BINS = FRAME_SAMPLES // 2 + 1

_WINDOW = np.hanning(FRAME_SAMPLES).astype(np.float32)
_WINDOW_AUTOCORRELATION = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW)) ** 2)[40:230]
_WINDOW_AUTOCORRELATION /= (_WINDOW**2).sum()
"""How the window alone weakens the autocorrelation at each lag of a voice's pitch (70 to 400 Hz)."""
_MIN_ACTIVE_RATIO = 10**-2.0
"""A frame is active from this share of the loudest frame's energy: -20 dB."""
_MIN_ACTIVE_ENERGY = float((_WINDOW**2).sum() * FRAME_SAMPLES / 2 * 1e-6)
"""A frame at -60 dBFS; what is fainter is never active."""


def power_spectra(x: Floats) -> Floats:
    """Samples (full scale 1) -> (frames, BINS); frame n begins at sample n * HOP_SAMPLES."""
    if len(x) < FRAME_SAMPLES:
        return np.zeros((0, BINS), np.float32)
    spectra = np.fft.rfft(sliding_window_view(x, FRAME_SAMPLES)[::HOP_SAMPLES] * _WINDOW, axis=1)
    return np.square(spectra.real) + np.square(spectra.imag)


def speech_likeness(power: Floats, loudest: float, vowels: int = 5) -> float:
    """How likely (0..1) it is that `power`, shape (frames, BINS), 0.15 s or more, is speech.

    `loudest` is the energy of the loudest frame that was heard; `vowels` is how many frames must be
    vowels, of which up to five may be the hiss of an s instead.

    Words have vowels: voiced, with energy between 1 and 4 kHz (a hum through the nose has little), and
    a spectrum that moves (a chord, a beep, "uh-huh" hardly do). A cough, a knock and keys are not voiced.
    The limits were set on synthetic speech, coughs, hums and music (see the tests).
    """
    energy = power.sum(axis=1)
    active = energy > max(loudest * _MIN_ACTIVE_RATIO, _MIN_ACTIVE_ENERGY)
    if active.sum() < 8:
        return 0.0
    low, high = power[:, 3:32].sum(axis=1), power[:, 32:128].sum(axis=1)
    voiced = active & (_periodicity(power) > 0.5)
    sung = int((voiced & (high > low * 10**-1.05) & (energy > loudest * 0.03)).sum())
    hisses = min(int((active & ~voiced & (energy > 2 * (low + high))).sum()), 5)
    bands = 10 * np.log10(np.add.reduceat(power[:, :160], np.arange(4, 160, 12), axis=1) + 1e-9 * loudest)
    steps = np.abs(np.diff(bands, axis=0)).mean(axis=1)[active[1:] & active[:-1]]
    motion = median(steps.tolist() or [0.0])  # numpy's imports 100 ms of masked arrays first
    shapes = (bands - bands.mean(axis=1, keepdims=True))[active]
    variety = float(shapes.std(axis=0).mean())
    evidence = motion / 2 + variety / 8 + 0.12 * hisses
    needed = float(np.interp(len(power), (17, 26), (2.2, 1.95)))  # a short piece must be clearer
    if voiced.sum() < 5 or sung + hisses < vowels or motion < 1.3:
        return min(0.4, 0.05 * sung)
    return float(1 / (1 + np.exp(-6 * (evidence - needed))))


def _periodicity(power: Floats) -> NDArray[np.float64]:
    """The highest peak of each frame's autocorrelation between 70 and 400 Hz, about 0..1."""
    lags = np.fft.irfft(power, axis=1)
    peaks: NDArray[np.float64] = (lags[:, 40:230] / (lags[:, :1] + 1e-12) / _WINDOW_AUTOCORRELATION).max(
        axis=1
    )
    return peaks
