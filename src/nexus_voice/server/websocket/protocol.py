"""WebSockets for uvicorn over picows, which parses and writes frames in C.

A voice session receives fifty frames a second, and framing them in Python is a third of what a silent
session costs. Pass the class to uvicorn as `ws`. The handshake waits here until the application accepts
it; then picows gets the handshake and the transport.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, cast

from picows import (
    WSAutoPingStrategy,
    WSCloseCode,
    WSMsgType,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from ..admission import BUSY_RETRY_S, TRY_AGAIN
from .handshake import Upgrade, response
from .messages import Message, Messages

MAX_WAITING_MESSAGES = 4
"""Messages that wait for the application; at so many the client is kept waiting."""
CLOSE_TIMEOUT_S = 5.0
"""Seconds that a client has to answer our close."""

log = logging.getLogger(__name__)
log.addFilter(lambda record: bool(record.exc_info))  # picows calls every bad client an error
_log = logging.LoggerAdapter(log)


class WebSocketProtocol(asyncio.Protocol):
    """One connection: ASGI on one side, asyncio (until it is accepted) and picows on the other."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        self._config = config
        self._server = server_state
        self._state = app_state
        self._loop = asyncio.get_running_loop()
        self._upgrade: Upgrade | None = None
        self._messages: Messages | None = None
        self._ended = False
        """Refused, closed by us, or lost: the application can send no more."""
        self._lost = False
        self._waiting: deque[Message] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._held = False
        """The client is kept waiting."""
        self._writable = asyncio.Event()
        self._writable.set()
        self._goodbye: asyncio.TimerHandle | None = None

    # --- from asyncio and uvicorn --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)  # type: ignore[arg-type]
        # asyncio's own `writelines` in Python 3.12 and 3.13.0 never asks us to pause; see `_send`.
        self._forgets = type(transport).__module__.startswith("asyncio.")

    def data_received(self, data: bytes) -> None:
        """Take the whole request, which comes once: a client may not send more before it is answered."""
        if self._upgrade is not None:
            return self.transport.abort()
        self._upgrade = upgrade = Upgrade.parse(data)
        if refusal := upgrade.refusal():
            return self._refuse(refusal)
        task = self._loop.create_task(self._run(upgrade.scope(self._config, self.transport, self._state)))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost(1006, "")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops."""
        if self._messages is None:
            return self._refuse(response(503, "Service Unavailable"))
        if not self._ended:
            self.put({"type": "websocket.disconnect", "code": 1012})
            self._say_goodbye(1012, "")
        return self.transport.close()

    # --- from picows ---------------------------------------------------------------------------

    def put(self, message: Message) -> None:
        """Queue a message for the application. A client that sends faster than it takes them is held back."""
        if self._ended and message["type"] != "websocket.disconnect":
            return
        self._waiting.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if len(self._waiting) >= MAX_WAITING_MESSAGES and not self._held:
            self._held = True
            self.transport.pause_reading()

    def lost(self, code: int, reason: str) -> None:
        if not self._lost:
            self._lost = self._ended = self._held = True
            self._server.connections.discard(self)
            self.put({"type": "websocket.disconnect", "code": code, "reason": reason})
            self._writable.set()  # a transport that is lost while paused never resumes
            if self._goodbye is not None:
                self._goodbye.cancel()

    # --- from the application ------------------------------------------------------------------

    async def _run(self, scope: dict[str, Any]) -> None:
        self.put({"type": "websocket.connect"})
        code = 1000
        try:
            await self._config.loaded_app(scope, self._receive, self._send)
        except ClientDisconnected:
            pass
        except Exception:
            code = 1011
            log.exception("Exception in ASGI application")
        finally:
            if self._messages is None:
                self._refuse(response(500, "Internal Server Error"))
            else:
                self._say_goodbye(code, "")

    async def _receive(self) -> Message:
        while not self._waiting:
            self._waiter = self._loop.create_future()
            await self._waiter
        message = self._waiting.popleft()
        if self._held and not self._waiting:
            self._resume_reading()
        return message

    async def _send(self, message: Message) -> None:
        if not self._writable.is_set():
            await self._writable.wait()
        kind = message["type"]
        if self._lost:
            raise ClientDisconnected
        if self._ended:
            raise RuntimeError(f"{kind} after the end of the WebSocket")
        if kind == "websocket.send" and self._messages is not None:
            data = message.get("bytes")
            if data is None:
                self._messages.transport.send(WSMsgType.TEXT, message["text"])
            else:
                self._messages.transport.send(WSMsgType.BINARY, data)
            if self._forgets:
                self.transport.set_write_buffer_limits()  # looks at how much is waiting
        elif kind == "websocket.accept" and self._messages is None:
            self._accept(message.get("subprotocol"), message.get("headers") or ())
        elif kind == "websocket.close" and self._messages is None:
            if message.get("code") == TRY_AGAIN:
                self._refuse(response(429, "Too Many Requests", f"retry-after: {BUSY_RETRY_S}\r\n"))
            else:
                self._refuse(response(403, "Forbidden"))
        elif kind == "websocket.close":
            self._say_goodbye(message.get("code", 1000), message.get("reason") or "")
        else:
            raise RuntimeError(f"unexpected {kind}")

    def _accept(self, subprotocol: str | None, headers: Any) -> None:
        """Hand the transport to picows, and let it answer the handshake."""
        assert self._upgrade is not None
        extra = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        if subprotocol:
            extra.append(("Sec-WebSocket-Protocol", subprotocol))
        config = self._config
        messages = self._messages = Messages(self, config.ws_max_size)
        answer = WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(extra), messages)
        interval = config.ws_ping_interval or 0.0
        protocol = WSProtocol(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=lambda _: answer,
            logger=_log,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,
            enable_auto_ping=interval > 0,
            auto_ping_idle_timeout=interval,
            auto_ping_reply_timeout=min(config.ws_ping_timeout or interval, interval),
            auto_ping_strategy=WSAutoPingStrategy.PING_PERIODICALLY,  # proxies count both directions
            enable_auto_pong=True,
            max_frame_size=config.ws_max_size,
            extra_headers=None,
            read_buffer_init_size=4096,
        )
        request = self._upgrade.bare()
        protocol.connection_made(self.transport)
        protocol.get_buffer(-1)[: len(request)] = request
        protocol.buffer_updated(len(request))
        self.transport.set_protocol(protocol)

    # --- ends ----------------------------------------------------------------------------------

    def _say_goodbye(self, code: int, reason: str) -> None:
        """Send our close. The connection ends when the client has answered it, or after `CLOSE_TIMEOUT_S`."""
        if not self._ended and self._messages is not None:
            self._ended = True
            self._messages.transport.send_close(cast(WSCloseCode, code), reason)
            if self._held:
                self._resume_reading()
            self._goodbye = self._loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)

    def _refuse(self, answer: bytes) -> None:
        if not self._ended:
            self._ended = True
            self.transport.write(answer)
            self.transport.close()

    def _resume_reading(self) -> None:
        if not self.transport.is_closing():
            self._held = False
            self.transport.resume_reading()
