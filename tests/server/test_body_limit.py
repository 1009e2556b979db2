"""A body that stalls, on virtual time; sizes are tested over real connections in test_http.py."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send
from trio.testing import MockClock

from nexus_voice.server.body_limit import BODY_TIMEOUT_S, BodyLimit, MaxBody


def answered(pauses: list[float], work: float = 0.0) -> tuple[int, dict[str, Any]]:
    """(status, body) of the answer to a request whose pieces come after these pauses; the application
    needs `work` seconds."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            size = len(await Request(scope, receive).body())
        except ClientDisconnect:
            return
        with trio.move_on_after(work):
            await receive()  # as everything does that ends when its client leaves
        await JSONResponse({"size": size})(scope, receive, send)

    async def receive() -> Message:
        if not pauses:
            await trio.sleep_forever()
        await trio.sleep(pauses.pop(0))
        return {"type": "http.request", "body": b"x", "more_body": bool(pauses)}

    async def send(message: Message) -> None:
        sent.append(message)

    async def main() -> None:
        limited = BodyLimit(app, usual=MaxBody(10, "A_SETTING"), by_path={})
        await limited({"type": "http", "path": "/stt", "headers": []}, receive, send)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return sent[0]["status"], orjson.loads(b"".join(message.get("body", b"") for message in sent))


@pytest.mark.parametrize(
    ("pauses", "status"),
    [
        ([0.0], 200),
        ([BODY_TIMEOUT_S - 1] * 5, 200),
        ([BODY_TIMEOUT_S + 1, 0.0], 408),
        ([0.0, BODY_TIMEOUT_S + 1], 408),
        ([0.0] * 11, 413),
    ],
)
def test_a_body_that_stalls_is_refused(pauses: list[float], status: int) -> None:
    found, body = answered(pauses)
    assert found == status
    if status != 200:
        assert body["error"]["code"] == {408: "too_slow", 413: "too_large"}[status]


def test_the_answer_may_take_longer_than_the_body() -> None:
    assert answered([0.0], work=100 * BODY_TIMEOUT_S) == (200, {"size": 1})
