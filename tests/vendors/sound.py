"""Sound for scripted voices: a tone as long as the text takes to say."""

from __future__ import annotations

import io
import wave

import numpy as np

RATE = 24_000


def tone(text: str, speed: float = 1.0, rate: int = RATE) -> bytes:
    """PCM16 of 0.03 s a character."""
    samples = np.arange(round(0.03 * rate * max(len(text), 4) / speed))
    return (8000 * np.sin(samples * 2 * np.pi * 440 / rate)).astype("<i2").tobytes()


def wav(pcm: bytes, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


def cut(data: bytes, size: int = 4801) -> list[bytes]:
    """In pieces of an odd size."""
    return [data[at : at + size] for at in range(0, len(data), size)]
