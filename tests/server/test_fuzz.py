"""Whatever is sent, the answer has a code, nothing breaks, nothing stays."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from serving import Serving

from .caller import Caller

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
def test_the_http_faces_take_anything(
    server: Serving, http: httpx.Client, path: str, data: st.DataObject
) -> None:
    body = data.draw(
        st.binary(max_size=500) | BODIES.get(path, values).map(lambda value: json.dumps(value).encode())
    )
    kind = data.draw(st.sampled_from(KINDS) if path == "/stt" else st.just(KINDS[0]) | st.sampled_from(KINDS))
    answer = http.post(path, content=body, headers={"content-type": kind})
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
