"""Documents in, answers out, over a real connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from serving import Serving, fakes, serving

BANANAS = ("bananas.md", b"# Bananas\n\nBananas are yellow when they are ripe.")


@pytest.fixture
def tidy(http: httpx.Client) -> Iterator[httpx.Client]:
    """Documents that a test adds are gone after it."""
    known = {one["id"] for one in http.get("/rag/documents").json()["documents"]}
    yield http
    for one in http.get("/rag/documents").json()["documents"]:
        if one["id"] not in known:
            assert http.delete(f"/rag/documents/{one['id']}").status_code == 204


def test_files_each_have_a_result_of_their_own(tidy: httpx.Client) -> None:
    files = [("files", BANANAS), ("files", ("tool.exe", b"MZ\0\1" * 99)), ("files", ("empty.txt", b""))]
    results = tidy.post("/rag/ingest", files=files).json()["documents"]
    assert [one["status"] for one in results] == ["added", "failed", "failed"]
    assert results[0]["title"] == "Bananas"
    assert [one["error"]["code"] for one in results[1:]] == ["unsupported_type", "empty_document"]
    assert tidy.post("/rag/ingest", files=files[:1]).json()["documents"][0]["status"] == "unchanged"
    listed = tidy.get("/rag/documents").json()["documents"]
    assert {"bananas.md", "seed/weather.md"} >= {one["name"].split(":")[0] for one in listed}


def test_texts_are_documents_too_and_answers_cite_them(tidy: httpx.Client) -> None:
    texts = [{"title": "Opening hours", "text": "The shop opens at nine and closes at five."}]
    assert tidy.post("/rag/ingest", json={"texts": texts}).json()["documents"][0]["status"] == "added"
    reply = tidy.post("/rag/query", json={"question": "When does the shop open?", "k": 1}).json()
    assert reply["answer"].startswith("The forecast")  # the scripted answer
    assert [source["title"] for source in reply["sources"]] == ["Opening hours"]
    assert "opens at nine" in reply["sources"][0]["text"]


def test_an_answer_streams(http: httpx.Client, server: Serving) -> None:
    body = {"question": "What is the weather tomorrow?", "stream": True}
    with http.stream("POST", "/rag/query", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    events = [orjson.loads(line) for line in lines]
    assert [event["type"] for event in events[:2]] == ["sources", "delta"]
    assert events[0]["sources"][0]["title"] == "Weather"
    assert events[-1]["type"] == "ended"
    assert "".join(one["text"] for one in events[1:-1]).strip() == events[-1]["heard"]
    prompt = server.state.engines.llm.current.prompts[-1]  # type: ignore[attr-defined]
    assert not prompt.spoken
    assert prompt.passages[0].title == "Weather"


def test_a_deleted_document_is_gone(http: httpx.Client) -> None:
    id = http.post("/rag/ingest", files=[("files", BANANAS)]).json()["documents"][0]["id"]
    assert http.delete(f"/rag/documents/{id}").status_code == 204
    gone = http.delete(f"/rag/documents/{id}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")
    sources = http.post("/rag/query", json={"question": "What colour are bananas?"}).json()["sources"]
    assert all(source["title"] != "Bananas" for source in sources)


def test_the_recogniser_is_taught_when_documents_change(server: Serving, tidy: httpx.Client) -> None:
    taught: list[list[str]] = []

    async def bias(sentences: list[str]) -> None:
        taught.append(sentences)

    stt: Any = server.state.engines.stt.current
    stt.bias = bias
    try:
        tidy.post("/rag/ingest", files=[("files", BANANAS)])
        assert server.becomes(lambda: bool(taught))
        assert "Bananas are yellow when they are ripe." in taught[-1]
    finally:
        del stt.bias


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b"{"}, 400, "bad_json"),
        ({"content": b""}, 400, "bad_json"),
        ({"content": b"\xff\xfe"}, 400, "bad_json"),
        ({"json": {"texts": []}}, 422, "bad_request"),
        ({"json": {"texts": [{"title": "x"}]}}, 422, "bad_request"),
        ({"json": []}, 422, "bad_request"),
        ({"files": {"other": (None, "no file")}}, 400, "files_missing"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "bad_request"),
        (
            {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            400,
            "bad_request",
        ),
    ],
)
def test_what_cannot_be_taken_in_gets_its_code(
    http: httpx.Client, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post("/rag/ingest", **sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": ""}, 422, "bad_request"),
        ({"question": " "}, 400, "empty"),
        ({"question": "x" * 8_001}, 413, "too_long"),
        ({"question": "x", "k": 0}, 422, "bad_request"),
        ({"question": "x", "k": 10**30}, 422, "bad_request"),
    ],
)
def test_a_bad_question_gets_its_code(
    http: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post("/rag/query", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_without_a_knowledge_base_the_rest_works(tmp_path: Path) -> None:
    with (
        serving(fakes(tmp_path, knowledge={"enabled": False})) as server,
        httpx.Client(base_url=server.url, trust_env=False) as http,
    ):
        for method, path in (("GET", "/documents"), ("POST", "/ingest"), ("DELETE", "/documents/x")):
            answer = http.request(method, f"/rag{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "knowledge_off")
        answer = http.post("/rag/query", json={"question": "anything"})
        assert answer.json()["error"]["code"] == "knowledge_off"
        assert "event: ended" in http.post("/chat", json={"text": "hello"}).text
