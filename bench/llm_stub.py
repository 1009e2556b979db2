"""An OpenAI-compatible chat server with the scripted model's timing: `python -m bench.llm_stub PORT`.

For measuring with the model behind HTTP, in a process of its own. It keeps an absolute schedule, so that a
late token does not delay the next.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import orjson
import uvicorn

from nexus_voice.engines.fake.engines import tokens

from .contract import ANSWER, FIRST_TOKEN, TOKEN_GAP

JSON = [(b"content-type", b"application/json")]
STREAM = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
    return b"data: " + orjson.dumps(body | {"choices": [choice]}) + b"\n\n"


CHUNKS = [_chunk({"role": "assistant", "content": ""})] + [_chunk({"content": t}) for t in tokens(ANSWER)]
CHUNKS[:2] = [CHUNKS[0] + CHUNKS[1]]
LAST = _chunk({}, "stop") + b"data: [DONE]\n\n"
MODELS = orjson.dumps(
    {"object": "list", "data": [{"id": "stub", "object": "model", "created": 1, "owned_by": "bench"}]}
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/v1/models":
        await send({"type": "http.response.start", "status": 200, "headers": JSON})
        await send({"type": "http.response.body", "body": MODELS})
        return
    due = time.monotonic() + FIRST_TOKEN
    while (await receive()).get("more_body"):
        pass
    gone = asyncio.create_task(receive())
    await send({"type": "http.response.start", "status": 200, "headers": STREAM})
    for chunk in CHUNKS:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        due += TOKEN_GAP
        if gone.done():
            return
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": LAST})
    gone.cancel()


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=120,
    )
