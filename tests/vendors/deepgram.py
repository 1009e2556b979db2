"""Deepgram's wire formats: /v1/listen as a WebSocket, /v1/speak, and their errors."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from openai_server import Reply, Request, _answer, _read
from vendors.loopback import said
from vendors.sound import cut, tone

FINALIZE, CLOSE = {"type": "Finalize"}, {"type": "CloseStream"}
METADATA = {"type": "Metadata", "transaction_key": "deprecated", "request_id": "r", "duration": 1.0}
Said = dict[str, Any] | str | int | Literal["die"]
"""A message, raw text, a close code, or the end of the connection without one."""


def refusal(status: int, code: str, message: str, **headers: str) -> Reply:
    return said({"err_code": code, "err_msg": message, "request_id": "uuid"}, status, **headers)


def results(text: str, *, final: bool, at: float = 0.0, language: str = "en", **more: Any) -> dict[str, Any]:
    words = [
        {"word": word.lower().strip("."), "start": at + n, "end": at + n + 0.5, "punctuated_word": word}
        for n, word in enumerate(text.split())
    ]
    best = {"transcript": text, "confidence": 0.99, "words": words, "languages": [language]}
    head = {"type": "Results", "channel_index": [0, 1], "duration": 1.0, "start": at}
    return {**head, "is_final": final, "speech_final": False, "channel": {"alternatives": [best]}, **more}


def speak(request: Request) -> Reply:
    """/v1/speak, and the check of a key."""
    if request.path.startswith("/v1/auth/token"):
        return said({"api_key_id": "id", "scopes": ["usage:write"]})
    query = parse_qs(urlsplit(request.path).query)
    assert query["container"] == ["none"]
    assert query["encoding"] == ["linear16"]
    speed = float(query.get("speed", ["1"])[0])
    return Reply(cut(tone(request.body["text"], speed)), type="audio/l16")


class Listening:
    """What one WebSocket connection has received."""

    def __init__(self, request: Request) -> None:
        self.query = parse_qs(urlsplit(request.path).query)
        self.headers = request.headers
        self.audio = b""
        self.orders: list[dict[str, Any]] = []


def hears(heard: Listening, what: bytes | dict[str, Any]) -> Sequence[Said]:
    """Guesses at each piece of sound, settles at the end."""
    if isinstance(what, bytes):
        return [results("Hello", final=False)]
    if what == FINALIZE:
        return [results("Hello there.", final=True, from_finalize=True)]
    return [METADATA, 1000] if what == CLOSE else []


class ListenServer:
    """Each message received is answered with what `script` says; `replies` refuse the connection instead."""

    def __init__(self) -> None:
        self.url = ""
        self.replies: deque[Reply] = deque()
        self.script: Callable[[Listening, bytes | dict[str, Any]], Sequence[Said]] = hears
        self.listening: list[Listening] = []
        self.gone = anyio.Event()
        """A client has ended its connection."""

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            try:
                request, rest = await _read(stream, b"")
                if self.replies:
                    await _answer(stream, self.replies.popleft())
                elif request.path.startswith("/v1/auth/token"):
                    await _answer(stream, said({"api_key_id": "id"}))
                else:
                    await self._listen(stream, request, rest)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.gone.set()

    async def _listen(self, stream: SocketStream, request: Request, rest: bytes) -> None:
        key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        await stream.send(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        heard = Listening(request)
        self.listening.append(heard)
        connection = Connection(ConnectionType.SERVER, trailing_data=rest)
        while True:
            for event in connection.events():
                match event:
                    case BytesMessage(data=data):
                        heard.audio += data
                        answers = self.script(heard, bytes(data))
                    case TextMessage(data=data):
                        heard.orders.append(json.loads(data))
                        answers = self.script(heard, heard.orders[-1])
                    case Ping():
                        await stream.send(connection.send(event.response()))
                        continue
                    case _:
                        self.gone.set()
                        return
                for answer in answers:
                    if answer == "die":
                        return
                    await stream.send(connection.send(_event(answer)))
                    if isinstance(answer, int):
                        return
            connection.receive_data(await stream.receive())


def _event(answer: Said) -> TextMessage | CloseConnection:
    if isinstance(answer, int):
        return CloseConnection(answer, "" if answer == 1000 else "NET-0001")
    return TextMessage(answer if isinstance(answer, str) else json.dumps(answer))


@asynccontextmanager
async def listening() -> AsyncIterator[ListenServer]:
    server = ListenServer()
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        server.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()
