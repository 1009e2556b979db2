"""Logs: one JSON object a line, ids in it, no secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
import structlog
from starlette.types import Message, Receive, Scope, Send

from nexus_voice.core import events
from nexus_voice.telemetry import logs
from serving import plain_logs


@pytest.fixture
def lines() -> Iterator[Any]:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("info", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before, level
    plain_logs()
    structlog.contextvars.clear_contextvars()


def test_both_kinds_of_loggers_write_json(lines: Any) -> None:
    structlog.get_logger().info("ours", number=1)
    structlog.get_logger().debug("too little")
    logging.getLogger("uvicorn.error").warning("theirs %s", "too")
    ours, theirs = lines()
    assert (ours["event"], ours["number"], ours["level"]) == ("ours", 1, "info")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("theirs too", "warning", "uvicorn.error")


def test_secrets_stay_inside(lines: Any) -> None:
    log = structlog.get_logger()
    log.info("hello", token="s3cret", headers={"Authorization": "Bearer s3cret", "x": "y"}, api_key="s3cret")
    logging.getLogger("httpx").warning("GET http://h/?token=s3cret&x=1 with Bearer s3cret")
    try:
        raise ValueError('{"api_key": "s3cret"}')
    except ValueError:
        log.exception("failed")
    log.info("counts", max_tokens=250, first_token=0.2)
    written = lines()
    assert "s3cret" not in json.dumps(written)
    assert "x=1" in written[1]["event"]
    assert "ValueError" in written[2]["exception"]
    assert (written[3]["max_tokens"], written[3]["first_token"]) == (250, 0.2)


def call(scope: Scope, app: Any) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    anyio.run(logs.RequestIds(app), scope, receive, send)
    return sent


async def greeting(scope: Scope, receive: Receive, send: Send) -> None:
    structlog.get_logger().info("inside")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.mark.parametrize(
    ("given", "taken"), [("abc-1", True), ("a b\n", False), ("x" * 65, False), ("", False)]
)
def test_a_request_has_one_id_everywhere(lines: Any, given: str, taken: bool) -> None:
    headers = [(b"x-request-id", given.encode())]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/x",
        "query_string": b"token=s3cret",
        "headers": headers,
    }
    start = call(scope, greeting)[0]
    request = dict(start["headers"])[b"x-request-id"].decode()
    inside, access = lines()
    assert inside["request"] == access["request"] == request
    assert (request == given) is taken
    assert (access["method"], access["path"], access["status"]) == ("GET", "/x", 200)
    assert "s3cret" not in json.dumps(access)


def test_a_websocket_is_tagged_once(lines: Any) -> None:
    async def talk(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hi"})

    accepted, frame = call({"type": "websocket", "path": "/ws/voice", "headers": []}, talk)
    assert accepted["headers"][0][0] == b"x-request-id"
    assert frame == {"type": "websocket.send", "text": "hi"}
    assert lines()[0]["method"] == "WS"


def test_session_and_turn_are_in_what_follows(lines: Any) -> None:
    logs.follow(session="abc")
    logs.follow(event=events.Final("hm", 0))
    logs.follow(event=events.Final("hello", 3))
    structlog.get_logger().info("engine")
    assert (lines()[0]["session"], lines()[0]["turn"]) == ("abc", 3)
