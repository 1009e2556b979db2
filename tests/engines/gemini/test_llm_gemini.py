"""The Gemini adapter against a real HTTP server on the loopback, on asyncio and trio."""

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

from nexus_voice.core.chat import Message, Passage, Prompt, ToolCall, ToolStep, Usage
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.gemini.llm import MAX_SIGNATURES, GeminiLlm
from nexus_voice.engines.gemini.wire import Answer
from openai_server import Reply
from vendors.gemini import BAD_KEY, QUOTA, call, chunk, event, refusal, retry_info, saying, text, usual
from vendors.loopback import Vendor, serving

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]
KEY = "AIzaSecret123"
HELLO = Prompt("Hello")


@pytest.fixture
async def server() -> AsyncIterator[Vendor]:
    async with serving(usual) as server:
        yield server


@dataclass
class Weather:
    name: str = "weather"
    description: str = "The weather in a city."
    parameters: dict[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"city": {"type": "string", "minLength": 1}},
            "required": ["city"],
            "additionalProperties": False,
        }
    )
    side_effects: bool = False

    async def __call__(self, **arguments: Any) -> str:
        return "rain"


@dataclass
class Clock(Weather):
    name: str = "clock"
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


async def asked(llm: GeminiLlm, prompt: Prompt = HELLO, *tools: Any) -> list[str | ToolCall]:
    async with aclosing(llm.stream(prompt, tools)) as pieces:
        return [piece async for piece in pieces]


async def refused(server: Vendor, *replies: Reply, **options: Any) -> EngineError:
    server.replies.extend(replies)
    async with GeminiLlm(KEY, base_url=server.url, **options) as llm:
        with pytest.raises(EngineError) as caught:
            await asked(llm)
        assert KEY not in caught.value.message
        assert await asked(llm)  # the next question works
    return caught.value


async def test_streams_pieces_and_sends_what_is_set(server: Vendor) -> None:
    llm = GeminiLlm(KEY, base_url=server.url + "/v1beta/")
    server.replies.append(Reply(saying("Hel", "lo", " there.")))
    async with llm:
        prompt = Prompt(
            "Which button?",
            system="Be kind.",
            context="Page: pumps",
            passages=(Passage("The <blue> one.", "d", "Manual"),),
            history=(Message("user", "Hi"), Message("assistant", "Hello.")),
            max_tokens=99,
        )
        assert await asked(llm, prompt) == ["Hel", "lo", " there."]
        await asked(llm, Prompt("Hi", size="small"))
    first, second = server.requests
    assert first.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert second.path == "/v1beta/models/gemini-2.5-flash-lite:streamGenerateContent?alt=sse"
    assert first.headers["x-goog-api-key"] == KEY
    assert KEY not in first.path
    assert first.body["systemInstruction"]["parts"][0]["text"].startswith("Be kind.")
    assert [content["role"] for content in first.body["contents"]] == ["user", "model", "user"]
    question = first.body["contents"][-1]["parts"][0]["text"]
    assert question.endswith("Which button?")
    assert "The &lt;blue> one." in question
    assert first.body["generationConfig"] == {"maxOutputTokens": 99, "thinkingConfig": {"thinkingBudget": 0}}
    assert "tools" not in first.body
    assert llm.name == "gemini:gemini-2.5-flash"


@pytest.mark.parametrize(
    ("model", "thinking", "tokens"),
    [
        ("gemini-2.5-flash-lite", {"thinkingBudget": 0}, 100),
        ("gemini-2.5-pro", {"thinkingBudget": 128}, 228),
        ("models/gemini-3-flash-preview", {"thinkingLevel": "low"}, 1124),
        ("gemini-2.0-flash", None, 100),
        ("gemini-flash-latest", None, 1124),
    ],
)
async def test_as_little_thinking_as_the_model_allows(
    server: Vendor, model: str, thinking: Any, tokens: int
) -> None:
    async with GeminiLlm(KEY, base_url=server.url, model=model) as llm:
        await asked(llm, Prompt("Hi", max_tokens=100))
    config = server.requests[0].body["generationConfig"]
    assert (config.get("thinkingConfig"), config["maxOutputTokens"]) == (thinking, tokens)


