"""`/v1/audio/...` and the socket that transcribes while one speaks."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from nexus_voice.core.audio import Transcript, Word
from nexus_voice.core.errors import Busy
from nexus_voice.engines.fake.engines import Failure, FakeStt
from nexus_voice.server.openai.subtitles import segments, srt, vtt
from serving import Serving

from .caller import PATIENCE
from .test_speech import tone, wav

TEXT = "could you tell me what the weather is going to be tomorrow"


def transcribe(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post(
        "/v1/audio/transcriptions", files={"file": ("a.wav", wav())}, data={"model": "x", **fields}
    )


@contextmanager
def hearing(server: Serving, stt: Any) -> Iterator[None]:
    """The server with this recogniser, while the block lasts."""
    link = server.state.supply.chains["stt"].links[0]
    kept, link.engine = link.engine, stt
    try:
        yield
    finally:
        link.engine = kept


class Timed(FakeStt):
    """Knows when each word was said, and in which language."""

    async def transcribe(self, audio: Any, expected: str = "") -> Any:
        async for transcript in super().transcribe(audio):
            words = (Word("Hello", 0.1, 0.4), Word("you.", 0.4, 0.7), Word("Bye.", 2.0, 2.25))
            yield Transcript(transcript.text, transcript.final, "en", words)


# --- transcriptions ---------------------------------------------------------------------------


def test_a_recording_becomes_json(http: httpx.Client) -> None:
    expected = {"text": TEXT, "usage": {"type": "duration", "seconds": 0.5}}
    assert transcribe(http).json() == expected
    assert transcribe(http, response_format="json", language="en", temperature="0").json() == expected


@pytest.mark.parametrize(
    ("format", "kind", "body"),
    [
        ("text", "text/plain", "Hello you. Bye.\n"),
        (
            "srt",
            "text/plain",
            "1\n00:00:00,100 --> 00:00:00,700\nHello you.\n\n2\n00:00:02,000 --> 00:00:02,250\nBye.\n",
        ),
        (
            "vtt",
            "text/vtt",
            "WEBVTT\n\n00:00:00.100 --> 00:00:00.700\nHello you.\n\n00:00:02.000 --> 00:00:02.250\nBye.\n",
        ),
    ],
)
def test_a_recording_becomes_plain_text(
    http: httpx.Client, server: Serving, format: str, kind: str, body: str
) -> None:
    with hearing(server, Timed("Hello you. Bye.", 0)):
        answer = transcribe(http, response_format=format)
    assert answer.headers["content-type"].startswith(kind)
    assert answer.text == body


def test_a_verbose_transcription_has_times(http: httpx.Client, server: Serving) -> None:
    with hearing(server, Timed("Hello you. Bye.", 0)):
        both = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
        body = transcribe(http, **both).json()
        plain = transcribe(http, response_format="verbose_json").json()
    assert (body["task"], body["language"], body["duration"]) == ("transcribe", "en", 0.5)
    assert body["words"][0] == {"word": "Hello", "start": 0.1, "end": 0.4}
    assert [(one["id"], one["start"], one["text"]) for one in body["segments"]] == [
        (0, 0.1, "Hello you."),
        (1, 2.0, "Bye."),
    ]
    assert "words" not in plain
    assert plain["segments"] == body["segments"]


def test_a_streamed_transcription(http: httpx.Client) -> None:
    events = [
        orjson.loads(event[6:]) for event in transcribe(http, stream="true").text.split("\n\n") if event
    ]
    assert [event["type"] for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[0]["delta"] == events[1]["text"] == TEXT


def test_subtitles_are_parted_at_pauses_and_when_they_grow_long() -> None:
    steady = tuple(Word(f"w{at}", at * 1.0, at + 0.9) for at in range(10))
    assert [len(one.text.split()) for one in segments(Transcript("x", True, words=steady), 10)] == [7, 3]
    assert segments(Transcript("", True), 3) == []
    [whole] = segments(Transcript("a < b & c", True), 3661.5)
    assert "a &lt; b &amp; c" in vtt([whole])
    assert "00:00:00,000 --> 01:01:01,500\na < b & c" in srt([whole])


@pytest.mark.parametrize(
    ("sent", "status", "param", "code"),
    [
        ({"json": {"model": "x"}}, 400, "file", "bad_request"),
        ({"files": {"sound": ("a.wav", wav())}}, 400, "file", "audio_missing"),
        ({"files": {"file": ("a.wav", b"not sound")}}, 400, "file", "audio_unreadable"),
        ({"files": {"file": ("a.wav", wav(8_000, seconds=301))}}, 413, "file", "audio_too_long"),
        (
            {"files": {"file": ("a.wav", wav())}, "data": {"response_format": "opera"}},
            400,
            "response_format",
            "invalid_value",
        ),
    ],
)
def test_a_bad_recording_is_told_in_openais_shape(
    http: httpx.Client, sent: dict[str, Any], status: int, param: str, code: str
) -> None:
    answer = http.post("/v1/audio/transcriptions", **sent)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, "invalid_request_error")
    assert (error["param"], error["code"]) == (param, code)


# --- speech -----------------------------------------------------------------------------------


def speak(http: httpx.Client, **fields: Any) -> httpx.Response:
    order = {"model": "tts-1", "input": "One sentence here. And one more.", "voice": "alloy"}
    return http.post("/v1/audio/speech", json=order | fields)


SAMPLES = 24_000 * 0.1  # two sentences of 50 ms


def test_text_becomes_bare_samples(http: httpx.Client) -> None:
    answer = speak(http, response_format="pcm")
    assert answer.headers["content-type"] == "audio/pcm"
    assert len(answer.content) == pytest.approx(2 * SAMPLES, abs=4)


def test_text_becomes_a_wav(http: httpx.Client) -> None:
    answer = speak(http, response_format="wav")
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24_000, 1, 2)
    assert len(answer.content) - 44 == pytest.approx(2 * SAMPLES, abs=4)


@pytest.mark.parametrize(
    ("format", "kind", "begins"),
    [
        (None, "audio/mpeg", (b"\xff", b"ID3")),
        ("mp3", "audio/mpeg", (b"\xff", b"ID3")),
        ("flac", "audio/flac", b"fLaC"),
        ("opus", "audio/ogg;codecs=opus", b"OggS"),
    ],
)
def test_text_becomes_a_sound_file(http: httpx.Client, format: str | None, kind: str, begins: Any) -> None:
    answer = speak(http, **({"response_format": format} if format else {}))
    assert answer.headers["content-type"] == kind
    assert answer.content.startswith(begins)
    sound, rate = soundfile.read(io.BytesIO(answer.content))
    assert rate == 24_000
    assert len(sound) == pytest.approx(SAMPLES, rel=0.8 if kind == "audio/mpeg" else 0.05)
    assert np.abs(sound).max() > 0.1


def test_speech_as_events(http: httpx.Client) -> None:
    answer = speak(http, response_format="pcm", stream_format="sse")
    assert answer.headers["content-type"].startswith("text/event-stream")
    *deltas, done = [orjson.loads(event[6:]) for event in answer.text.split("\n\n") if event]
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["input_tokens"] == 8
    sound = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert len(sound) == pytest.approx(2 * SAMPLES, abs=4)


def test_voice_and_speed_reach_the_engine(http: httpx.Client, server: Serving) -> None:
    tts: Any = server.state.engines.tts.current
    asked: list[Any] = []
    speak_as_before = tts.speak
    tts.speak = lambda sentence, voice: asked.append(voice) or speak_as_before(sentence, voice)
    try:
        for fields in ({}, {"voice": {"id": "en-gb"}, "speed": 1.5}, {"voice": "Nova", "speed": 4}):
            assert speak(http, response_format="pcm", **fields).status_code == 200
    finally:
        del tts.speak
    assert [(voice.name, voice.rate) for voice in asked[::2]] == [("", 1.0), ("en-gb", 1.5), ("", 2.0)]


@pytest.mark.parametrize(
    ("fields", "status", "param", "code"),
    [
        ({"response_format": "aac"}, 400, "response_format", "unsupported_format"),
        ({"input": ""}, 400, "input", "bad_request"),
        ({"input": "..."}, 400, None, "nothing_to_say"),
        ({"input": "x" * 8_001}, 413, None, "too_long"),
        ({"speed": 9}, 400, "speed", "bad_request"),
    ],
)
def test_a_bad_order_is_told_in_openais_shape(
    http: httpx.Client, fields: dict[str, Any], status: int, param: str | None, code: str
) -> None:
    answer = speak(http, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, "invalid_request_error")
    assert (error["param"], error["code"]) == (param, code)


# --- WS /stt/stream ---------------------------------------------------------------------------


@contextmanager
def line(server: Serving, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    url = f"ws://127.0.0.1:{server.port}/stt/stream{query}"
    with connect(
        url, proxy=None, compression=None, open_timeout=PATIENCE, close_timeout=1, **options
    ) as made:
        yield made


def heard(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(PATIENCE))
    return message


def refused(socket: ClientConnection) -> tuple[str, int]:
    """The error's code and the close code."""
    error = heard(socket)
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(PATIENCE)
    assert closed.value.rcvd
    return error["code"], closed.value.rcvd.code


