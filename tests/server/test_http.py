"""What all HTTP faces share: chat, limits, origins, errors, the page, the description."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest

from serving import Serving

from .caller import Caller

MEGABYTE = b"x" * 1_000_000


def events_of(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


# --- /chat ------------------------------------------------------------------------------------


def test_a_chat_streams_its_turn_and_goes_on(http: httpx.Client, server: Serving) -> None:
    events = events_of(http.post("/chat", json={"text": "what is the weather tomorrow"}).text)
    kinds = [event["type"] for event in events]
    assert kinds[:4] == ["ready", "final", "sources", "delta"]
    assert kinds[-1] == "ended"
    assert "sentence" in kinds
    assert "audio_start" not in kinds
    ready = events[0]
    more = {"text": "and after that", "session_id": ready["session_id"], "token": ready["token"]}
    again = events_of(http.post("/chat", json=more).text)
    assert again[0]["resumed"]
    assert again[-1]["turn"] == 2


def test_a_conversation_looks_in_the_chosen_collections_until_it_is_told_otherwise(
    http: httpx.Client,
) -> None:
    kept: dict[str, str] = {}

    def looked_in(**chosen: Any) -> bool:
        body = {"text": "what is the weather tomorrow"} | kept | chosen
        events = events_of(http.post("/chat", json=body).text)
        kept.update({name: events[0][name] for name in ("session_id", "token")})
        return any(event["type"] == "sources" for event in events)

    assert not looked_in(collections=["default"])
    assert not looked_in()
    assert looked_in(collections=["default", "seed"])
    assert looked_in(collections=[])


def test_a_conversation_open_elsewhere_is_busy(http: httpx.Client, server: Serving) -> None:
    with Caller(server.socket) as caller:
        ready = caller.hello()
        body = {"text": "hi", "session_id": ready["session_id"], "token": ready["token"]}
        answer = http.post("/chat", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_busy")


def test_a_reader_who_leaves_ends_the_turn(undisturbed: Serving, http: httpx.Client) -> None:
    with http.stream("POST", "/chat", json={"text": "tell me everything"}) as answer:
        next(answer.iter_lines())
    llm: Any = undisturbed.state.engines.llm.current
    assert undisturbed.becomes(lambda: llm.running == 0)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"", 422, "bad_request"),
        (b"\xff", 400, "bad_request"),
        (b"[]", 422, "bad_request"),
        (b'{"text":" "}', 400, "empty"),
        (orjson.dumps({"text": "x" * 200_000}), 413, "too_long"),
        (b'{"text":"hi","mode":"psychic"}', 422, "bad_request"),
        (orjson.dumps({"text": "hi", "collections": ["x" * 33]}), 422, "bad_request"),
    ],
)
def test_a_bad_question_gets_its_code(http: httpx.Client, content: bytes, status: int, code: str) -> None:
    answer = http.post("/chat", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/rag/ingest", "/stt", "/chat", "/nowhere"])
def test_a_hundred_megabytes_are_refused_before_they_are_read(undisturbed: Serving, path: str) -> None:
    """Half a body of a hundred megabytes is announced or begun; the answer does not wait for the rest."""
    with httpx.Client(base_url=undisturbed.url, trust_env=False, timeout=20) as http:
        sent = 0

        def body() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(100):
                sent += 1
                yield MEGABYTE

        answer = http.post(path, content=body())
        if path == "/nowhere":  # nobody reads it
            assert answer.status_code == 404
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        headers = {"content-length": "100000000"}
        answer = http.post(path, content=body(), headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("path", "allowed"), [("/chat", 250_000), ("/tts", 250_000), ("/v1/chat/completions", 2_500_000)]
)
def test_json_is_small_because_the_event_loop_parses_it(http: httpx.Client, path: str, allowed: int) -> None:
    kept = http.post(path, content=b"[" + b" " * (allowed - 2) + b"]")
    assert kept.status_code in (400, 422), "it is read"
    refused = http.post(path, content=b"[" + b" " * (allowed - 1) + b"]").json()["error"]
    assert refused["code"] == "too_large"
    assert "NEXUS_LIMITS__BODY" in refused["message"]


def test_documents_may_be_larger_than_other_requests(http: httpx.Client) -> None:
    body = MEGABYTE * 25
    answers = {path: http.post(path, content=body).json()["error"] for path in ("/rag/ingest", "/stt")}
    assert answers["/rag/ingest"]["code"] == "bad_json"
    assert answers["/stt"]["code"] == "too_large"
    assert "NEXUS_LIMITS__UPLOAD" in answers["/stt"]["message"]
    documents = http.post("/rag/ingest", content=body * 2).json()["error"]
    assert documents["code"] == "too_large"
    assert "NEXUS_KNOWLEDGE__UPLOAD" in documents["message"]


def test_a_form_of_a_hundred_megabytes_is_refused(undisturbed: Serving) -> None:
    with httpx.Client(base_url=undisturbed.url, trust_env=False, timeout=20) as http:
        answer = http.post("/rag/ingest", files=[("files", ("big.txt", MEGABYTE * 30))])
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_an_upload_that_breaks_off_leaves_nothing(undisturbed: Serving) -> None:
    def broken() -> Iterator[bytes]:
        yield MEGABYTE
        raise RuntimeError("the plug was pulled")

    with httpx.Client(base_url=undisturbed.url, trust_env=False) as http:
        for path in ("/rag/ingest", "/stt"):
            with pytest.raises(RuntimeError, match="plug"):
                http.post(path, content=broken())


# --- origins and errors -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/chat"), ("POST", "/rag/ingest"), ("POST", "/stt"), ("DELETE", "/rag/documents/x")],
)
def test_a_foreign_page_may_not_change_anything(http: httpx.Client, method: str, path: str) -> None:
    foreign = http.request(method, path, headers={"origin": "https://example.org"})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "foreign_origin")
    own = http.request(method, path, headers={"origin": str(http.base_url).rstrip("/")})
    assert own.status_code != 403


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/chat", 405, "method_not_allowed"),
        ("GET", "/static/nothing.js", 404, "not_found"),
        ("GET", "/static/..%2fpage.py", 404, "not_found"),
    ],
)
def test_errors_have_one_shape(http: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert set(answer.json()) == {"error"}


def test_what_we_cannot_explain_is_not_shown(undisturbed: Serving, http: httpx.Client) -> None:
    knowledge: Any = undisturbed.state.knowledge

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    knowledge.documents = broken
    try:
        answer = http.get("/rag/documents")
    finally:
        del knowledge.documents
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_health(http: httpx.Client) -> None:
    assert http.get("/healthz").json()["status"] == "ok"
    ready = http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["engines"]["stt"] == "fake"


# --- the page ---------------------------------------------------------------------------------


def test_the_page_is_complete_and_guarded(http: httpx.Client) -> None:
    page = http.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "'unsafe" not in page.headers["content-security-policy"]
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "://" not in page.text  # nothing from elsewhere
    for word in page.text.split('"'):
        if word.startswith("/static/"):
            assert http.get(word).status_code == 200, word


def test_an_unchanged_file_is_not_sent_again(http: httpx.Client) -> None:
    first = http.get("/static/app.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = http.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get("/static/app.js", headers={"if-none-match": '"other"'}).status_code == 200
    assert http.head("/static/app.js").content == b""


# --- the description --------------------------------------------------------------------------


def test_the_description_is_whole(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    for path in ("/chat", "/stt", "/tts", "/synthesize", "/voices", "/rag/ingest", "/rag/jobs", "/healthz"):
        assert path in described["paths"]
    for ref in references(described):
        found: Any = described
        for part in ref.removeprefix("#/").split("/"):
            found = found[part]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} is not described"
            assert operation["responses"]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_chats_side_by_side_do_not_mix(http: httpx.Client) -> None:
    def chat(number: int) -> dict[str, Any]:
        return events_of(http.post("/chat", json={"text": f"question {number}"}).text)[1]

    with ThreadPoolExecutor(10) as pool:
        finals = list(pool.map(chat, range(20)))
    assert [final["text"] for final in finals] == [f"question {number}" for number in range(20)]
