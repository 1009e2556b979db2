"""A real HTTP server on 127.0.0.1 that speaks the OpenAI chat protocol, scripted byte by byte."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from anyio.abc import SocketAttribute, SocketStream

SSE = "text/event-stream"
DONE = b"data: [DONE]\n\n"


def event(payload: Any, end: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + end


def chunk(delta: dict[str, Any], finish: str | None = None, end: bytes = b"\n\n") -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return event({**whole, "choices": [choice]}, end)


def fragment(index: int | None, arguments: str, id: str = "", name: str = "") -> bytes:
    call: dict[str, Any] = {"function": {"arguments": arguments}}
    if index is not None:
        call["index"] = index
    if id:
        call |= {"id": id, "type": "function"}
    if name:
        call["function"]["name"] = name
    return chunk({"tool_calls": [call]})


ROLE = chunk({"role": "assistant", "content": ""})
STOP = chunk({}, "stop")
CALLED = chunk({}, "tool_calls")
USAGE = event(
    {
        "id": "chatcmpl-1",
        "choices": [],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }
)


def saying(*texts: str) -> list[bytes]:
    """A whole proper stream."""
    return [ROLE, *(chunk({"content": text}) for text in texts), STOP, USAGE, DONE]


@dataclass
class Reply:
    """Each piece is one TCP segment; an Event among them holds the answer until it is set."""

    pieces: Sequence[bytes | anyio.Event] = ()
    status: int = 200
    type: str = SSE
    headers: dict[str, str] = field(default_factory=dict)
    before: anyio.Event | None = None
    """Held until it is set: not even the headers go out."""
    end: Literal["whole", "cut", "close", "unanswered"] = "whole"
    """`cut`: the connection dies in mid-body. `close`: a whole answer, then the connection ends.
    `unanswered`: the connection ends once the request is read."""


def refusal(status: int, message: str, code: str = "", **headers: str) -> Reply:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply([json.dumps(body).encode()], status, "application/json", named)


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class OpenAiServer:
    """Answers each POST with the next of `replies`; with none left it says the question back."""

    def __init__(self) -> None:
        self.url = ""
        self.replies: deque[Reply] = deque()
        self.requests: list[Request] = []
        self.models = ["text-embedding-3", "first-chat", "second-chat"]
        self.connections = 0
        self.gone = anyio.Event()
        """A client has left in the middle of an answer."""
        self.closed = anyio.Event()
        """A connection has ended."""

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    async def serve(self, stream: SocketStream) -> None:
        self.connections += 1
        async with stream:
            try:
                buffered = b""
                while True:
                    request, buffered = await _read(stream, buffered)
                    self.requests.append(request)
                    reply = self._reply(request)
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._watch, stream, tasks.cancel_scope)
                        try:
                            await _answer(stream, reply)
                        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                            self.gone.set()
                        tasks.cancel_scope.cancel()
                    if reply.end != "whole" or self.gone.is_set():
                        break
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass
        self.closed.set()

    async def _watch(self, stream: SocketStream, answering: anyio.CancelScope) -> None:
        try:
            await stream.receive(1)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self.gone.set()
            answering.cancel()

    def _reply(self, request: Request) -> Reply:
        if request.path.endswith("/models"):
            data = [{"id": id, "object": "model", "created": 1, "owned_by": "x"} for id in self.models]
            return Reply([json.dumps({"object": "list", "data": data}).encode()], type="application/json")
        if self.replies:
            return self.replies.popleft()
        words = str(request.body["messages"][-1]["content"]).split()
        return Reply(saying("You said:", *(f" {word}" for word in words)))


async def _read(stream: SocketStream, data: bytes) -> tuple[Request, bytes]:
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines)}
    size = int(headers.get("content-length", "0"))
    while len(rest) < size:
        rest += await stream.receive()
    method, path, _ = first.split()
    body: Any = rest[:size]
    if not headers.get("content-type", "").startswith("multipart/"):
        body = json.loads(body or b"null")
    return Request(method, path, headers, body), rest[size:]


async def _answer(stream: SocketStream, reply: Reply) -> None:
    if reply.before:
        await reply.before.wait()
    if reply.end == "unanswered":
        return
    lines = [f"HTTP/1.1 {reply.status} Whatever", f"Content-Type: {reply.type}", "Transfer-Encoding: chunked"]
    lines += [f"{key}: {value}" for key, value in reply.headers.items()]
    await stream.send("\r\n".join(lines).encode() + b"\r\n\r\n")
    for piece in reply.pieces:
        if isinstance(piece, anyio.Event):
            await piece.wait()
        else:
            await stream.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    if reply.end != "cut":
        await stream.send(b"0\r\n\r\n")


@asynccontextmanager
async def serving(server: OpenAiServer | None = None) -> AsyncIterator[Any]:
    server = server or OpenAiServer()
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        server.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}/v1"
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()