def test_words_come_while_they_are_spoken(undisturbed: Serving) -> None:
    with hearing(undisturbed, FakeStt("one two three", 0, partials=True)), line(undisturbed) as socket:
        for _ in range(2):  # one utterance after the other
            socket.send(tone(seconds=0.5))
            assert heard(socket) == {"type": "partial", "text": "one"}
            for at in range(0, 32_000, 777):  # odd pieces
                socket.send(tone(seconds=1)[at : at + 777])
            assert heard(socket)["text"] == "one two"
            assert heard(socket)["text"] == "one two three"
            socket.send('{"type":"end"}')
            assert heard(socket) == {"type": "final", "text": "one two three"}


def test_the_final_has_what_the_engine_knows(server: Serving) -> None:
    with hearing(server, Timed("Hello you. Bye.", 0)), line(server, "?rate=48000") as socket:
        socket.send(tone(48_000))
        socket.send('{"type":"end"}')
        final = heard(socket)
    assert final["language"] == "en"
    assert final["words"][0] == {"text": "Hello", "start": 0.1, "end": 0.4}


def test_an_utterance_without_sound_has_no_words(server: Serving) -> None:
    with line(server) as socket:
        socket.send('{"type":"end"}')
        assert heard(socket) == {"type": "final", "text": ""}