async def test_ready_checks_the_key_and_the_model_and_keeps_the_connection(server: Vendor) -> None:
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        await llm.ready()
        await asked(llm)
        await asked(llm)
    assert server.requests[0].path == "/v1beta/models/gemini-2.5-flash"
    assert server.connections == 1
    async with GeminiLlm(KEY, base_url=server.url, model="gemini-9/../x") as llm:
        with pytest.raises(EngineError, match="is not found for API version") as caught:
            await llm.ready()
    assert (caught.value.code, caught.value.retryable) == ("llm_request", False)
    assert server.requests[-1].path == "/v1beta/models/gemini-9%2F..%2Fx"


async def test_thoughts_are_not_said(server: Vendor) -> None:
    thought = chunk({"text": "The user says hello.", "thought": True})
    server.replies.append(Reply([thought, chunk({"text": "He"}, {"text": "llo"}), text("!", "MAX_TOKENS")]))
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        assert await asked(llm) == ["He", "llo", "!"]


async def test_tools_are_offered_called_and_answered(server: Vendor) -> None:
    server.replies.append(
        Reply(
            [
                text("Let me look."),
                call("weather", {"city": "Köln"}, "c2lnbmVk"),
                call("clock", {}),
                text("", "STOP"),
            ]
        )
    )
    async with GeminiLlm(KEY, base_url=server.url, model="gemini-3-flash") as llm:
        said, weather, clock = await asked(llm, HELLO, Weather(), Clock())
        assert said == "Let me look."
        assert isinstance(weather, ToolCall)
        assert isinstance(clock, ToolCall)
        assert (weather.name, weather.arguments) == ("weather", {"city": "Köln"})
        assert (clock.name, clock.arguments) == ("clock", {})
        assert len({weather.id, clock.id, ""}) == 3
        steps = (ToolStep(weather, "rain"), ToolStep(clock, "broken", ok=False))
        await asked(llm, Prompt("Hello", steps=steps), Weather())
    offered = server.requests[0].body["tools"][0]["functionDeclarations"]
    assert offered[0]["parametersJsonSchema"] == Weather().parameters
    assert set(offered[1]) == {"name", "description"}
    question, *rest = server.requests[1].body["contents"]
    assert question == {"role": "user", "parts": [{"text": "Hello"}]}
    assert rest == [
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"name": "weather", "args": {"city": "Köln"}},
                    "thoughtSignature": "c2lnbmVk",
                }
            ],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "weather", "response": {"result": "rain"}}}],
        },
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"name": "clock", "args": {}},
                    "thoughtSignature": "skip_thought_signature_validator",
                }
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "clock", "response": {"result": "The tool failed: broken"}}}
            ],
        },
    ]


async def test_older_models_get_no_made_up_signature(server: Vendor) -> None:
    steps = (ToolStep(ToolCall("c1", "weather", {"city": "Rome"}), "sun"),)
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        server.replies.append(Reply(saying("Sun.")))
        assert await asked(llm, Prompt("Hello", steps=steps)) == ["Sun."]
    assert "thoughtSignature" not in server.requests[0].body["contents"][1]["parts"][0]


async def test_only_so_many_signatures_are_kept(server: Vendor) -> None:
    parts = [{"functionCall": {"name": "clock"}, "thoughtSignature": "c2ln"}] * 400
    server.replies.extend([Reply([chunk(*parts, finish="STOP")])] * 3)
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        for _ in range(3):
            assert len(await asked(llm)) == 400
        assert len(llm._signatures) == MAX_SIGNATURES


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_cancelling_closes_the_stream_at_once(server: Vendor, after: int) -> None:
    never, started = anyio.Event(), anyio.Event()
    pieces: list[bytes | anyio.Event] = [text("One"), text(" two")]
    server.replies.append(Reply([*pieces[:after], never], before=never if after == 0 else None))
    got: list[Any] = []

    async def listen(llm: GeminiLlm) -> None:
        async with aclosing(llm.stream(HELLO)) as stream:
            async for piece in stream:
                got.append(piece)
                if len(got) == after:
                    started.set()

    async with GeminiLlm(KEY, base_url=server.url) as llm, anyio.create_task_group() as tasks:
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


