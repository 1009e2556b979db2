"""Documents in, answers out, over a real connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from serving import Serving, fakes, serving

from .documents import handed_in, tidy

__all__ = ["tidy"]


def test_texts_are_documents_too_and_answers_cite_them(tidy: httpx.Client) -> None:
    texts = [{"title": "Opening hours", "text": "The shop opens at nine and closes at five."}]
    handed_in(tidy, json={"texts": texts})
    reply = tidy.post("/rag/query", json={"question": "When does the shop open?", "k": 1}).json()
    assert reply["answer"].startswith("The forecast")  # the scripted answer
    assert [source["title"] for source in reply["sources"]] == ["Opening hours"]
    assert "opens at nine" in reply["sources"][0]["text"]
    assert reply["sources"][0]["link"].endswith("/text?at=0#passage")


def test_each_sentence_of_an_answer_says_what_it_rests_on(http: httpx.Client, server: Serving) -> None:
    llm = server.state.engines.llm.current
    usual = llm._answer  # type: ignore[attr-defined]
    llm._answer = "It is clear [1]. It is calm.[1][9]"  # type: ignore[attr-defined]
    try:
        reply = http.post("/rag/query", json={"question": "What is the weather tomorrow?"}).json()
    finally:
        llm._answer = usual  # type: ignore[attr-defined]
    assert reply["answer"] == "It is clear. It is calm."
    assert reply["sentences"] == [
        {"text": "It is clear.", "sources": [1]},
        {"text": "It is calm.", "sources": [1]},
    ]


def test_an_answer_streams(http: httpx.Client, server: Serving) -> None:
    body = {"question": "What is the weather tomorrow?", "stream": True}
    with http.stream("POST", "/rag/query", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    events = [orjson.loads(line) for line in lines]
    assert [event["type"] for event in events[:2]] == ["sources", "delta"]
    assert events[0]["sources"][0]["title"] == "Weather"
    assert events[-1]["type"] == "ended"
    shown = "".join(one["text"] for one in events if one["type"] == "delta").strip()
    assert shown == events[-1]["heard"]
    assert " ".join(one["text"] for one in events if one["type"] == "sentence") == shown
    prompt = server.state.engines.llm.current.prompts[-1]  # type: ignore[attr-defined]
    assert not prompt.spoken
    assert prompt.passages[0].title == "Weather"


def test_answers_and_passages_keep_to_the_collections_that_are_named(tidy: httpx.Client) -> None:
    other = tidy.post("/rag/collections", json={"name": "Other"}).json()["id"]
    for collection, hour in (("default", "nine"), (other, "ten")):
        text = {"title": "Opening hours", "text": f"The shop opens at {hour}."}
        handed_in(tidy, json={"texts": [text], "collection": collection})

    def found(**narrowed: Any) -> set[str]:
        body = {"query": "When does the shop open?", **narrowed}
        return {one["text"] for one in tidy.post("/rag/search", json=body).json()["passages"]}

    nine, ten = "The shop opens at nine.", "The shop opens at ten."
    assert {nine, ten} <= found()
    assert nine in found(collections=["default"])
    assert ten not in found(collections=["default"])
    assert found(collections=[other]) == {ten}
    assert found(collections=[]) == found(collections=["nowhere"]) == set()
    assert len(found(k=1)) == 1
    question = {"question": "When does the shop open?", "collections": [other]}
    assert [one["text"] for one in tidy.post("/rag/query", json=question).json()["sources"]] == [ten]


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
    for path, name in (("query", "question"), ("search", "query")):
        sent = {name if key == "question" else key: value for key, value in body.items()}
        answer = http.post(f"/rag/{path}", json=sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_without_a_knowledge_base_the_rest_works(tmp_path: Path) -> None:
    with (
        serving(fakes(tmp_path, knowledge={"enabled": False})) as server,
        httpx.Client(base_url=server.url, trust_env=False) as http,
    ):
        paths = ("GET", "/documents"), ("POST", "/ingest"), ("DELETE", "/documents/x"), ("GET", "/jobs")
        for method, path in paths:
            answer = http.request(method, f"/rag{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "knowledge_off")
        answer = http.post("/rag/query", json={"question": "anything"})
        assert answer.json()["error"]["code"] == "knowledge_off"
        assert "event: ended" in http.post("/chat", json={"text": "hello"}).text


def test_a_question_may_lean_on_earlier_ones(tidy: httpx.Client, server: Serving) -> None:
    body = {"question": "and on sundays?", "history": ["thanks", "When does the shop open?"]}
    assert tidy.post("/rag/query", json=body).status_code == 200
    prompt = server.state.engines.llm.current.prompts[-1]  # type: ignore[attr-defined]
    assert prompt.question == "When does the shop open on sundays?"
    many = {**body, "history": ["Why?"] * 21}
    assert tidy.post("/rag/query", json=many).status_code == 422
