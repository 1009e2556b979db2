"""Connections to remote providers: errors in plain words, bodies in pieces, nothing left open."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.deepgram.stream_in_task import stream_in_task
from nexus_voice.engines.http.audio import PcmReader
from nexus_voice.engines.http.body import MAX_DRAIN_S, SseDecoder
from nexus_voice.engines.http.client import RemoteHttp
from nexus_voice.engines.http.errors import error_detail, retry_after_s, retry_delay_s
from openai_server import SSE, Reply, Request
from vendors.loopback import Vendor, said, serving
from vendors.sound import tone, wav

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]
KEY = "dg-secret-123"


@pytest.fixture
async def server() -> AsyncIterator[Vendor]:
    def usual(request: Request) -> Reply:
        return said({"path": request.path})

    async with serving(usual) as server:
        yield server


def remote(url: str, **options: Any) -> RemoteHttp:
    headers = {"Authorization": f"Token {KEY}"}
    return RemoteHttp("stt", url, headers, setting="DEEPGRAM_API_KEY", secret=KEY, **options)


async def refused(server: Vendor, reply: Reply, within: float = 5.0) -> EngineError:
    server.replies.append(reply)
    async with remote(server.url) as http:
        with pytest.raises(EngineError) as caught:
            await http.ask("POST", "v1/x", within, json={"a": 1})
        assert await http.ask("GET", "v1/again") == {"path": "/v1/again"}
    assert KEY not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("reply", "code", "retryable", "wait", "says"),
    [
        (said({"err_msg": f"Invalid {KEY}"}, 401), "stt_auth", False, 0, "check DEEPGRAM_API_KEY"),
        (said({"error": {"message": "No right to x"}}, 403), "stt_auth", False, 0, "No right to x"),
        (said({"error": {"message": "API key not valid."}}, 400), "stt_auth", False, 0, "DEEPGRAM_API_KEY"),
        (said({"err_msg": "no money"}, 402), "stt_quota", False, 0, "no credit"),
        (said({"title": "Slow", "message": "x"}, 429, retry_after="7"), "stt_limit", True, 7, "in 7 s"),
        (said({}, 429), "stt_limit", True, 0, "in a moment"),
        (said({"message": "busy"}, 503, retry_after="2.5"), "stt_failed", True, 2.5, "busy"),
        (said([{"error": {"message": f"oops {KEY}"}}], 500), "stt_failed", True, 0, "oops ***"),
        (said({"detail": "no such model"}, 404), "stt_request", False, 0, "no such model"),
        (said({"detail": [{"msg": "field required"}]}, 422), "stt_request", False, 0, "field required"),
        (Reply([b"plain words"], 400, "text/plain"), "stt_request", False, 0, "plain words"),
        (Reply([b"<html>Bad gateway</html>"], 502, "text/html"), "stt_failed", True, 0, "502"),
        (Reply([b"not JSON"], type="application/json"), "stt_malformed", True, 0, "not JSON"),
        (Reply([b'{"a"'], type="application/json", end="cut"), "stt_stream_broken", True, 0, "stopped"),
    ],
)
async def test_refusals_are_plain(
    server: Vendor, reply: Reply, code: str, retryable: bool, wait: float, says: str
) -> None:
    error = await refused(server, reply)
    assert (error.code, error.retryable, error.retry_after) == (code, retryable, wait)
    assert says in error.message
    assert error.message.startswith("The speech recognition service at 127.0.0.1 ")


@pytest.mark.parametrize("begun", [False, True])
async def test_a_silent_provider_times_out(server: Vendor, begun: bool) -> None:
    never = anyio.Event()
    held = Reply([b'{"a"', never]) if begun else Reply(before=never)
    error = await refused(server, held, within=0.1)
    assert (error.code, error.status, error.retryable) == ("stt_timeout", 504, True)
    with anyio.fail_after(2):
        await server.gone.wait()


async def test_no_server_at_the_address() -> None:
    async with serving(lambda _: Reply()) as gone:
        url = gone.url
    async with remote(url, hint="Set X.") as http:
        with pytest.raises(EngineError, match="Set X") as caught:
            await http.ask("GET", "v1/x")
    assert (caught.value.code, caught.value.retryable) == ("stt_unreachable", True)
    assert url in caught.value.message


@pytest.mark.parametrize("url", ["", "api.example.com", "ftp://x", "http://", "http://[::1", "http://a:b"])
def test_a_bad_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(BadInput):
        remote(url)


def test_a_malformed_key_is_refused_and_not_shown() -> None:
    with pytest.raises(BadInput, match="NAME") as caught:
        RemoteHttp("tts", "https://x", {"Authorization": "Token schlüssel\n"}, setting="NAME")
    assert "schl" not in caught.value.message


async def test_a_connection_is_kept_and_a_dead_one_replaced(server: Vendor) -> None:
    async with remote(server.url) as http:
        for _ in range(3):
            await http.ask("GET", "v1/x")
        assert server.connections == 1
        server.replies.append(Reply([b"{}"], end="close"))
        await http.ask("GET", "v1/x")
        assert await http.ask("GET", "v1/y") == {"path": "/v1/y"}
    assert server.connections == 2


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
async def test_a_post_whose_server_dies_after_reading_it_is_sent_once(server: Vendor, kept: bool) -> None:
    async with remote(server.url) as http:
        if kept:
            await http.ask("GET", "v1/first")
        server.replies.append(Reply(end="unanswered"))
        with pytest.raises(EngineError) as caught:
            await http.ask("POST", "v1/billed", json={})
    assert caught.value.code == "stt_stream_broken"
    assert [request.path for request in server.posts] == ["/v1/billed"]


async def test_a_get_whose_connection_died_is_sent_again(server: Vendor) -> None:
    async with remote(server.url) as http:
        server.replies.append(Reply(end="unanswered"))
        assert await http.ask("GET", "v1/models") == {"path": "/v1/models"}
    assert len(server.requests) == 2


async def test_a_post_after_the_server_has_closed_the_idle_connection_just_works(server: Vendor) -> None:
    async with remote(server.url) as http:
        server.replies.append(Reply([b"{}"], end="close"))
        await http.ask("POST", "v1/first", json={})
        await server.closed.wait()
        assert await http.ask("POST", "v1/second", json={}) == {"path": "/v1/second"}
    assert [request.path for request in server.posts] == ["/v1/first", "/v1/second"]


async def test_the_key_is_in_no_log_and_no_repr(server: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    for name in (None, "httpx", "httpcore"):  # a server that ran before may have silenced them
        caplog.set_level(logging.DEBUG, name)
    http = remote(server.url)
    async with http:
        await http.ask("POST", "v1/x", json={})
        server.replies.append(said({"err_msg": KEY}, 500))
        with pytest.raises(EngineError) as caught:
            await http.ask("POST", "v1/x", json={})
    assert caplog.records
    assert KEY not in caplog.text + repr(http) + repr(caught.value)
    assert server.requests[0].headers["authorization"] == f"Token {KEY}"


async def test_events_are_read_wherever_the_bytes_are_cut(
    server: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_voice.engines.http.body.MAX_DRAIN_S", 100 * MAX_DRAIN_S)
    whole = b': ping\r\n\r\nevent: x\r\ndata: {"n": 1}\r\n\r\ndata: {"n":\ndata: 2}\n\ndata: [DONE]\n\n'
    for size in (1, 2, 7, len(whole)):
        server.replies.append(Reply([whole[i : i + size] for i in range(0, len(whole), size)], type=SSE))
    async with remote(server.url) as http:
        for _ in range(4):
            async with await http.open("POST", "x") as body:
                events = [await body.event() for _ in range(4)]
                assert events == [{"n": 1}, {"n": 2}, None, None]
                assert body.complete
    assert server.connections == 1  # each body was read to its end, so the connection was kept


async def test_an_endless_event_is_malformed(server: Vendor) -> None:
    server.replies.append(Reply([b"data: ", *[b"x" * (1 << 20)] * 9], type=SSE))
    async with remote(server.url) as http, await http.open("POST", "x") as body:
        with pytest.raises(EngineError, match="endless") as caught:
            await body.event()
    assert caught.value.code == "stt_malformed"


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 100, b"data: x\n" * 15, b": " + b"x" * 100])
def test_the_size_of_lines_and_events_is_bounded(piece: bytes) -> None:
    decoder = SseDecoder(max_bytes=150)
    assert decoder.feed(b"data: 1\n\n") == [b"1"]
    assert decoder.feed(piece) == []
    with pytest.raises(ValueError, match="endless"):
        decoder.feed(piece)


@given(
    st.lists(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=4
    ),
    st.lists(st.integers(0, 300), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
)
def test_where_the_bytes_of_events_are_cut_changes_nothing(
    texts: list[str], cuts: list[int], end: str
) -> None:
    data = "".join(f": ping{end}event: x{end}data: |{text}|{end}{end}" for text in texts).encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    decoder = SseDecoder()
    got = [event for a, b in pairwise(edges) for event in decoder.feed(data[a:b])]
    assert got == [f"|{text}|".encode() for text in texts]
    assert decoder.close() == []


async def test_an_answer_that_is_too_long_is_malformed(server: Vendor) -> None:
    server.replies.append(Reply([b"[" + b" " * 3_000_000, b"]"], type="application/json"))
    async with remote(server.url) as http:
        with pytest.raises(EngineError, match="more than 2 MB"):
            await http.ask("GET", "x", max_bytes=2 << 20)


@pytest.mark.parametrize("how", ["error", "cancel"])
async def test_leaving_a_body_early_closes_the_connection(server: Vendor, how: str) -> None:
    server.replies.append(Reply([b"one", anyio.Event()]))
    async with remote(server.url) as http:
        with anyio.CancelScope() as scope:
            try:
                async with await http.open("POST", "x") as body:
                    assert await body.piece() == b"one"
                    if how == "error":
                        raise KeyError
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
            except KeyError:
                pass
        with anyio.fail_after(2):
            await server.gone.wait()


async def test_use_before_entering_is_a_clear_mistake() -> None:
    with pytest.raises(RuntimeError, match="entered"):
        await remote("https://x").ask("GET", "x")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("-3", 0), ("", 0), ("soon", 0), ("nan", 0), ("inf", 86_400)],
)
def test_retry_after(header: str, seconds: float) -> None:
    assert retry_after_s(header) == seconds


def test_retry_after_as_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < retry_after_s(in_a_minute) <= 60
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["error", "detail", "message"]), inner)
        ),
    )
)
def test_every_error_body_gives_a_short_detail(body: Any) -> None:
    assert len(error_detail(body)) <= 300
    assert retry_delay_s(body) == 0


@given(
    st.lists(st.integers(0, 3000), max_size=8), st.sampled_from(["raw", "wav", "unknown length", "trailer"])
)
def test_sound_is_the_same_wherever_the_bytes_are_cut(cuts: list[int], form: str) -> None:
    sound = tone("Hello", rate=8000)
    data = sound if form == "raw" else wav(sound, 8000)
    if form == "unknown length":
        data = data[:40] + b"\xff\xff\xff\xff" + data[44:]
    if form == "trailer":
        data += b"LIST\x02\x00\x00\x00ab"
    reader = PcmReader(24_000)
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    pieces = [pcm for a, b in pairwise(edges) if (pcm := reader.feed(data[a:b]))]
    assert b"".join(pcm.data for pcm in pieces) == sound
    assert {pcm.rate for pcm in pieces} == {24_000 if form == "raw" else 8000}


@pytest.mark.parametrize(
    "data",
    [
        b"ID3\x04 mp3",
        b"OggS vorbis",
        wav(b"\0\0\0\0", channels=2),
        b"RIFF\0\0\0\0WAVEdata\0\0\0\0xx",
        b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\x7fxx",
    ],
)
def test_sound_of_other_formats_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        PcmReader(24_000).feed(data)


async def test_work_in_a_task_ends_with_its_engine_or_its_listener() -> None:
    ended: list[str] = []

    async def work(out: Any) -> None:
        try:
            async with anyio.create_task_group():
                await out.send(1)
                await anyio.sleep_forever()
        finally:
            ended.append("work")

    async with anyio.create_task_group() as engine:
        results = stream_in_task(engine, work, "x")
        assert await anext(results) == 1
        await results.aclose()
        assert ended == ["work"]
        results = stream_in_task(engine, work, "x")
        assert await anext(results) == 1
        engine.cancel_scope.cancel()
        with anyio.CancelScope(shield=True), pytest.raises(EngineError, match="shut down"):
            await anext(results)
    assert ended == ["work"] * 2
