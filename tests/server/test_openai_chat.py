"""`/v1/chat/completions` and `/v1/models`, byte by byte as OpenAI's clients read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest

from nexus_voice.core.chat import Message, ToolCall, ToolStep
from nexus_voice.core.errors import Busy, EngineError
from nexus_voice.engines.extractive.advice import NOT_SEARCHED
from nexus_voice.engines.extractive.llm import ExtractiveLlm
from nexus_voice.engines.fake.engines import Failure, FakeLlm
from nexus_voice.server.openai.prompts import ChatMessage, prompt_of
from nexus_voice.server.openai.stop_sequences import Stops
from serving import Serving

HELLO = [{"role": "user", "content": "hello"}]


@contextmanager
def answering(server: Serving, llm: Any) -> Iterator[None]:
    """The server with this language model, while the block lasts."""
    link = server.state.supply.chains["llm"].links[0]
    kept, link.engine = link.engine, llm
    try:
        yield
    finally:
        link.engine = kept
        link.breaker.succeeded()


def ask(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post("/v1/chat/completions", json={"model": "any", "messages": HELLO, **fields})


def data_of(text: str) -> list[dict[str, Any]]:
    """The stream's events; it must end as it should."""
    *events, done, nothing = text.split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    assert all(event.startswith("data: ") and "\n" not in event for event in events)
    return [orjson.loads(event[6:]) for event in events]


# --- whole and streamed -----------------------------------------------------------------------


def test_a_whole_completion(http: httpx.Client, server: Serving) -> None:
    with answering(server, FakeLlm("Good morning to you.", 0, 0)):
        body = ask(http).json()
    assert body["id"].startswith("chatcmpl-")
    assert (body["object"], body["model"]) == ("chat.completion", "fake")
    assert isinstance(body["created"], int)
    [choice] = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"] == {"role": "assistant", "content": "Good morning to you.", "refusal": None}
    assert body["usage"] == {"prompt_tokens": 2, "completion_tokens": 5, "total_tokens": 7}


def test_advice_is_what_a_client_of_this_interface_can_follow(http: httpx.Client, server: Serving) -> None:
    with answering(server, ExtractiveLlm()):
        asked = [{"role": "user", "content": "who painted the mona lisa"}]
        said = ask(http, messages=asked).json()["choices"][0]["message"]["content"]
        typed = http.post("/chat", json={"text": "who painted the mona lisa", "knowledge": False}).text
    assert said == NOT_SEARCHED["openai"]
    assert "POST /rag/query" in said
    assert "connect a language model to the server" in typed


def test_a_streamed_completion(http: httpx.Client, server: Serving) -> None:
    with answering(server, FakeLlm("Good morning to you.", 0, 0)):
        answer = ask(http, stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    *chunks, usage = data_of(answer.text)
    assert {(one["id"], one["object"], one["model"]) for one in chunks} == {
        (usage["id"], "chat.completion.chunk", "fake")
    }
    deltas = [one["choices"][0]["delta"] for one in chunks]
    assert deltas[0]["role"] == "assistant"
    assert not any("role" in delta for delta in deltas[1:])
    assert "".join(delta.get("content", "") for delta in deltas) == "Good morning to you."
    assert [one["choices"][0]["finish_reason"] for one in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 7
    assert all(one["usage"] is None for one in chunks)


def test_usage_is_not_streamed_unasked(http: httpx.Client) -> None:
    assert not any("usage" in chunk for chunk in data_of(ask(http, stream=True).text))


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_that_is_too_long_is_cut(http: httpx.Client, server: Serving, name: str) -> None:
    llm = FakeLlm("one two three four five", 0, 0)
    with answering(server, llm):
        [choice] = ask(http, **{name: 3}).json()["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one two three", "length")
    assert llm.prompts[-1].max_tokens == 3
    assert llm.running == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stop", ["ee fo", ["nowhere", " three"]])
def test_an_answer_ends_before_a_stop_sequence(
    http: httpx.Client, server: Serving, stop: Any, stream: bool
) -> None:
    with answering(server, FakeLlm("one two three four", 0, 0)):
        answer = ask(http, stop=stop, stream=stream)
    if stream:
        chunks = [one["choices"][0] for one in data_of(answer.text)]
        text, finish = "".join(one["delta"].get("content", "") for one in chunks), chunks[-1]["finish_reason"]
    else:
        [choice] = answer.json()["choices"]
        text, finish = choice["message"]["content"], choice["finish_reason"]
    assert text == ("one two thr" if stop == "ee fo" else "one two")
    assert finish == "stop"


def test_what_begins_like_a_stop_sequence_is_said_in_the_end() -> None:
    stops = Stops(["###"])
    assert [stops.feed(piece) for piece in ("a#", "#b", "#")] == ["a", "##b", ""]
    assert stops.rest() == "#"
    assert not stops.found


# --- tools ------------------------------------------------------------------------------------

TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}},
}
CALL = ToolCall("call_1", "look", {"at": "ü"})


