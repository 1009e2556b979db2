"""The OpenAI-compatible adapter against a real HTTP server on the loopback, on asyncio and trio."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.core.chat import Prompt, ToolCall, Usage
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.openai.llm import OpenAiLlm
from nexus_voice.engines.openai.wire import Answer
from openai_server import (
    CALLED,
    DONE,
    ROLE,
    STOP,
    USAGE,
    OpenAiServer,
    Reply,
    chunk,
    event,
    fragment,
    refusal,
    saying,
    serving,
)

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]
KEY = "sk-secret-123"
HELLO = Prompt("Hello")


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    async with serving() as server:
        yield server


@dataclass
class Weather:
    name: str = "weather"
    description: str = "The weather in a city."
    parameters: dict[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {"city": {"type": "string"}}}
    )
    side_effects: bool = False

    async def __call__(self, **arguments: Any) -> str:
        return "rain"


async def asked(llm: OpenAiLlm, prompt: Prompt = HELLO, *tools: Any) -> list[str | ToolCall]:
    async with aclosing(llm.stream(prompt, tools)) as pieces:
        return [piece async for piece in pieces]


async def refused(server: OpenAiServer, *replies: Reply, **options: Any) -> EngineError:
    server.replies.extend(replies)
    async with OpenAiLlm(server.url, KEY, "m", **options) as llm:
        with pytest.raises(EngineError) as caught:
            await asked(llm)
        assert KEY not in caught.value.message
        assert await asked(llm)  # the next question works
    return caught.value


async def test_streams_pieces_and_sends_what_is_set(server: OpenAiServer) -> None:
    server.replies.append(Reply(saying("Hel", "lo", " there.")))
    llm = OpenAiLlm(server.url + "/", KEY, "big", "tiny", temperature=0.5, extra={"seed": 7, "top_p": 0.9})
    async with llm:
        assert await asked(llm, Prompt("Hi", system="Be kind.", max_tokens=99)) == ["Hel", "lo", " there."]
        await asked(llm, Prompt("Hi", size="small"))
    first, second = server.posts
    assert first.path == "/v1/chat/completions"
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.body["messages"][0]["content"].startswith("Be kind.")
    assert first.body["messages"][-1] == {"role": "user", "content": "Hi"}
    sent = {
        key: first.body.get(key) for key in ("model", "stream", "max_tokens", "temperature", "seed", "top_p")
    }
    assert sent == {
        "model": "big",
        "stream": True,
        "max_tokens": 99,
        "temperature": 0.5,
        "seed": 7,
        "top_p": 0.9,
    }
    assert "tools" not in first.body
    assert second.body["model"] == "tiny"
    assert llm.name == "openai:big"


async def test_a_connection_is_reused_and_no_key_sends_no_header(server: OpenAiServer) -> None:
    async with OpenAiLlm(server.url, model="m", keep_alive=True) as llm:
        assert await llm.models() == server.models
        for _ in range(3):
            assert "".join(map(str, await asked(llm))) == "You said: Hello"
    assert server.connections == 1
    assert "authorization" not in server.posts[0].headers


async def test_a_kept_connection_that_died_is_replaced(server: OpenAiServer) -> None:
    server.replies.append(Reply(saying("One."), end="close"))
    async with OpenAiLlm(server.url, model="m", keep_alive=True) as llm:
        assert await asked(llm) == ["One."]
        await server.closed.wait()
        assert await asked(llm) == ["You said:", " Hello"]
    assert server.connections == 2
    assert len(server.posts) == 2


async def test_a_server_on_this_machine_may_close_each_connection_without_saying_so(
    server: OpenAiServer,
) -> None:
    server.replies.extend([Reply(saying(str(n)), end="close") for n in range(5)])
    async with OpenAiLlm(server.url, model="m") as llm:
        for n in range(5):
            assert await asked(llm) == [str(n)]
    assert (server.connections, len(server.posts)) == (5, 5)


async def test_without_a_model_the_servers_first_chat_model_is_asked_for_once(server: OpenAiServer) -> None:
    server.replies.extend([Reply(saying("a")), Reply(saying("b")), refusal(404, "The model does not exist")])
    async with OpenAiLlm(server.url) as llm:
        assert llm.name == "openai"
        await asked(llm)
        await asked(llm)
        assert llm.name == "openai:first-chat"
        assert [post.body["model"] for post in server.posts] == ["first-chat"] * 2
        assert len(server.requests) == 3
        server.models = ["replacement"]
        with pytest.raises(EngineError):
            await asked(llm)
        await asked(llm)
        assert server.posts[-1].body["model"] == "replacement"


async def test_a_server_without_models_says_so(server: OpenAiServer) -> None:
    server.models = []
    async with OpenAiLlm(server.url) as llm:
        with pytest.raises(EngineError, match="has no model") as caught:
            await asked(llm)
    assert caught.value.code == "llm_model"


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_cancelling_closes_the_stream_at_once(server: OpenAiServer, after: int) -> None:
    never = anyio.Event()
    started = anyio.Event()
    pieces: list[bytes | anyio.Event] = [ROLE, chunk({"content": "One"}), chunk({"content": " two"}), never]
    server.replies.append(Reply([*pieces[: after + 1], never], before=never if after == 0 else None))
    got: list[Any] = []

    async def listen(llm: OpenAiLlm) -> None:
        async with aclosing(llm.stream(HELLO)) as stream:
            async for piece in stream:
                got.append(piece)
                if len(got) == after:
                    started.set()

    async with OpenAiLlm(server.url, model="m") as llm, anyio.create_task_group() as tasks:
        tasks.start_soon(listen, llm)
        if after:
            await started.wait()
        else:
            while not server.requests:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
        with anyio.fail_after(2, shield=True):
            await server.gone.wait()  # the server sees it while the client still stands here
    assert len(got) == after


async def test_leaving_the_generator_closes_the_stream(server: OpenAiServer) -> None:
    server.replies.append(Reply([ROLE, chunk({"content": "One"}), anyio.Event()]))
    async with OpenAiLlm(server.url, model="m") as llm:
        async with aclosing(llm.stream(HELLO)) as stream:
            assert await anext(stream) == "One"
        with anyio.fail_after(2):
            await server.gone.wait()
        assert await asked(llm)


async def test_timeouts_of_the_first_and_of_each_further_token(server: OpenAiServer) -> None:
    never = anyio.Event()
    held = [
        Reply(before=never),
        Reply([ROLE, never]),
        Reply([ROLE, b": keep-alive\n\n", never]),
    ]
    for reply in held:
        error = await refused(server, reply, first_token=0.05, between_tokens=30)
        assert (error.code, error.status, error.retryable) == ("llm_timeout", 504, True)
        assert "nothing for 0.05 s" in error.message
        assert "NEXUS_LLM__FIRST_TOKEN" in error.message
    error = await refused(server, Reply([ROLE, chunk({"content": "One"}), never]), between_tokens=0.05)
    assert error.code == "llm_timeout"
    assert "NEXUS_LLM__BETWEEN_TOKENS" in error.message


async def test_a_slow_listener_is_no_slow_server(server: OpenAiServer) -> None:
    server.replies.append(Reply(saying("One", " two")))
    async with (
        OpenAiLlm(server.url, model="m", first_token=5, between_tokens=0.05) as llm,
        aclosing(llm.stream(HELLO)) as stream,
    ):
        assert await anext(stream) == "One"
        await anyio.sleep(0.1)  # real time must pass: this is a real socket's clock
        assert [piece async for piece in stream] == [" two"]


@pytest.mark.parametrize(
    ("reply", "code", "retryable", "says"),
    [
        (
            refusal(401, f"Incorrect API key {KEY}", "invalid_api_key"),
            "llm_auth",
            False,
            "NEXUS_LLM__API_KEY",
        ),
        (refusal(403, "no"), "llm_auth", False, "NEXUS_LLM__API_KEY"),
        (refusal(404, "The model `m` does not exist"), "llm_model", False, "NEXUS_LLM__MODEL"),
        (refusal(429, "slow down", "rate_limit", retry_after="7"), "llm_rate_limit", True, "in 7 s"),
        (refusal(429, "slow down"), "llm_rate_limit", True, "in a moment"),
        (refusal(429, "You exceeded your current quota"), "llm_quota", False, "no credit"),
        (refusal(500, f"oops {KEY}"), "llm_unavailable", True, "oops ***"),
        (refusal(503, "Loading model"), "llm_unavailable", True, "Loading model"),
        (refusal(400, "context length is 4096"), "llm_request", False, "context length is 4096"),
        (Reply([b"<html>Bad gateway</html>"], 502, "text/html"), "llm_unavailable", True, "502"),
        (
            Reply([b'{"error": "model loading"}'], 500, "application/json"),
            "llm_unavailable",
            True,
            "model loading",
        ),
        (Reply([b"[1]"], 400, "application/json"), "llm_request", False, "400"),
    ],
)
async def test_refusals_are_plain(
    server: OpenAiServer, reply: Reply, code: str, retryable: bool, says: str
) -> None:
    error = await refused(server, reply)
    assert (error.code, error.retryable) == (code, retryable)
    assert says in error.message


async def test_retry_after_is_passed_on(server: OpenAiServer) -> None:
    for status, waits in ((429, "7"), (503, "7")):
        assert (await refused(server, refusal(status, "busy", retry_after=waits))).retry_after == 7.0
    assert (await refused(server, refusal(429, "busy"))).retry_after == 0.0


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        (Reply([ROLE, chunk({"content": "Hal"})], end="cut"), "llm_stream_broken", True),
        (Reply([ROLE, chunk({"content": "Hal"})]), "llm_stream_broken", True),
        (Reply([ROLE, b"data: {oops\n\n"]), "llm_malformed", True),
        (Reply([ROLE, b"data: 17\n\n"]), "llm_malformed", True),
        (Reply([ROLE, event({"choices": [17]})]), "llm_malformed", True),
        (Reply([chunk({"content": 17})]), "llm_malformed", True),
        (Reply([b"<html>Welcome!</html>"], type="text/html"), "llm_malformed", True),
        (Reply([]), "llm_malformed", True),
        (Reply([ROLE, b"data: " + b"x" * 2_000_000]), "llm_malformed", True),
        (
            Reply([ROLE, event({"error": {"message": "CUDA out of memory", "code": 500}})]),
            "llm_unavailable",
            True,
        ),
        (Reply([event({"error": "runner died"})]), "llm_unavailable", True),
        (Reply([event({"object": "error", "message": "no", "code": 400})]), "llm_request", False),
        (Reply([event({"error": {"message": "x", "type": "rate_limit_error"}})]), "llm_rate_limit", True),
        (Reply([ROLE, chunk({}, "content_filter"), DONE]), "llm_filtered", False),
        (Reply([ROLE, fragment(0, '{"city": ', "c1", "weather"), CALLED, DONE]), "llm_bad_tool_call", True),
        (Reply([ROLE, fragment(0, "[1]", "c1", "weather"), CALLED, DONE]), "llm_bad_tool_call", True),
        (Reply([ROLE, fragment(0, "{}", "c1"), CALLED, DONE]), "llm_bad_tool_call", True),
    ],
)
async def test_bad_streams_fail_their_answer_only(
    server: OpenAiServer, reply: Reply, code: str, retryable: bool
) -> None:
    error = await refused(server, reply)
    assert (error.code, error.retryable) == (code, retryable)


async def test_no_server_at_the_address() -> None:
    async with serving() as server:
        url = server.url
    async with OpenAiLlm(url.replace("http://", "http://user:pw@"), model="m") as llm:
        with pytest.raises(EngineError) as caught:
            await asked(llm)
    assert (caught.value.code, caught.value.retryable) == ("llm_unreachable", True)
    assert url in caught.value.message
    assert "pw" not in caught.value.message
    assert "ollama serve" in caught.value.message


@pytest.mark.parametrize(
    "url", ["", "localhost:11434", "ftp://x/v1", "http://", "http://[::1", "http://a:b/v1"]
)
async def test_a_bad_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(BadInput, match="NEXUS_LLM__BASE_URL"):
        OpenAiLlm(url)


async def test_a_password_in_the_address_is_sent_and_not_shown(
    server: OpenAiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with OpenAiLlm(server.url.replace("http://", "http://ada:pw123@"), model="m") as llm:
        await asked(llm)
    assert server.posts[0].headers["authorization"] == "Basic YWRhOnB3MTIz"
    assert "pw123" not in caplog.text


async def test_the_address_is_completed(server: OpenAiServer) -> None:
    for url in (server.url.removesuffix("/v1"), server.url + "/chat/completions"):
        async with OpenAiLlm(url, model="m") as llm:
            await asked(llm)
    assert {request.path for request in server.requests} == {"/v1/chat/completions"}


async def test_the_new_name_of_max_tokens_is_learnt(server: OpenAiServer) -> None:
    server.replies.append(refusal(400, "Unsupported parameter: use 'max_completion_tokens' instead."))
    async with OpenAiLlm(server.url, model="gpt") as llm:
        await asked(llm, Prompt("Hi", max_tokens=50))
        await asked(llm, Prompt("Hi", max_tokens=60))
    limits = [(p.body.get("max_tokens"), p.body.get("max_completion_tokens")) for p in server.posts]
    assert limits == [(50, None), (None, 50), (None, 60)]


async def test_tool_calls_are_put_together_and_come_after_the_text(server: OpenAiServer) -> None:
    server.replies.append(
        Reply(
            [
                ROLE,
                fragment(0, "", "c1", "weather"),
                fragment(1, "", "c2", "weather"),
                fragment(0, '{"city": "K'),
                chunk({"content": "Let me look."}),
                fragment(1, '{"city": "Rome"}'),
                fragment(0, 'öln"}'),
                CALLED,
                DONE,
            ]
        )
    )
    async with OpenAiLlm(server.url, model="m") as llm:
        got = await asked(llm, HELLO, Weather())
    calls = [ToolCall("c1", "weather", {"city": "Köln"}), ToolCall("c2", "weather", {"city": "Rome"})]
    assert got == ["Let me look.", *calls]
    offered = server.posts[0].body["tools"][0]
    assert offered["type"] == "function"
    assert offered["function"]["name"] == "weather"
    assert offered["function"]["parameters"]["properties"] == {"city": {"type": "string"}}


@pytest.mark.parametrize(
    ("fragments", "names"),
    [
        ([fragment(0, "{}", "a", "x"), fragment(0, "{}", "b", "y")], ["x", "y"]),  # all numbered 0
        ([fragment(None, "{}", "a", "x"), fragment(None, "{}", "b", "y")], ["x", "y"]),  # not numbered
        ([fragment(0, "{", "a", "x"), fragment(0, "}", "a")], ["x"]),  # the id repeated
        ([fragment(0, "", "a", "x")], ["x"]),  # no arguments
        ([fragment(0, "null", "", "x")], ["x"]),  # no id
    ],
)
async def test_dialects_of_tool_calls(server: OpenAiServer, fragments: list[bytes], names: list[str]) -> None:
    server.replies.append(Reply([ROLE, *fragments, CALLED, DONE]))
    async with OpenAiLlm(server.url, model="m") as llm:
        calls = await asked(llm, HELLO, Weather())
    assert [(call.name, call.arguments) for call in calls if isinstance(call, ToolCall)] == [
        (name, {}) for name in names
    ]
    assert all(isinstance(call, ToolCall) and call.id for call in calls)


async def test_odd_but_legal_streams(server: OpenAiServer) -> None:
    reasoning = chunk({"reasoning_content": "hmm", "content": None})
    server.replies.extend(
        [
            Reply(
                [
                    b": ping\r\n\r\n",
                    chunk({"content": "Hi"}, end=b"\r\n\r\n"),
                    chunk({}, "stop"),
                    b"data: [DONE]\r\n\r\n",
                ]
            ),
            Reply([b"event: x\nid: 1\nretry: 5\n", chunk({"content": "Hi"}), STOP]),  # no [DONE]
            Reply(
                [
                    USAGE,
                    reasoning,
                    chunk({"content": "Hi"}),
                    event({"choices": [{"finish_reason": "stop"}]}),
                    DONE,
                ]
            ),
            Reply([chunk({"content": "Hi"}), STOP + DONE[:-2]]),  # the last line without its end
            Reply([chunk({"content": "Hi"}), chunk({}, "length"), DONE]),
            Reply([b"".join(saying("Hi"))]),  # all in one segment
        ]
    )
    async with OpenAiLlm(server.url, model="m") as llm:
        for _ in range(len(server.replies)):
            assert await asked(llm) == ["Hi"]


async def test_characters_split_across_segments(server: OpenAiServer) -> None:
    whole = b"".join(saying("Grüße", " 你好", " 👋🏽"))
    server.replies.append(Reply([whole[i : i + 1] for i in range(len(whole))]))
    async with OpenAiLlm(server.url, model="m") as llm:
        assert await asked(llm) == ["Grüße", " 你好", " 👋🏽"]


async def test_the_key_is_in_no_log(server: OpenAiServer, caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger)
    await refused(server, refusal(500, f"bad {KEY}"))
    assert caplog.records
    assert KEY not in caplog.text


async def test_the_loopback_goes_through_no_proxy(
    server: OpenAiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with OpenAiLlm(server.url, model="m") as llm:
        assert await asked(llm) == ["You said:", " Hello"]


async def test_use_before_entering_is_a_clear_mistake() -> None:
    with pytest.raises(RuntimeError, match="entered"):
        await asked(OpenAiLlm(model="m"))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "tool_calls", "function", "index", "content", "usage"]),
            inner,
        )
    ),
)


@given(st.lists(JUNK, max_size=3))
def test_garbage_gives_text_or_an_error_that_is_expected(chunks: list[Any]) -> None:
    answer = Answer()
    with suppress(EngineError, TypeError, AttributeError, KeyError, ValueError, IndexError):
        assert all(isinstance(answer.take(chunk), str) for chunk in chunks)
        assert all(isinstance(call.arguments, dict) for call in answer.tool_calls())


async def test_tokens_are_counted_as_the_server_counts(server: OpenAiServer) -> None:
    async with OpenAiLlm(server.url, model="m") as llm:
        for _ in range(2):
            async with aclosing(llm.stream(HELLO)) as pieces:
                assert [piece async for piece in pieces]
        assert llm.usage == Usage(18, 6)
    assert all(post.body["stream_options"] == {"include_usage": True} for post in server.posts)


async def test_a_server_that_knows_no_stream_options_is_asked_without(server: OpenAiServer) -> None:
    server.replies.append(refusal(400, "Unrecognized request argument supplied: stream_options"))
    server.replies.append(refusal(400, "Use 'max_completion_tokens' instead."))
    async with OpenAiLlm(server.url, model="m") as llm:
        for _ in range(2):
            async with aclosing(llm.stream(HELLO)) as pieces:
                assert [piece async for piece in pieces]
    assert ["stream_options" in post.body for post in server.posts] == [True, False, False, False]
    assert ["max_completion_tokens" in post.body for post in server.posts] == [False, False, True, True]
