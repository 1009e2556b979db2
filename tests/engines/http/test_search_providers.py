"""Tavily and SearXNG against real HTTP servers on the loopback, on asyncio and trio."""

import gzip
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.lowlevel
import pytest

from nexus_voice.core.chat import Passage
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.searxng.search import SearxngSearch
from nexus_voice.engines.tavily.search import TavilySearch
from openai_server import Reply
from vendors import searxng, tavily
from vendors.loopback import JSON, Vendor, said, serving

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]
KEY = "tvly-secret-123"


@dataclass
class Kind:
    vendor: ModuleType
    make: Callable[..., Any]

    def answer(self, *results: Any) -> Reply:
        reply: Reply = self.vendor.results(*results)
        return reply


TAVILY = Kind(tavily, lambda url, **options: TavilySearch(KEY, base_url=url, **options))
SEARXNG = Kind(searxng, lambda url, **options: SearxngSearch(url, **options))


@pytest.fixture(params=[TAVILY, SEARXNG], ids=["tavily", "searxng"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
async def server(kind: Kind) -> AsyncIterator[Vendor]:
    async with serving(kind.vendor.usual) as server:
        yield server


@pytest.fixture
async def tavily_server() -> AsyncIterator[Vendor]:
    async with serving(tavily.usual) as server:
        yield server


@pytest.fixture
async def searxng_server() -> AsyncIterator[Vendor]:
    async with serving(searxng.usual) as server:
        yield server


async def found(kind: Kind, server: Vendor, *replies: Reply, k: int = 5) -> list[Passage]:
    server.replies.extend(replies)
    async with kind.make(server.url) as engine:
        passages: list[Passage] = await engine.search("how tall is Everest", k)
        return passages


async def refused(kind: Kind, server: Vendor, reply: Reply, **options: Any) -> EngineError:
    server.replies.append(reply)
    async with kind.make(server.url, **options) as engine:
        with pytest.raises(EngineError) as caught:
            await engine.search("Everest", 3)
        assert KEY not in caught.value.message
        assert len(await engine.search("Everest", 3)) == 3  # the next search works
    return caught.value


async def test_results_become_passages(kind: Kind, server: Vendor) -> None:
    passages = await found(kind, server, k=3)
    assert [passage.title for passage in passages] == ["Page 0", "Page 1", "Page 2"]
    assert passages[1].text == "What page 1 says."
    assert passages[1].url == passages[1].document
    assert passages[1].url.startswith("https://example.")
    assert 1 >= passages[0].score > passages[1].score > passages[2].score > 0


async def test_an_empty_query_sends_no_request(kind: Kind, server: Vendor) -> None:
    async with kind.make(server.url) as engine:
        assert await engine.search("", 5) == await engine.search(" \x00\n", 5) == []
        assert await engine.search("x", 0) == []
    assert server.requests == []


async def test_no_result_is_no_error(kind: Kind, server: Vendor) -> None:
    assert await found(kind, server, kind.answer()) == []


async def test_hostile_results_are_cleaned_bounded_and_deduplicated(kind: Kind, server: Vendor) -> None:
    hidden = "".join(map(chr, range(0xE0041, 0xE0050)))
    result = kind.vendor.result
    passages = await found(
        kind,
        server,
        kind.answer(
            result(1, content="one\n\n\ttwo\x00\x1b[31m\u202ethree\u200b" + hidden, title="T" * 999),
            result(1, content="the same page again"),
            result(2, content="word " * 2_000),
            result(3, content="x" * 9_000, title=None, score="high"),
            result(4, url="javascript:alert(1)"),
            result(5, url="https://example.com/" + "a" * 3_000),
            result(6, url="https://example.com/a b"),
            result(7, content=None),
            result(8, content="  "),
            result(9, url=None),
            result(10, content="Grüße 👋🏽 می‌خواهم", score=None),
        ),
        k=20,
    )
    assert [passage.text[:30] for passage in passages] == [
        "one two[31mthree",
        "word word word word word word ",
        "x" * 30,
        "Grüße 👋🏽 می‌خواهم",
    ]
    assert max(len(passage.text) for passage in passages) == 1_500
    assert passages[1].text.endswith("word…")
    assert len(passages[0].title) == 200
    assert passages[2].title == passages[2].url
    assert all(0 <= passage.score <= 1 for passage in passages)


async def test_cancelling_closes_the_connection_at_once(kind: Kind, server: Vendor) -> None:
    never = anyio.Event()
    for reply in (Reply(before=never), Reply([b'{"results": [', never], type=JSON)):
        server.replies.append(reply)
        server.gone = anyio.Event()
        before = len(server.requests)
        async with kind.make(server.url) as engine, anyio.create_task_group() as tasks:
            tasks.start_soon(engine.search, "Everest", 3)
            while len(server.requests) == before:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
            with anyio.fail_after(2, shield=True):
                await server.gone.wait()  # the server sees it while the client still stands here


async def test_a_slow_answer_times_out(kind: Kind, server: Vendor) -> None:
    never = anyio.Event()
    for reply in (Reply(before=never), Reply([b'{"results": [', never], type=JSON)):
        error = await refused(kind, server, reply, within=0.2)
        assert (error.code, error.status, error.retryable) == ("search_timeout", 504, True)


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        (Reply([b"<html>Welcome!</html>"], type="text/html"), "search_malformed", True),
        (said([1, 2]), "search_malformed", True),
        (said({"results": 7}), "search_malformed", True),
        (said({"results": ["x"]}), "search_malformed", True),
        (said({"answer": "none"}), "search_malformed", True),
        (Reply([b'{"results": ['], end="cut", type=JSON), "search_stream_broken", True),
        (Reply([b'"' + b"x" * (5 << 20)], type=JSON), "search_malformed", True),
        (said({"detail": "boom"}, 500), "search_failed", True),
        (Reply([b"<html>Bad gateway</html>"], 502, "text/html"), "search_failed", True),
        (said({"error": "bad"}, 400), "search_request", False),
        (said({"detail": "slow down"}, 429, Retry_After="9"), "search_limit", True),
    ],
)
async def test_an_error_fails_one_search_only(
    kind: Kind, server: Vendor, reply: Reply, code: str, retryable: bool
) -> None:
    error = await refused(kind, server, reply)
    assert (error.code, error.retryable) == (code, retryable)
    assert error.retry_after == (9 if code == "search_limit" else 0)


