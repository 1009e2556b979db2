"""Whatever is sent, the answer has a code, nothing breaks, nothing stays."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from serving import Serving

from .caller import Caller
from .documents import tidy

__all__ = ["tidy"]

CODES = {"bad_json", "unknown_type", "bad_message", "too_long", "empty", "too_fast", "rate_limited"}
FUZZ = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)
TYPES = ["hello", "settings", "text", "update_context", "talk_start", "talk_end", "hush", "playback", "ping"]
FIELDS = {
    "text": values | st.just("what is the weather"),
    "turn": values | st.integers(-1, 3),
    "played_ms": values | st.floats(-10, 1e9),
    "rate": values | st.integers(8_000, 48_000),
    "sensitivity": values | st.floats(0, 1),
    "hands_free": values,
    "knowledge": values,
    "collections": values | st.lists(st.text(max_size=40), max_size=3),
    "speak": values,
    "mode": values | st.sampled_from(["faster", "planning", "detailed"]),
    "voice": values,
    "voice_rate": values | st.floats(0.5, 2),
    "session_id": values,
    "token": values,
    "dance": values,
}
near_valid = st.fixed_dictionaries({"type": st.sampled_from(TYPES)}, optional=FIELDS)
messages = st.one_of(
    st.binary(max_size=2_000),
    st.text(max_size=200),
    values.map(json.dumps),
    near_valid.map(json.dumps),
    near_valid.map(json.dumps).map(lambda text: text[: len(text) // 2]),
)


@FUZZ
@given(st.lists(messages, max_size=12))
def test_the_voice_socket_takes_anything(server: Serving, sent: list[str | bytes]) -> None:
    with Caller(server.socket) as caller:
        caller.hello()
        for message in sent:
            if isinstance(message, str):
                message = message.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
            caller.socket.send(message)
        caller.say("ping")
        while (answer := caller.until("pong", "error"))["type"] != "pong":
            assert answer["code"] in CODES, answer
    assert server.becomes(lambda: server.state.admission.active == 0)


@FUZZ
@given(st.lists(messages, min_size=1, max_size=3))
def test_anything_may_come_first(server: Serving, sent: list[str | bytes]) -> None:
    with Caller(server.socket) as caller, suppress(ConnectionClosed):
        for message in sent:
            if isinstance(message, str):
                message = message.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
            caller.socket.send(message)
        caller.say("ping")
        while (answer := caller.until("pong", "error"))["type"] != "pong":
            assert answer["code"] in CODES | {"hello_first"}, answer
    assert server.becomes(lambda: server.state.admission.active == 0)


texts = values | st.text(min_size=1) | st.just(":")
names = st.lists(st.text(max_size=9), max_size=3)

BODIES: dict[str, st.SearchStrategy[Any]] = {
    "/chat": st.fixed_dictionaries(
        {"text": texts},
        optional=dict.fromkeys(("session_id", "token", "mode", "knowledge", "context"), values)
        | {"collections": values | names},
    ),
    "/tts": st.fixed_dictionaries(
        {"text": texts}, optional=dict.fromkeys(("voice", "rate", "pitch"), values)
    ),
    "/synthesize": st.fixed_dictionaries(
        {"text": texts},
        optional={"format": values | st.sampled_from(["pcm", "wav", "opus"])},
    ),
    "/rag/query": st.fixed_dictionaries(
        {"question": texts},
        optional={"k": values | st.integers(), "stream": values, "collections": values | names},
    ),
    "/rag/search": st.fixed_dictionaries(
        {"query": texts}, optional={"k": values | st.integers(), "collections": values | names}
    ),
    "/rag/collections": st.fixed_dictionaries({"name": values | st.text(max_size=250)}),
    "/rag/ingest": st.fixed_dictionaries(
        {},
        optional={
            "texts": values | st.lists(st.fixed_dictionaries({"title": texts, "text": texts}), max_size=3),
            "urls": values | st.lists(st.text(), max_size=3),
            "collection": values,
        },
    ),
}
KINDS = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=a",
    "audio/wav",
    "audio/L16;rate=16000",
    "audio/L16;rate=",
    "text/plain; charset=nonsense",
    "",
    ";",
]


@pytest.mark.parametrize("path", [*BODIES, "/stt"])
@settings(FUZZ, max_examples=25)
@given(data=st.data())
def test_the_http_faces_take_anything(tidy: httpx.Client, path: str, data: st.DataObject) -> None:
    body = data.draw(
        st.binary(max_size=500) | BODIES.get(path, values).map(lambda value: json.dumps(value).encode())
    )
    kind = data.draw(st.sampled_from(KINDS) if path == "/stt" else st.just(KINDS[0]) | st.sampled_from(KINDS))
    waiting = {"wait": 20} if path == "/rag/ingest" else {}
    answer = tidy.post(path, content=body, params=waiting, headers={"content-type": kind})
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"] in CODES | {
            "audio_empty", "audio_unreadable", "bad_rate", "bad_request", "files_missing", "audio_missing",
            "name_missing", "not_found", "nothing_to_say", "session_busy", "unsupported_type",
        }, error  # fmt: skip
        assert "Traceback" not in error["message"]


@FUZZ
@given(
    name=st.text(max_size=60),
    content=st.binary(max_size=300),
    kind=st.sampled_from(KINDS),
    form=st.fixed_dictionaries({}, optional=dict.fromkeys(("source", "fingerprints"), st.text(max_size=60))),
)
def test_any_file_may_be_uploaded(
    http: httpx.Client, name: str, content: bytes, kind: str, form: dict[str, str]
) -> None:
    name = name.encode("utf-8", "replace").decode()
    form = {key: value.encode("utf-8", "replace").decode() for key, value in form.items()}
    files = [("files", (name or "x", content, kind))]
    answer = http.post("/rag/ingest", params={"wait": 20}, files=files, data=form)
    assert answer.status_code < 500, answer.text
    if answer.status_code == 200:
        for one in answer.json()["documents"]:
            assert one["state"] in ("done", "failed")
            assert one["error"] is None or one["error"]["code"] != "internal", one
            if one["id"]:
                for path in ("/original", "/text"):
                    assert http.get(f"/rag/documents/{one['id']}{path}").status_code == 200
                assert http.delete(f"/rag/documents/{one['id']}").status_code == 204


@FUZZ
@given(id=st.text(max_size=120), data=st.data())
def test_any_id_may_be_asked_for(http: httpx.Client, id: str, data: st.DataObject) -> None:
    id = quote(id.encode("utf-8", "replace").decode(), safe="")
    face = data.draw(
        st.sampled_from(["jobs/{}", "jobs/{}/events", "collections/{}"])
        | st.sampled_from(["documents/{}", "documents/{}/original", "documents/{}/text"])
    )
    method = data.draw(st.sampled_from(["GET", "DELETE", "PATCH"]))
    body = json.dumps(data.draw(values))
    answer = http.request(method, f"/rag/{face.format(id)}", content=body)
    assert answer.status_code < 500, answer.text


@FUZZ
@given(st.dictionaries(st.sampled_from(["after", "limit", "source", "collection"]), st.text(max_size=60)))
def test_any_page_may_be_asked_for(http: httpx.Client, asked: dict[str, str]) -> None:
    asked = {key: value.encode("utf-8", "replace").decode() for key, value in asked.items()}
    for path in ("documents", "jobs"):
        assert http.get(f"/rag/{path}", params=asked).status_code in (200, 422)


# --- what comes before a body -------------------------------------------------------------------

ODD = [
    b"http://[", b"http://[::1", b"http://a:b:c", b"null", b"", b"[", b"]", b"\xff\xfe", b"9" * 5_000, b"-1",
    b"bytes=0-,,-", b"bytes=999999999999999999999-", b"a=b; \xff=; =;;", b"%", b"%zz%00%ff", b"a, b, ,",
    b"multipart/form-data; boundary=", b"multipart/form-data; boundary=\xff; charset=idna", b"\xc3\x28",
    b"audio/L16; rate*=utf-8''%ff; rate*1*=x", b"audio/L16;rate=\xb2", b"application/json; charset=\xff",
    b"text/html;q=x, */*;q=2", b"/;=", b"1.2.3.4, [",
]  # fmt: skip
HEADERS = [
    "origin", "host", "range", "last-event-id", "cookie", "authorization", "if-none-match", "accept",
    "content-type", "content-encoding", "x-request-id", "x-forwarded-for", "x-forwarded-proto", "upgrade",
    "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol", "te", "connection", "expect",
]  # fmt: skip
TARGETS = [
    b"/", b"/chat", b"/stt", b"/rag/ingest", b"/rag/documents", b"/v1/chat/completions", b"/ws/voice",
    b"/static/x", b"/rag/documents/%ff%00%2f..", b"/%", b"/%zz", b"//", b"/\xff", b"*", b"http://[/",
    b"/rag/documents?after=%ff&limit=%00", b"/stt/stream?rate=%ff", b"/v1/models/%ff%fe", b"/rag/jobs/%e2%80",
]  # fmt: skip
METHODS = [b"GET", b"POST", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD"]
header_values = st.sampled_from(ODD) | st.binary(max_size=80).map(
    lambda value: bytes(byte for byte in value if byte not in b"\0\r\n")
)


def answered(server: Serving, method: bytes, target: bytes, headers: dict[str, bytes], body: bytes) -> int:
    """The status of the answer to a request over a bare socket, which takes what clients would not send; 0
    when the server closed on what is no HTTP."""
    head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(method + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body)
        answer = sock.recv(65_536)
    return int(answer.split(b" ", 2)[1]) if answer else 0


@settings(FUZZ, max_examples=150)
@given(
    method=st.sampled_from(METHODS),
    target=st.sampled_from(TARGETS),
    headers=st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=4),
)
@example(b"POST", b"/chat", {"origin": b"http://["})
@example(b"GET", b"/ws/voice", {"origin": b"http://["})
@example(b"POST", b"/stt", {"content-type": b"audio/L16; rate*=utf-8''%ff; rate*1*=x"})
def test_any_headers_may_be_sent(
    server: Serving, method: bytes, target: bytes, headers: dict[str, bytes]
) -> None:
    usual = {"host": b"127.0.0.1", "content-length": b"2", "connection": b"close"}
    if target.startswith((b"/ws", b"/stt/s")):
        usual = {"host": b"127.0.0.1", "connection": b"upgrade", "upgrade": b"websocket"}
        usual |= {"sec-websocket-version": b"13", "sec-websocket-key": b"A" * 22 + b"=="}
    body = b"{}" if "content-length" in usual else b""
    assert answered(server, method, target, usual | headers, body) < 500


@pytest.mark.parametrize("length", [b"", b"-1", b"+2", b"0x2", b"2, 2", b"9" * 19, b"9" * 5_000, b"\xb2"])
def test_any_length_may_be_announced(server: Serving, length: bytes) -> None:
    headers = {"host": b"127.0.0.1", "content-length": length, "connection": b"close"}
    assert answered(server, b"POST", b"/chat", headers, b"{}") in (0, 400, 413)


@pytest.mark.parametrize("path", ["/rag/ingest", "/stt", "/v1/audio/transcriptions"])
@pytest.mark.parametrize("charset", ["punycode", "undefined", "idna", "rot13", "zlib", "\xff", ""])
def test_a_form_may_be_in_any_charset(server: Serving, tidy: httpx.Client, path: str, charset: str) -> None:
    disposition = b'content-disposition: form-data; name="files"; filename="\xff.xn--\xff."\r\n\r\n'
    body = b"--x\r\n" + disposition + b"hello\r\n--x--\r\n"
    headers = {"host": b"127.0.0.1", "content-length": str(len(body)).encode(), "connection": b"close"}
    headers["content-type"] = f"multipart/form-data; boundary=x; charset={charset}".encode("latin-1")
    assert answered(server, b"POST", f"{path}?wait=20".encode(), headers, body) in (200, 400)


def test_a_malformed_origin_is_a_foreign_one(http: httpx.Client, server: Serving) -> None:
    for origin in ("http://[", "null", "", "http://"):
        answer = http.post("/chat", json={"text": "hi"}, headers={"origin": origin})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin"), origin
        with pytest.raises(InvalidStatus) as refused:
            Caller(server.socket, additional_headers={"origin": origin})
        assert refused.value.response.status_code == 403