async def test_leaving_the_generator_closes_the_stream(server: Vendor) -> None:
    server.replies.append(Reply([text("One"), anyio.Event()]))
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        async with aclosing(llm.stream(HELLO)) as stream:
            assert await anext(stream) == "One"
        with anyio.fail_after(2):
            await server.gone.wait()
        assert await asked(llm)


async def test_timeouts_of_the_first_and_of_each_further_token(server: Vendor) -> None:
    never = anyio.Event()
    for reply in (Reply(before=never), Reply([never]), Reply([b": keep-alive\n\n", never])):
        error = await refused(server, reply, first_token=0.1, between_tokens=30)
        assert (error.code, error.status, error.retryable) == ("llm_timeout", 504, True)
        assert "nothing for 0.1 s" in error.message
    error = await refused(server, Reply([text("One"), never]), between_tokens=0.1)
    assert error.code == "llm_timeout"


@pytest.mark.parametrize(
    ("reply", "code", "retryable", "says"),
    [
        (
            refusal(400, f"API key not valid. {KEY}", "INVALID_ARGUMENT", BAD_KEY),
            "llm_auth",
            False,
            "GEMINI_API_KEY",
        ),
        (refusal(403, "Permission denied", "PERMISSION_DENIED"), "llm_auth", False, "GEMINI_API_KEY"),
        (refusal(401, "no", "UNAUTHENTICATED"), "llm_auth", False, "GEMINI_API_KEY"),
        (
            refusal(404, "models/x is not found", "NOT_FOUND"),
            "llm_request",
            False,
            "models/x is not found",
        ),
        (
            refusal(400, f"Unknown name: {KEY}", "INVALID_ARGUMENT"),
            "llm_request",
            False,
            "Unknown name: ***",
        ),
        (
            refusal(503, "The model is overloaded.", "UNAVAILABLE"),
            "llm_failed",
            True,
            "The model is overloaded.",
        ),
        (refusal(500, "An internal error", "INTERNAL", listed=True), "llm_failed", True, "internal error"),
        (Reply([b"<html>Bad gateway</html>"], 502, "text/html"), "llm_failed", True, "502"),
    ],
)
async def test_refusals_are_plain(
    server: Vendor, reply: Reply, code: str, retryable: bool, says: str
) -> None:
    error = await refused(server, reply)
    assert (error.code, error.retryable) == (code, retryable)
    assert says in error.message


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        (refusal(429, "You exceeded your quota", "RESOURCE_EXHAUSTED", QUOTA, retry_info("17s")), 17.0),
        (refusal(429, "Slow down", "RESOURCE_EXHAUSTED", retry_info("57.25s"), listed=True), 57.25),
        (refusal(429, "Slow down", "RESOURCE_EXHAUSTED", retry_info("soon")), 0.0),
        (refusal(429, "Slow down", "RESOURCE_EXHAUSTED"), 0.0),
        (Reply([b"[]"], 429, "application/json", {"Retry-After": "3"}), 3.0),
    ],
)
async def test_a_rate_limit_says_when_to_retry(server: Vendor, reply: Reply, after: float) -> None:
    error = await refused(server, reply)
    assert (error.code, error.retryable, error.retry_after) == ("llm_limit", True, after)
    assert ("in a moment" if not after else f"in {after:g} s") in error.message


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        (Reply([text("Hal")], end="cut"), "llm_stream_broken", True),
        (Reply([text("Hal")]), "llm_stream_broken", True),
        (Reply([b"data: {oops\n\n"]), "llm_malformed", True),
        (Reply([b"data: 17\n\n"]), "llm_malformed", True),
        (Reply([event({"candidates": [17]})]), "llm_malformed", True),
        (Reply([chunk({"text": 17})]), "llm_malformed", True),
        (Reply([b"<html>Welcome!</html>"], type="text/html"), "llm_malformed", True),
        (Reply([]), "llm_malformed", True),
        (Reply([event({"error": {"code": 503, "message": f"overloaded {KEY}"}})]), "llm_failed", True),
        (Reply([text("H"), event({"error": {"code": 429, "message": "x"}})]), "llm_limit", True),
        (Reply([event({"error": {"message": "?"}})]), "llm_failed", True),
        (Reply([chunk(finish="SAFETY")]), "llm_filtered", False),
        (Reply([event({"candidates": [{"finishReason": "RECITATION"}]})]), "llm_filtered", False),
        (
            Reply([event({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})]),
            "llm_filtered",
            False,
        ),
        (Reply([text("", "STOP")]), "llm_empty", True),
        (Reply([chunk(finish="MAX_TOKENS")]), "llm_empty", True),
        (Reply([chunk(finish="MALFORMED_FUNCTION_CALL")]), "llm_bad_tool_call", True),
        (Reply([chunk({"functionCall": {"name": "x", "args": [1]}})]), "llm_bad_tool_call", True),
        (Reply([chunk({"functionCall": {"args": {}}})]), "llm_bad_tool_call", True),
    ],
)
async def test_bad_streams_fail_their_answer_only(
    server: Vendor, reply: Reply, code: str, retryable: bool
) -> None:
    error = await refused(server, reply)
    assert (error.code, error.retryable) == (code, retryable)


