"""Sound files: read whole, written as WAV, FLAC or MP3."""

from __future__ import annotations

import io
import struct
from typing import Literal

import numpy as np

from ..core.audio import Pcm
from ..core.errors import BadInput
from .resample import checked

_UNKNOWN_SIZE = 0xFFFFFFFF
_SUBTYPES = {"flac": "PCM_16", "mp3": "MPEG_LAYER_III"}


def read_audio(data: bytes, *, most_bytes: int = 25_000_000, most_seconds: float = 600.0) -> Pcm:
    """A whole WAV (any PCM width, float, A-law, streamed with unknown length), FLAC, Ogg or MP3 file.

    Channels are averaged; the rate stays the file's. Raises `BadInput` with code `audio_empty`,
    `audio_too_large`, `audio_too_long`, `audio_unreadable` or `bad_rate`.
    """
    if not data:
        raise BadInput("The audio is empty: send a WAV, FLAC, Ogg or MP3 file.", code="audio_empty")
    if len(data) > most_bytes:
        raise BadInput(
            f"The audio has {len(data):,} bytes; at most {most_bytes:,} are taken. Send a shorter piece.",
            code="audio_too_large",
            status=413,
        )
    import soundfile  # libsndfile is loaded by those who upload files, not at every start

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate = checked(file.samplerate)
            most = int(most_seconds * rate)
            parts, count = [np.zeros(0, np.float32)], 0
            for block in file.blocks(rate, dtype="float32", always_2d=True):  # many channels stay small
                parts.append(block.mean(axis=1))
                count += len(block)
                if count > most:
                    break
    except (soundfile.SoundFileError, ValueError, OverflowError) as error:
        raise BadInput(
            "The audio cannot be read: send a WAV (PCM or float), FLAC, Ogg or MP3 file.",
            code="audio_unreadable",
        ) from error
    if not count:
        raise BadInput("The audio file holds no sound.", code="audio_empty")
    if count > most:
        raise BadInput(
            f"The audio is longer than {most_seconds:g} seconds. Send it in pieces.",
            code="audio_too_long",
            status=413,
        )
    mono = np.nan_to_num(np.concatenate(parts))
    return Pcm(np.clip(np.rint(mono * 32768), -32768, 32767).astype("<i2").tobytes(), rate)


def wav_bytes(pcm: Pcm) -> bytes:
    """`pcm` as a WAV file."""
    return _header(pcm.rate, len(pcm.data)) + pcm.data


def wav_header(rate: int) -> bytes:
    """The header of a PCM16 mono WAV whose length is not known yet; the samples follow as they come."""
    return _header(rate, None)


def _header(rate: int, size: int | None) -> bytes:
    riff, body = (_UNKNOWN_SIZE, _UNKNOWN_SIZE) if size is None else (size + 36, size)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", body)


def file_bytes(pcm: Pcm, format: Literal["flac", "mp3"]) -> bytes:
    """`pcm` as a FLAC or MP3 file. Their headers state the length, so they cannot be streamed."""
    import soundfile  # libsndfile is loaded only by those who want it

    file = io.BytesIO()
    samples = np.frombuffer(pcm.data, "<i2")
    soundfile.write(file, samples, pcm.rate, format=format.upper(), subtype=_SUBTYPES[format])
    return file.getvalue()
