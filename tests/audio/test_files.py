"""Audio files that people and programs send."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import clips
from nexus_voice.audio.files import read_audio, wav_bytes, wav_header
from nexus_voice.core.audio import Pcm
from nexus_voice.core.errors import BadInput

TONE = clips.tone(0.3, [440.0])


def encoded(form: str, subtype: str, channels: int, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.stack([clips.samples(TONE)] * channels, 1), rate, format=form, subtype=subtype)
    return out.getvalue()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("form", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 0.01),
        ("WAV", "PCM_16", 0.0001),
        ("WAV", "PCM_24", 0.0001),
        ("WAV", "PCM_32", 0.0001),
        ("WAV", "FLOAT", 0.0001),
        ("WAVEX", "PCM_24", 0.0001),
        ("FLAC", "PCM_16", 0.0001),
        ("OGG", "VORBIS", 0.03),
    ],
)
def test_reads(form: str, subtype: str, error: float, channels: int) -> None:
    heard = read_audio(encoded(form, subtype, channels, 44_100))
    assert heard.rate == 44_100
    assert heard.samples == TONE.samples
    assert np.abs(clips.samples(heard) - clips.samples(TONE)).max() <= error


def test_round_trip_and_streams_of_unknown_length() -> None:
    assert read_audio(wav_bytes(TONE)) == TONE
    assert read_audio(wav_header(16_000) + TONE.data) == TONE
    assert read_audio(wav_header(16_000) + TONE.data + b"\x07") == TONE


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "audio_empty"),
        (wav_bytes(Pcm(b"", 16_000)), "audio_empty"),
        (b"RIFF", "audio_unreadable"),
        (bytes(1000), "audio_unreadable"),
        (b"<html>not a sound</html>" * 20, "audio_unreadable"),
        (wav_bytes(TONE)[:30], "audio_unreadable"),
        (wav_bytes(TONE).replace(struct.pack("<I", 16_000), struct.pack("<I", 4_000), 1), "bad_rate"),
    ],
)
def test_bad_files_are_refused_with_a_code(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_audio(data)
    assert refused.value.code == code


def test_limits() -> None:
    with pytest.raises(BadInput) as refused:
        read_audio(wav_bytes(TONE), most_bytes=1000)
    assert refused.value.code == "audio_too_large"
    with pytest.raises(BadInput) as refused:
        read_audio(encoded("FLAC", "PCM_16", 2), most_seconds=0.2)
    assert refused.value.code == "audio_too_long"


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 60), junk=st.binary(max_size=40))
def test_damaged_headers_never_escape(at: int, junk: bytes) -> None:
    data = bytearray(wav_bytes(TONE)[:400])
    data[at : at + len(junk)] = junk
    try:
        heard = read_audio(bytes(data)).samples
    except BadInput:
        return
    assert heard > 0
