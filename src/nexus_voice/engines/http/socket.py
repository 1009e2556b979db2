"""WebSockets over the same connections and with the same errors as `RemoteHttp`."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpcore
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect, WebSocketNetworkError
from wsproto.events import TextMessage
from wsproto.utilities import LocalProtocolError

from .client import RemoteHttp

WRITE_TIMEOUT_S = 5.0
"""A connection whose writes take longer counts as dead."""
GONE = (WebSocketDisconnect, WebSocketNetworkError, LocalProtocolError)
"""What sending raises when the other side has closed; receiving then says why."""


@asynccontextmanager
async def websocket(
    http: RemoteHttp, path: str, within: float, **request: Any
) -> AsyncIterator[AsyncWebSocketSession]:
    """An open WebSocket, which is closed at the end. It runs tasks of its own: never use it around a `yield`.

    Raises what `RemoteHttp.open` does. An error inside comes out wrapped in an `ExceptionGroup`.
    """
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
    response = await http.exchange("GET", path, within, headers=upgrade, **request)
    try:
        if response.status_code != 101:
            errors = http.errors
            raise errors.malformed("no WebSocket") if response.is_success else errors.refused(response)
        stream = _TimedWrites(response.extensions["network_stream"])
        async with AsyncWebSocketSession(stream, response=response) as session:
            yield session
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()


async def message(http: RemoteHttp, session: AsyncWebSocketSession) -> Any | None:
    """The decoded JSON of the next text message; None when the server has closed properly.

    Raises `EngineError`: close codes such as 1008 mean that the request was wrong, others that the server
    is in trouble.
    """
    try:
        while not isinstance(event := await session.receive(), TextMessage):
            pass
    except WebSocketDisconnect as error:
        if error.code in (1000, 1001, 1005):
            return None
        reason = f"{error.reason or 'no reason given'} (close code {error.code})"
        raise http.errors.failed(400 if error.code in (1003, 1007, 1008) else 500, reason) from error
    except WebSocketNetworkError as error:
        raise http.errors.broken() from error
    return http.errors.decoded(event.data.encode())


class _TimedWrites(httpcore.AsyncNetworkStream):
    """A network stream whose writes have a timeout, also the last ones, to a network that is dead."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self._stream.write(buffer, WRITE_TIMEOUT_S)
        except httpcore.WriteTimeout as error:
            raise httpcore.WriteError("the network takes no more") from error

    async def aclose(self) -> None:
        await self._stream.aclose()
