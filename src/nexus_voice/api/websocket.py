"""WebSockets for uvicorn over picows, which parses and writes frames in C.

A voice session receives fifty frames a second all day long, and framing in Python costs as much as all the
rest of a silent session. Pass the class as uvicorn's `ws`. The handshake is checked here and held until the
application accepts; then picows gets it, and the transport with it.
"""

from __future__ import annotations

import asyncio
import binascii
import logging
from base64 import b64decode
from collections import deque
from typing import Any, cast
from urllib.parse import unquote

import picows
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected, get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

Message = dict[str, Any]

log = logging.getLogger("uvicorn.error")
quiet = logging.Logger("picows", logging.CRITICAL)
"""picows calls every bad client an error."""

WAITING = 32
"""Messages the application has not taken yet, from which on the client is kept waiting."""
GOODBYE = 5.0
"""Seconds a client has to answer our close."""


class WebSocketProtocol(asyncio.Protocol):
    """One connection: ASGI (specification 2.4) on the one side, picows on the other."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        self._config = config
        self._server = server_state
        self._app_state = app_state
        self._loop = asyncio.get_running_loop()
        self._listener: _Listener | None = None
        self._key = ""
        self._ended = False
        """The application has nothing more to say: it refused, closed, or the client is gone."""
        self._lost = False
        self._waiting: deque[Message] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._full = False
        self.writable = asyncio.Event()
        self.writable.set()

    # --- asyncio's side, until picows takes over -----------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """The whole upgrade request, from uvicorn; nothing may follow until it is answered."""
        if self._key:
            self._transport.abort()
            return
        target, _, rest = data.partition(b"\r\n")[0].split(b" ")[1], 0, data.partition(b"\r\n")[2]
        headers = [
            (name.lower(), value)
            for name, _, value in (line.partition(b": ") for line in rest.split(b"\r\n"))
            if name
        ]
        found = dict(headers)
        self._key = _checked(found.get(b"sec-websocket-key", b""))
        if found.get(b"sec-websocket-version") != b"13":
            self._answer(426, "Upgrade Required", b"Sec-WebSocket-Version: 13\r\n")
        elif not self._key:
            self._answer(400, "Bad Request")
        else:
            task = self._loop.create_task(self._run(self._scope(target, headers)))
            self._server.tasks.add(task)
            task.add_done_callback(self._server.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost(1006)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def shutdown(self) -> None:
        """The server stops."""
        if self._listener is None:
            self._answer(503, "Service Unavailable")
        elif not self._ended:
            self.put({"type": "websocket.disconnect", "code": 1012})
            self._say_goodbye(1012, "")

    # --- picows' side --------------------------------------------------------------------------

    def put(self, message: Message) -> None:
        """A message for the application; a client that sends faster than it takes them is held back."""
        self._waiting.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if len(self._waiting) >= WAITING and not self._full and not self._transport.is_closing():
            self._full = True
            self._transport.pause_reading()

    def lost(self, code: int, reason: str = "") -> None:
        """The connection is gone, for the reason the client gave, if any."""
        if not self._lost:
            self._lost = self._ended = True
            self._server.connections.discard(self)  # type: ignore[arg-type]
            self.writable.set()  # a transport that is lost while paused never resumes
            self.put({"type": "websocket.disconnect", "code": code, "reason": reason})

    # --- the application's side ----------------------------------------------------------------

    def _scope(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        path, _, query = target.partition(b"?")
        root = self._config.root_path
        wanted = b",".join(value for name, value in headers if name == b"sec-websocket-protocol")
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "root_path": root,
            "path": root + unquote(path.decode("ascii")),
            "raw_path": root.encode("ascii") + path,
            "query_string": query,
            "headers": headers,
            "subprotocols": [part.strip() for part in wanted.decode("latin-1").split(",") if part.strip()],
            "state": self._app_state.copy(),
            "extensions": {},
        }

    async def _run(self, scope: dict[str, Any]) -> None:
        self.put({"type": "websocket.connect"})
        try:
            await self._config.loaded_app(scope, self._receive, self._send)
        except ClientDisconnected:
            pass
        except BaseException:
            log.exception("Exception in ASGI application\n")
            if self._listener is None:
                self._answer(500, "Internal Server Error")
            else:
                self._say_goodbye(1011, "")
        else:
            if self._listener is None:
                self._answer(500, "Internal Server Error")
            else:
                self._say_goodbye(1000, "")

    async def _receive(self) -> Message:
        while not self._waiting:
            self._waiter = self._loop.create_future()
            await self._waiter
        message = self._waiting.popleft()
        if self._full and not self._waiting:
            self._full = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return message

    async def _send(self, message: Message) -> None:
        if not self.writable.is_set():
            await self.writable.wait()
        if self._lost:
            raise ClientDisconnected
        if self._ended:
            raise RuntimeError(f"{message['type']} after the WebSocket was closed.")
        match message["type"]:
            case "websocket.send" if self._listener is not None:
                data = message.get("bytes")
                if data is not None:
                    self._listener.transport.send(WSMsgType.BINARY, data)
                else:
                    self._listener.transport.send(WSMsgType.TEXT, message["text"])
            case "websocket.accept" if self._listener is None:
                self._accept(message)
            case "websocket.close" if self._listener is None:
                self._answer(403, "Forbidden")
            case "websocket.close":
                self._say_goodbye(message.get("code", 1000), message.get("reason") or "")
            case kind:
                raise RuntimeError(f"Unexpected {kind}.")

    def _accept(self, message: Message) -> None:
        """Hand the connection to picows, with a request that holds only what it must see."""
        headers = [(name.decode(), value.decode("latin-1")) for name, value in message.get("headers") or ()]
        if message.get("subprotocol"):
            headers.append(("Sec-WebSocket-Protocol", message["subprotocol"]))
        listener = self._listener = _Listener(self, self._config.ws_max_size)
        response = picows.WSUpgradeResponse.create_101_response(headers)
        interval, timeout = self._config.ws_ping_interval, self._config.ws_ping_timeout
        protocol = WSProtocol(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=lambda _: picows.WSUpgradeResponseWithListener(response, listener),
            logger=quiet,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,
            enable_auto_ping=bool(interval),
            auto_ping_idle_timeout=interval,
            auto_ping_reply_timeout=min(timeout or interval or 0, interval or 0),
            auto_ping_strategy=picows.WSAutoPingStrategy.PING_PERIODICALLY,
            enable_auto_pong=True,
            max_frame_size=self._config.ws_max_size,
            extra_headers=None,
            read_buffer_init_size=4096,
        )
        request = (
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {self._key}\r\n\r\n"
        ).encode()
        protocol.connection_made(self._transport)
        protocol.get_buffer(-1)[: len(request)] = request
        protocol.buffer_updated(len(request))
        self._transport.set_protocol(protocol)

    def _say_goodbye(self, code: int, reason: str) -> None:
        """Send our close; the connection ends when the client has answered it, or soon."""
        assert self._listener is not None
        if not self._ended:
            self._ended = True
            self._listener.transport.send_close(code, reason)  # type: ignore[arg-type]
            if self._full:
                self._transport.resume_reading()
            self._loop.call_later(GOODBYE, self._transport.abort)

    def _answer(self, status: int, phrase: str, header: bytes = b"") -> None:
        """Refuse the connection."""
        if not self._transport.is_closing():
            self._ended = True
            head = f"HTTP/1.1 {status} {phrase}\r\ncontent-length: 0\r\nconnection: close\r\n".encode()
            self._transport.write(head + header + b"\r\n")
            self._transport.close()


class _Listener(WSListener):
    """picows' callbacks: whole messages to the application."""

    def __init__(self, owner: WebSocketProtocol, most: int) -> None:
        self._owner = owner
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self._text = False
        self.transport: WSTransport

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.BINARY and frame.fin and not self._parts:
            self._owner.put({"type": "websocket.receive", "bytes": frame.get_payload_as_bytes()})
        elif kind == WSMsgType.CLOSE:
            self._closed(transport, frame)
        elif kind != WSMsgType.PONG:
            self._gather(kind, frame)

    def _gather(self, kind: WSMsgType, frame: WSFrame) -> None:
        if (kind == WSMsgType.CONTINUATION) != bool(self._parts):
            raise picows.WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "a message within a message")
        if not self._parts:
            self._text = kind == WSMsgType.TEXT
            self._size = 0
        self._size += frame.payload_size
        if self._size > self._most:
            raise picows.WSProtocolError(WSCloseCode.MESSAGE_TOO_BIG, "the message is too long")
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            data, self._parts = b"".join(self._parts), []
            if self._text:
                try:
                    self._owner.put({"type": "websocket.receive", "text": data.decode()})
                except UnicodeDecodeError:
                    raise picows.WSProtocolError(WSCloseCode.INVALID_TEXT, "not UTF-8") from None
            else:
                self._owner.put({"type": "websocket.receive", "bytes": data})

    def _closed(self, transport: WSTransport, frame: WSFrame) -> None:
        if not transport.is_close_frame_sent:
            transport.send_close(frame.get_close_code())
        transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        handshake = transport.close_handshake
        said = handshake.recv if handshake else None
        self._owner.lost(int(said.code) or 1005 if said else 1006, said.reason if said else "")

    def pause_writing(self) -> None:
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        self._owner.resume_writing()


def _checked(key: bytes) -> str:
    """The handshake's key, or "" when it is not 16 bytes in base64."""
    try:
        return key.decode("ascii") if len(b64decode(key, validate=True)) == 16 else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""
