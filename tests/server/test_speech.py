"""`/stt`, `/tts`, `/synthesize`, `/voices` over a real connection."""

from __future__ import annotations

import io
import wave
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from nexus_voice.server.uploads import samples_of
from serving import Serving


def tone(rate: int = 16_000, seconds: float = 0.5, channels: int = 1) -> bytes:
    return (9000 * np.sin(np.arange(int(rate * seconds) * channels) * 0.1 / channels)).astype("<i2").tobytes()


def wav(rate: int = 16_000, seconds: float = 0.5, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(tone(rate, seconds, channels))
    return file.getvalue()


def flac() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(8_000), 16_000, format="FLAC")
    return file.getvalue()


# --- /stt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        {"content": wav(), "headers": {"content-type": "audio/wav"}},
        {"content": wav(44_100, channels=2), "headers": {"content-type": "audio/x-wav"}},
        {"content": wav()},
        {"files": {"file": ("question.wav", wav(48_000))}},
        {"files": {"file": ("question.flac", flac())}},
        {"content": tone(), "headers": {"content-type": "audio/L16;rate=16000"}},
        {"content": tone(channels=2), "headers": {"content-type": "audio/L16; rate=16000; channels=2"}},
        {"content": tone() + b"\0", "headers": {"content-type": 'audio/pcm;rate="16000"'}},
    ],
    ids=["wav", "stereo", "untyped", "form", "flac", "bare", "bare stereo", "odd"],
)
def test_audio_becomes_text(http: httpx.Client, sent: dict[str, Any]) -> None:
    answer = http.post("/stt", **sent)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "text": "could you tell me what the weather is going to be tomorrow",
        "seconds": 0.5,
        "engine": "fake",
    }


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "audio/wav", 400, "audio_empty"),
        (wav(seconds=0), "audio/wav", 400, "audio_empty"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav", 400, "audio_unreadable"),
        (b"\xff" * 5_000, "audio/wav", 400, "audio_unreadable"),
        (wav()[:30], "audio/wav", 400, "audio_unreadable"),
        (wav(4_000), "audio/wav", 400, "bad_rate"),
        (wav(96_000), "audio/wav", 400, "bad_rate"),
        (wav(8_000, seconds=301), "audio/wav", 413, "audio_too_long"),
        (tone(), "audio/L16", 400, "bad_rate"),
        (tone(), "audio/L16;rate=fast", 400, "bad_rate"),
        (tone(), "audio/L16;rate=7", 400, "bad_rate"),
        (tone(), "audio/L16;rate=16000;channels=0", 400, "bad_rate"),
        (b"\0", "audio/L16;rate=16000", 400, "audio_empty"),
        (tone(8_000, 301), "audio/L16;rate=8000", 413, "audio_too_long"),
        (b"hello", "text/plain", 415, "unsupported_type"),
        (b"hello", "multipart/form-data", 400, "bad_request"),
    ],
)
def test_bad_audio_gets_its_code(
    http: httpx.Client, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = http.post("/stt", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "Traceback" not in answer.text


def test_a_form_without_its_file_says_which_field_is_missing(http: httpx.Client) -> None:
    answer = http.post("/stt", files={"sound": ("a.wav", wav())})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "audio_missing")


def test_bare_samples_are_read_in_either_byte_order() -> None:
    little = tone()
    big = np.frombuffer(little, "<i2").byteswap().tobytes()
    assert samples_of(big, "16000", "1").data == samples_of(little, "16000", "1").data == little


# --- /tts and /synthesize ---------------------------------------------------------------------


def test_text_becomes_a_whole_wav(http: httpx.Client) -> None:
    answer = http.post("/tts", json={"text": "One sentence here. And one more there."})
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (22_050, 1, 2)
        assert sound.getnframes() == pytest.approx(22_050 * 0.1, abs=2)  # two of 50 ms


@pytest.mark.parametrize(
    ("format", "kind", "rate"),
    [
        ("pcm", "audio/pcm;rate=22050;channels=1", 22_050),
        ("wav", "audio/wav", 22_050),
        ("opus", "audio/ogg;codecs=opus", 24_000),
    ],
)
def test_synthesis_streams_in_every_format(http: httpx.Client, format: str, kind: str, rate: int) -> None:
    question = {"text": "One sentence here. And one more there.", "format": format}
    with http.stream("POST", "/synthesize", json=question) as answer:
        data = b"".join(answer.iter_bytes())
        assert answer.headers["content-type"] == kind
        assert answer.headers["x-sample-rate"] == str(rate)
        assert answer.headers["transfer-encoding"] == "chunked"
    if format == "pcm":
        data = wav_of(data, rate)
    sound, found = soundfile.read(io.BytesIO(data), dtype="float32")
    assert found == rate
    assert len(sound) == pytest.approx(rate * 0.1, abs=rate * 0.01)
    peak = np.abs(np.fft.rfft(sound)).argmax() * rate / len(sound)
    assert peak == pytest.approx(220, abs=25)  # the scripted voice's tone


def wav_of(data: bytes, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(data)
    return file.getvalue()


@pytest.mark.parametrize("path", ["/tts", "/synthesize"])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "bad_request"),
        ({"text": ""}, 422, "bad_request"),
        ({"text": "🙂 … —"}, 400, "nothing_to_say"),
        ({"text": "x " * 5_000}, 413, "too_long"),
        ({"text": "a", "rate": 9}, 422, "bad_request"),
        ({"text": "a", "pitch": "high"}, 422, "bad_request"),
        ({"text": "a", "voice": "v" * 101}, 422, "bad_request"),
    ],
)
def test_what_cannot_be_said_gets_its_code(
    http: httpx.Client, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_unknown_format_names_the_choices(http: httpx.Client) -> None:
    error = http.post("/synthesize", json={"text": "a", "format": "mp3"}).json()["error"]
    assert error["code"] == "bad_request"
    assert "opus" in error["message"]


def test_a_listener_who_leaves_ends_the_synthesis(undisturbed: Serving, http: httpx.Client) -> None:
    text = "This is one more sentence to be said. " * 200
    with http.stream("POST", "/synthesize", json={"text": text}) as answer:
        next(answer.iter_bytes())
    tts: Any = undisturbed.state.engines.tts.current
    assert undisturbed.becomes(lambda: tts.running == 0)


def test_voices(http: httpx.Client) -> None:
    assert http.get("/voices").json() == {"engine": "fake", "voices": []}
