"""Too many requests, too many a minute, and sockets that never say hello."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from websockets.exceptions import InvalidStatus

from nexus_voice.server.admission import COSTS, Places, Unknown
from nexus_voice.server.http_protocol import MAX_HEAD_BYTES, MAX_SILENT_PER_ADDRESS
from nexus_voice.server.identity import address_of
from nexus_voice.server.voice.admission import MAX_UNKNOWN_PER_ADDRESS
from serving import Serving, fakes, serving

from .caller import Caller
from .test_roles import begin

OTHER = {"x-forwarded-for": "203.0.113.7"}
"""Makes a request seem to come from another address, as the proxy in front of the server would."""
MODEL, UPLOAD = 4, 8
"""What such requests cost."""
QUESTION = {"json": {"text": "what is the weather"}}


@contextmanager
def client(server: Serving, headers: dict[str, str] | None = None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20, trust_env=False, headers=headers) as http:
        yield http


def refused(answer: httpx.Response) -> str:
    """The code of a refusal, which says when to come back."""
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    code: str = answer.json()["error"]["code"]
    return code


# --- requests in progress -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Room for five requests to models, of which one address may have three; answers take for ever."""
    limits = {"requests": 5 * MODEL, "requests_per_address": 3 * MODEL}
    slow = {"first_token": 3600.0, "first_audio": 3600.0}
    with serving(fakes(tmp_path_factory.mktemp("crowded"), fake=slow, limits=limits)) as server:
        yield server


SLOW: list[tuple[str, dict[str, Any]]] = [
    ("/chat", QUESTION),
    ("/tts", {"json": {"text": "Hello there."}}),
    ("/v1/chat/completions", {"json": {"messages": [{"role": "user", "content": "x"}], "stream": True}}),
]


def test_a_full_server_refuses_and_still_says_how_it_is(crowded: Serving) -> None:
    places = crowded.state.requests.places
    with ExitStack() as stack:
        for path, sent in SLOW:
            stack.enter_context(begin(crowded, path, sent))
        assert crowded.becomes(lambda: places.used == 3 * MODEL)
        mine, other = (stack.enter_context(client(crowded, headers)) for headers in ({}, OTHER))
        for path in ("/chat", "/rag/documents", "/nowhere"):
            assert refused(mine.post(path, json={})) == "busy"
        assert other.get("/rag/documents").status_code == 200, "it is this address that is full"
        for path, sent in SLOW[:2]:
            stack.enter_context(begin(crowded, path, {**sent, "headers": OTHER}))
        assert crowded.becomes(lambda: places.used == 5 * MODEL)
        assert refused(other.get("/rag/documents")) == "busy"
        openai = other.post("/v1/embeddings", json={"input": "x"})
        assert refused(openai) == "busy"
        assert openai.json()["error"]["type"] == "rate_limit_error"
        for path in ("/healthz", "/readyz", "/metrics"):
            assert other.get(path).status_code == 200, path
            assert mine.get(path).status_code == 200, path
        assert 'nexus_requests_refused_total{reason="busy"} 5.0' in mine.get("/metrics").text
    assert crowded.becomes(lambda: places.used == 0), "who leaves gives up the place"


def test_a_place_is_kept_until_the_stream_has_ended(tmp_path: Path) -> None:
    limits = {"requests": MODEL}
    with (
        serving(fakes(tmp_path, fake={"token_gap": 3600.0}, limits=limits)) as server,
        client(server) as http,
    ):
        with http.stream("POST", "/chat", **QUESTION) as answer:
            lines = answer.iter_lines()  # must live on: its end closes the connection
            assert any(next(lines) == "event: delta" for _ in range(20))
            with client(server) as other:
                assert refused(other.get("/rag/jobs")) == "busy"
        assert server.becomes(lambda: server.state.requests.places.used == 0)
        assert http.get("/rag/jobs").status_code == 200


def test_places_are_counted_in_all_and_by_address() -> None:
    places = Places(10, 6)
    places.take("a", 4)
    assert [places.full("a", units) for units in (2, 3)] == [False, True]
    assert [places.full("b", units) for units in (6, 7)] == [False, True]
    places.take("b", 6)
    assert places.full("c")
    places.give_back("b", 6)
    places.give_back("a", 4)
    assert places.used == 0
    assert not places.full("c", 100), "alone, whatever it costs"
    assert not Places(0, 0).full("a", 10**9)


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8:0:1:a:b:c:d", 1), "2001:db8:0:1::"),
        (("2001:db8:0:1::9", 1), "2001:db8:0:1::"),
        (("::1", 1), "::"),
        (None, ""),
        (("somewhere", 0), "somewhere"),
    ],
)
def test_a_household_is_one_address(client: tuple[str, int] | None, address: str) -> None:
    assert address_of({"client": client}) == address


