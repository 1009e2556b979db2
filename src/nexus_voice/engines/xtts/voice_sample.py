"""Recordings of a voice to be cloned: finding them, and telling at once when one will not do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput

FORMATS = (".wav", ".flac", ".ogg", ".mp3")
SHORTEST, LONGEST = 6.0, 30.0
"""Seconds."""
LOWEST_RATE = 16_000
QUIETEST = -40.0
"""dB below full scale, root mean square of the whole."""
CLIPPED = 0.005
"""Share of samples at full scale above which the recording is distorted."""


def samples_in(folder: Path) -> dict[str, Path]:
    """Name of the voice -> its recording, in order of name; empty when there is no such folder."""
    if not folder.is_dir():
        return {}
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in FORMATS and file.is_file())
    return {file.stem: file for file in files}


def read_sample(file: Path) -> tuple[NDArray[np.float32], int]:
    """The recording as mono samples (-1..1) and its rate in Hz.

    Raises `BadInput` with code `bad_sample` and advice when it cannot be read, is not 6 to 30 s
    long, has less than 16 kHz, is too quiet, or is distorted.
    """
    import soundfile

    try:
        with soundfile.SoundFile(file) as sound:
            rate, seconds = int(sound.samplerate), sound.frames / sound.samplerate
            if not SHORTEST <= seconds <= LONGEST:
                raise _bad(file, f"is {seconds:.1f} s long: record {SHORTEST:g} to {LONGEST:g} s of speech")
            if rate < LOWEST_RATE:
                raise _bad(file, f"has only {rate} Hz: record with {LOWEST_RATE} Hz or more, best 24000")
            samples = sound.read(dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.SoundFileError, OSError, ZeroDivisionError) as error:
        raise _bad(file, "cannot be read: save it as WAV or FLAC") from error
    loudness = 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12)
    if loudness < QUIETEST:
        raise _bad(file, f"is too quiet ({loudness:.0f} dB): speak closer to the microphone")
    if np.mean(np.abs(samples) > 0.999) > CLIPPED:
        raise _bad(file, "is distorted: record again with less gain")
    return samples, rate


def _bad(file: Path, why: str) -> BadInput:
    return BadInput(f"The voice sample {file.name} {why}.", code="bad_sample")