def test_a_tool_call_whole(http: httpx.Client, server: Serving) -> None:
    with answering(server, FakeLlm("", 0, 0, tool_calls=[CALL])):
        [choice] = ask(http, tools=[TOOL]).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    [call] = choice["message"]["tool_calls"]
    assert call == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "look", "arguments": '{"at":"ü"}'},
    }


def test_a_tool_call_streamed(http: httpx.Client, server: Serving) -> None:
    two = [CALL, ToolCall("call_2", "look", {})]
    with answering(server, FakeLlm("", 0, 0, tool_calls=two, before="Let me see.")):
        chunks = data_of(ask(http, tools=[TOOL], stream=True).text)
    calls = [call for one in chunks for call in one["choices"][0]["delta"].get("tool_calls", ())]
    assert [(call["index"], call["id"], call["type"]) for call in calls] == [
        (0, "call_1", "function"),
        (1, "call_2", "function"),
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_tools_are_not_offered_when_none_may_be_called(http: httpx.Client, server: Serving) -> None:
    with answering(server, FakeLlm("no", 0, 0, tool_calls=[CALL])):
        [choice] = ask(http, tools=[TOOL], tool_choice="none").json()["choices"]
    assert choice["message"]["content"] == "no"


def test_a_tools_result_goes_back_to_the_model(http: httpx.Client, server: Serving) -> None:
    llm = FakeLlm("There is a tree.", 0, 0, tool_calls=[CALL])
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "ü"}'}}
    messages = [
        {"role": "developer", "content": "Be blunt."},
        {"role": "user", "content": [{"type": "text", "text": "what is there"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a tree"},
    ]
    with answering(server, llm):
        [choice] = ask(http, messages=messages, tools=[TOOL]).json()["choices"]
    assert choice["message"]["content"] == "There is a tree."
    prompt = llm.prompts[-1]
    assert (prompt.system, prompt.question) == ("Be blunt.", "what is there")
    assert prompt.steps == (ToolStep(CALL, "a tree"),)


def test_history_is_in_order() -> None:
    call = {"id": "1", "function": {"name": "look", "arguments": "{}"}}
    lines: list[dict[str, Any]] = [
        {"role": "system", "content": "A."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "seen"},
        {"role": "assistant", "content": "answer"},
        {"role": "system", "content": "B."},
        {"role": "user", "content": "second"},
    ]
    prompt = prompt_of([ChatMessage.model_validate(line) for line in lines], 10)
    assert (prompt.system, prompt.question, prompt.steps) == ("A.\n\nB.", "second", ())
    assert prompt.history == (
        Message("user", "first"),
        Message("assistant", "I look."),
        Message("tool", "seen", ToolStep(ToolCall("1", "look", {}), "seen")),
        Message("assistant", "answer"),
    )


# --- refusals ---------------------------------------------------------------------------------

LOOSE = {"role": "tool", "tool_call_id": "9", "content": "?"}
OPEN = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": "{}"}}]}
TORN = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": "{"}}]}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"messages": []}, "messages", "bad_request"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role", "bad_request"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "invalid_value"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "x"}]}, "messages", "invalid_value"),
        ({"messages": [*HELLO, LOOSE]}, "messages", "invalid_value"),
        ({"messages": [*HELLO, OPEN]}, "messages", "invalid_value"),
        ({"messages": [*HELLO, TORN]}, "messages", "invalid_value"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages",
            "unsupported_content",
        ),
        ({"n": 2}, "n", "invalid_value"),
        ({"response_format": {"type": "json_object"}}, "response_format", "invalid_value"),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "bad_request"),
    ],
)
def test_a_bad_request_is_told_in_openais_shape(
    http: httpx.Client, fields: dict[str, Any], param: str, code: str
) -> None:
    answer = ask(http, **fields)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"]