async def test_text_before_a_filter_is_kept(server: Vendor) -> None:
    server.replies.append(Reply([text("Once upon"), chunk(finish="SAFETY")]))
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        assert await asked(llm) == ["Once upon"]


async def test_characters_split_across_segments(server: Vendor) -> None:
    whole = b"".join(saying("Grüße", " 你好", " 👋🏽"))
    server.replies.append(Reply([whole[i : i + 1] for i in range(len(whole))]))
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        assert await asked(llm) == ["Grüße", " 你好", " 👋🏽"]


async def test_no_server_at_the_address() -> None:
    async with serving(usual) as server:
        url = server.url
    async with GeminiLlm(KEY, base_url=url) as llm:
        for attempt in (asked, GeminiLlm.ready):
            with pytest.raises(EngineError) as caught:
                await attempt(llm)
            assert (caught.value.code, caught.value.retryable) == ("llm_unreachable", True)


async def test_the_key_is_in_no_log_and_no_name(server: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger)
    await refused(server, refusal(500, f"bad {KEY}", "INTERNAL"))
    assert caplog.records
    assert KEY not in caplog.text
    assert KEY not in repr(GeminiLlm(KEY))
    with pytest.raises(BadInput) as caught:
        GeminiLlm("AIza\nSecret")
    assert "Secret" not in caught.value.message


async def test_use_before_entering_is_a_clear_mistake() -> None:
    with pytest.raises(RuntimeError, match="entered"):
        await asked(GeminiLlm(KEY))


async def test_a_tools_json_schema_is_sent_as_it_is(server: Vendor) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {"x": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}, "unit": {"const": "m"}},
        "$defs": {"Node": node},
    }
    tool = Weather(parameters={"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        await asked(llm, HELLO, tool)
    assert server.posts[0].body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == schema


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["candidates", "content", "parts", "text", "functionCall", "name", "args", "type"]
            ),
            inner,
        )
    ),
)


@given(JUNK)
def test_garbage_gives_text_or_an_error_that_is_expected(chunk: Any) -> None:
    answer = Answer()
    with suppress(EngineError, TypeError, AttributeError, KeyError, ValueError):
        assert all(isinstance(text, str) for text in answer.take(chunk))
        assert all(isinstance(call.arguments, dict) for call in answer.calls)


async def test_tokens_are_counted_as_the_service_counts(server: Vendor) -> None:
    async with GeminiLlm(KEY, base_url=server.url) as llm:
        await asked(llm)
        await asked(llm)
        assert llm.usage == Usage(18, 6)