# --- rates ----------------------------------------------------------------------------------------


def test_too_many_requests_a_minute_are_refused(tmp_path: Path) -> None:
    with (
        serving(fakes(tmp_path, limits={"rate": 5 * MODEL})) as server,
        client(server) as mine,
        client(server, OTHER) as other,
    ):
        answers = [mine.post("/tts", json={"text": "Hello there."}) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert refused(answers[-1]) == "rate_limited"
        assert refused(mine.get("/")) == "rate_limited"
        assert refused(mine.get("/v1/models")) == "rate_limited"
        with pytest.raises(InvalidStatus) as handshake:
            Caller(server.socket)
        assert handshake.value.response.status_code == 429
        assert int(handshake.value.response.headers["retry-after"]) > 0
        for path in ("/healthz", "/readyz", "/metrics"):
            assert mine.get(path).status_code == 200, path
        assert other.get("/").status_code == 200
        assert 'nexus_requests_refused_total{reason="rate_limited"} 4.0' in other.get("/metrics").text


def test_a_limit_of_zero_is_none(tmp_path: Path) -> None:
    limits = {"rate": 0, "requests": 0, "requests_per_address": 0}
    with serving(fakes(tmp_path, limits=limits)) as server, client(server) as http:
        assert {http.get("/voices").status_code for _ in range(50)} == {200}


def test_every_route_with_a_cost_exists(server: Serving) -> None:
    """A route that is renamed must not fall back to a cheap one unnoticed."""
    routes = {one.path for one in iter_route_contexts(server.app.routes)}
    assert COSTS.keys() <= routes


# --- sockets that never say hello -------------------------------------------------------------------

HANDSHAKE = (
    "GET /ws/voice HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def silent(server: Serving, address: str = "127.0.0.1") -> socket.socket:
    """A WebSocket whose client says nothing."""
    opened = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    opened.sendall(f"{HANDSHAKE}x-forwarded-for: {address}\r\n\r\n".encode())
    assert opened.recv(1000).startswith(b"HTTP/1.1 101")
    return opened


def test_silent_sockets_keep_nobody_out(server: Serving) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_UNKNOWN_PER_ADDRESS + 22):
            stack.enter_context(silent(server))
        assert server.becomes(lambda: len(server.state.admission.unknown) == MAX_UNKNOWN_PER_ADDRESS)
        with Caller(server.socket) as caller:
            caller.hello()
            assert caller.turn("are you still there")["outcome"] == "done"
        assert server.state.admission.refused == 0
        # Unknown connections of many addresses do not keep out a newcomer either.
        for number in range(200):
            stack.enter_context(silent(server, f"198.51.100.{number}"))
        with Caller(server.socket) as caller:
            caller.hello()
            assert caller.turn("and now")["outcome"] == "done"
    assert server.becomes(lambda: len(server.state.admission.unknown) == 0)


def test_the_oldest_unknown_of_the_greediest_gives_way() -> None:
    unknown, left = Unknown(total=4, per_address=3), []
    with ExitStack() as stack:
        for address in ("greedy", "greedy", "modest", "greedy"):
            name = f"{address} {len(left)}"
            stack.enter_context(unknown.waiting(address, lambda name=name: left.append(name)))  # type: ignore[misc]
        assert (len(unknown), left) == (4, [])
        stack.enter_context(unknown.waiting("newcomer", lambda: left.append("newcomer")))
        assert (len(unknown), left) == (4, ["greedy 0"])
        for _ in range(2):
            stack.enter_context(unknown.waiting("greedy", lambda: left.append("late")))
        assert len(unknown) == 4
        assert "newcomer" not in left
        assert "modest 0" not in left
    assert len(unknown) == 0


# --- connections whose request does not come ----------------------------------------------------------


def test_connections_that_send_nothing_keep_nobody_out(server: Serving) -> None:
    with ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            for _ in range(MAX_SILENT_PER_ADDRESS + 1)
        ]
        assert opened[0].recv(1) == b"", "the oldest gave way"
        opened[1].sendall(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        assert opened[1].recv(1_000).startswith(b"HTTP/1.1 200")
        with client(server) as http:
            assert http.get("/healthz").status_code == 200


def test_a_head_without_end_is_refused(server: Serving) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\n")
        with suppress(ConnectionError):  # it may be closed under our hands
            for number in range(MAX_HEAD_BYTES // 8):
                sock.sendall(b"x-%06d: a\r\n" % number)
        with suppress(ConnectionError):
            assert sock.recv(1_000).startswith(b"HTTP/1.1 431")
