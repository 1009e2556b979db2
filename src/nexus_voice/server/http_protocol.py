"""uvicorn's HTTP protocol with bounds on what comes before a request: idle connections, and heads."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .admission import Unknown
from .identity import address_of
from .websocket.handshake import response

HEAD_TIMEOUT_S = 10.0
"""Seconds that a client has to send a request's first line and headers."""
MAX_HEAD_BYTES = 65_536
"""Of a request's first line and headers."""
MAX_SILENT, MAX_SILENT_PER_ADDRESS = 512, 256
"""Connections whose first request has not come: in all, and from one address."""


class HttpProtocol(HttpToolsProtocol):
    """One connection. `silent` are all connections whose first request has not come."""

    def __init__(self, *arguments: Any, silent: Unknown, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._silent = silent
        self._place = ExitStack()
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = address_of({"client": self.client})
        self._place.enter_context(self._silent.waiting(address, transport.close))
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(response(431, "Request Header Fields Too Large"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_bytes = 0
            late = response(408, "Request Timeout")
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._refuse, late)

    def _stop_waiting(self) -> None:
        self._place.close()
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: bytes) -> None:
        self._stop_waiting()
        self.transport.write(answer)
        self.transport.close()


def http_protocol() -> Any:
    """To be passed to uvicorn as `http`: makes the connections of one server."""
    return partial(HttpProtocol, silent=Unknown(MAX_SILENT, MAX_SILENT_PER_ADDRESS))