@pytest.mark.parametrize(
    ("query", "sent", "code"),
    [
        ("?rate=fast", b"", "bad_rate"),
        ("?rate=7", b"", "bad_rate"),
        ("", "hello", "unknown_type"),
        ("", '{"type":"dance"}', "unknown_type"),
    ],
)
def test_a_bad_stream_is_told_and_closed(undisturbed: Serving, query: str, sent: Any, code: str) -> None:
    with line(undisturbed, query) as socket:
        if sent:
            socket.send(tone())
            socket.send(sent)
        assert refused(socket) == (code, 1008)


def test_an_endless_utterance_is_cut_off(undisturbed: Serving) -> None:
    with line(undisturbed, "?rate=8000") as socket:
        for _ in range(7):
            socket.send(bytes(800_000))  # 50 s
        assert refused(socket) == ("audio_too_long", 1008)


def test_a_busy_recogniser_says_so(undisturbed: Serving) -> None:
    with (
        hearing(undisturbed, FakeStt("x", 0, fail=Failure(error=Busy("Full.")))),
        line(undisturbed) as socket,
    ):
        socket.send(tone())
        socket.send('{"type":"end"}')
        assert refused(socket) == ("busy", 1013)


def test_a_foreign_page_may_not_listen(server: Serving) -> None:
    with (
        pytest.raises(Exception, match="403"),
        line(server, origin="https://evil.example"),
    ):
        pass


def test_who_vanishes_leaves_nothing(undisturbed: Serving) -> None:
    with line(undisturbed) as socket:
        socket.send(tone())
        assert undisturbed.becomes(lambda: undisturbed.state.queues["stt"].active == 1)
    assert undisturbed.becomes(lambda: undisturbed.state.queues["stt"].active == 0)
