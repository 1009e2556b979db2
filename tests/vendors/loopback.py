"""A vendor's HTTP server on 127.0.0.1, scripted byte by byte: see `openai_server.Reply`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import SocketAttribute

from openai_server import OpenAiServer, Reply, Request

JSON = "application/json"


class Vendor(OpenAiServer):
    """Answers each request with the next of `replies`; with none left, with what `usual` says."""

    def __init__(self, usual: Callable[[Request], Reply]) -> None:
        super().__init__()
        self.usual = usual

    def _reply(self, request: Request) -> Reply:
        return self.replies.popleft() if self.replies else self.usual(request)


def said(body: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; `headers` are named with `_` for `-`."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply([json.dumps(body, ensure_ascii=False).encode()], status, JSON, named)


@asynccontextmanager
async def serving(usual: Callable[[Request], Reply]) -> AsyncIterator[Vendor]:
    server = Vendor(usual)
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        server.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()
