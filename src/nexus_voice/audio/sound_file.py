"""Sound files that can only be written whole."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np

from ..core.audio import Pcm

_SUBTYPES = {"flac": "PCM_16", "mp3": "MPEG_LAYER_III"}


def file_bytes(pcm: Pcm, format: Literal["flac", "mp3"]) -> bytes:
    """`pcm` as a FLAC or MP3 file. Their heads say the length, so there is no streaming them."""
    import soundfile  # libsndfile is loaded only by those who want it

    file = io.BytesIO()
    samples = np.frombuffer(pcm.data, "<i2")
    soundfile.write(file, samples, pcm.rate, format=format.upper(), subtype=_SUBTYPES[format])
    return file.getvalue()