async def test_no_server_at_the_address(kind: Kind) -> None:
    async with serving(kind.vendor.usual) as server:
        url = server.url
    async with kind.make(url) as engine:
        for attempt in (engine.ready(), engine.search("Everest", 3)):
            with pytest.raises(EngineError) as caught:
                await attempt
            assert (caught.value.code, caught.value.retryable) == ("search_unreachable", True)
    with pytest.raises(BadInput):
        kind.make("example.com")


async def test_a_request_to_tavily(tavily_server: Vendor) -> None:
    async with TavilySearch(KEY, base_url=tavily_server.url, depth="advanced") as engine:
        await engine.ready()
        assert len(await engine.search("why " * 300, 50)) == 20
    usage, search = tavily_server.requests
    assert (usage.method, usage.path) == ("GET", "/usage")
    assert (search.method, search.path) == ("POST", "/search")
    assert search.headers["authorization"] == usage.headers["authorization"] == f"Bearer {KEY}"
    assert search.body["max_results"] == 20
    assert search.body["search_depth"] == "advanced"
    assert search.body["query"].endswith("why")
    assert 390 < len(search.body["query"]) <= 400
    assert tavily_server.connections == 1


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (tavily.refusal(401, f"Unauthorized: {KEY}"), "search_auth", "TAVILY_API_KEY"),
        (tavily.refusal(403, "Forbidden"), "search_auth", "TAVILY_API_KEY"),
        (
            tavily.refusal(432, f"This request exceeds your plan's set usage limit {KEY}"),
            "search_quota",
            "exceeds your plan's",
        ),
        (tavily.refusal(433, "exceeds the pay-as-you-go limit"), "search_quota", "pay-as-you-go"),
        (tavily.refusal(400, "Invalid depth"), "search_request", "Invalid depth"),
    ],
)
async def test_tavilys_refusals_are_plain(tavily_server: Vendor, reply: Reply, code: str, says: str) -> None:
    error = await refused(TAVILY, tavily_server, reply)
    assert (error.code, error.retryable) == (code, False)
    assert says in error.message
    tavily_server.replies.append(reply)
    async with TavilySearch(KEY, base_url=tavily_server.url) as engine:
        with pytest.raises(EngineError) as caught:
            await engine.ready()
    assert caught.value.code == code


async def test_tavilys_key_is_in_no_log(tavily_server: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger)
    await refused(TAVILY, tavily_server, tavily.refusal(500, f"bad {KEY}"))
    assert caplog.records
    assert KEY not in caplog.text
    assert KEY not in repr(TavilySearch(KEY))


async def test_a_request_to_searxng(searxng_server: Vendor) -> None:
    async with SearxngSearch(searxng_server.url + "/search") as engine:
        await engine.ready()
        assert len(await engine.search("Ganz & gar?", 50)) == 12
    ready, search = [urlsplit(request.path) for request in searxng_server.requests]
    assert (ready.path, ready.query) == ("/search", "format=json")
    assert parse_qs(search.query) == {"q": ["Ganz & gar?"], "format": ["json"]}
    headers = searxng_server.requests[1].headers
    assert "gzip" in headers["accept-encoding"]
    assert "python" not in headers["user-agent"]


async def test_searxng_may_compress_and_be_below_a_path(searxng_server: Vendor) -> None:
    packed = gzip.compress(json.dumps({"results": [searxng.result(1)]}).encode())
    searxng_server.replies.append(Reply([packed], type=JSON, headers={"Content-Encoding": "gzip"}))
    async with SearxngSearch(searxng_server.url + "/searx/") as engine:
        (passage,) = await engine.search("Everest", 3)
    assert passage.title == "Page 1"
    assert passage.score == 1
    assert searxng_server.requests[0].path.startswith("/searx/search?")


async def test_searxng_without_json_says_how_to_switch_it_on(searxng_server: Vendor) -> None:
    error = await refused(SEARXNG, searxng_server, searxng.JSON_OFF)
    assert (error.code, error.retryable) == ("search_json_off", False)
    assert "add `- json` to `search: formats:`" in error.message
    searxng_server.replies.extend([searxng.JSON_OFF, searxng.TOO_MANY])
    async with SearxngSearch(searxng_server.url) as engine:
        for code in ("search_json_off", "search_limit"):
            with pytest.raises(EngineError) as caught:
                await engine.ready()
            assert caught.value.code == code
        await engine.ready()


async def test_searxngs_engines_that_fail_are_named(searxng_server: Vendor) -> None:
    silent = (("brave", "timeout"), ("google", "CAPTCHA"))
    error = await refused(SEARXNG, searxng_server, searxng.results(unresponsive=silent))
    assert (error.code, error.retryable) == ("search_failed", True)
    assert "brave: timeout; google: CAPTCHA" in error.message
    some = searxng.results(searxng.result(1), unresponsive=silent)
    assert len(await found(SEARXNG, searxng_server, some)) == 1


async def test_use_before_entering_is_a_clear_mistake(kind: Kind) -> None:
    with pytest.raises(RuntimeError, match="entered"):
        await kind.make("http://127.0.0.1:9").search("x", 1)