def test_what_is_unknown_is_ignored(http: httpx.Client) -> None:
    assert ask(http, temperature=0.2, seed=1, user="me", reasoning_effort="low").status_code == 200


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Busy("Full.", retry_after=7), 429, "rate_limit_error"),
        (EngineError("Gone.", code="llm_unavailable"), 502, "server_error"),
        (EngineError("Later.", code="llm_rate_limit", status=503, retry_after=7), 503, "server_error"),
    ],
)
def test_a_failing_model_is_an_honest_answer(
    http: httpx.Client, server: Serving, error: Exception, status: int, kind: str, stream: bool
) -> None:
    with answering(server, FakeLlm("x", 0, 0, fail=Failure(error=error))):
        answer = ask(http, stream=stream)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == kind
    assert answer.headers.get("retry-after") == (None if status == 502 else "7")


def test_a_model_that_dies_in_the_middle_is_no_whole_answer(http: httpx.Client, server: Serving) -> None:
    llm = FakeLlm("one two three", 0, 0, fail=Failure(after=2))
    with answering(server, llm):
        whole = ask(http)
        streamed = ask(http, stream=True).text
    assert (whole.status_code, whole.json()["error"]["code"]) == (502, "engine_failed")
    assert "[DONE]" not in streamed
    last = orjson.loads(streamed.rstrip().rpartition("data: ")[2])
    assert (last["error"]["type"], last["error"]["code"]) == ("server_error", "engine_failed")


def test_a_path_that_is_not_there_is_told_in_openais_shape(http: httpx.Client) -> None:
    for path in ("/v1/nothing", "/v1/models/gpt-9"):
        answer = http.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    assert answer.json()["error"]["code"] == "model_not_found"
    assert http.get("/v1/chat/completions").json()["error"]["code"] == "method_not_allowed"
    big = http.post("/v1/chat/completions", content=b"x" * 21_000_000)
    assert (big.status_code, big.json()["error"]["type"]) == (413, "invalid_request_error")


def test_a_reader_who_leaves_ends_the_completion(undisturbed: Serving, http: httpx.Client) -> None:
    llm = FakeLlm("and so on " * 10_000, 0, 0.01)
    with answering(undisturbed, llm):
        with http.stream("POST", "/v1/chat/completions", json={"messages": HELLO, "stream": True}) as answer:
            next(answer.iter_lines())
        assert undisturbed.becomes(lambda: llm.running == 0)
    assert undisturbed.becomes(lambda: undisturbed.state.queues["llm"].active == 0)


# --- models -----------------------------------------------------------------------------------


def test_the_models_are_listed(http: httpx.Client) -> None:
    body = http.get("/v1/models").json()
    assert body["object"] == "list"
    assert [one["id"] for one in body["data"]] == ["fake"]
    assert {type(one["created"]) for one in body["data"]} == {int}
    assert http.get("/v1/models/fake").json() == body["data"][0]


def test_a_models_name_selects_it(http: httpx.Client, server: Serving) -> None:
    chain = server.state.supply.chains["llm"]
    second = FakeLlm("from the second", 0, 0)
    second.name = "lab/second"
    link = server.inside(lambda: chain.insert(1, second))
    try:
        assert http.get("/v1/models/lab/second").json()["id"] == "lab/second"
        body = ask(http, model="lab/second").json()
        assert (body["model"], body["choices"][0]["message"]["content"]) == ("lab/second", "from the second")
        assert ask(http, model="gpt-4o").json()["model"] == "fake"
    finally:
        server.inside(lambda: chain.remove(link))
