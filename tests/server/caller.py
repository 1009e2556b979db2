"""A client of the voice socket, as plain as can be."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PATIENCE = 20.0
"""Seconds until a test gives up on the server."""


class Caller:
    def __init__(self, url: str, **options: Any) -> None:
        self._connection = connect(
            url, proxy=None, compression=None, open_timeout=PATIENCE, close_timeout=1, **options
        )
        self.socket: ClientConnection = self._connection.__enter__()
        self.audio = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.__exit__(None, None, None)

    def say(self, type: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": type, **fields}))

    def hello(self, **fields: Any) -> dict[str, Any]:
        self.say("hello", **fields)
        return self.until("ready")

    def until(self, *types: str) -> dict[str, Any]:
        """The next message of one of these types; audio before it is kept."""
        while True:
            data = self.socket.recv(PATIENCE)
            if isinstance(data, bytes):
                self.audio += data
                continue
            message: dict[str, Any] = json.loads(data)
            if message["type"] in types:
                return message
            assert "error" in types or message["type"] != "error", message

    def turn(self, text: str) -> dict[str, Any]:
        """Ask in writing; how the answer ended."""
        self.say("text", text=text)
        return self.until("ended")

    def error(self) -> str:
        """The code of the next error."""
        code: str = self.until("error")["code"]
        return code

    def closing(self) -> int:
        """The code that the server closes the connection with."""
        try:
            while True:
                self.socket.recv(PATIENCE)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def vanish(self) -> None:
        """Reset the connection, as a crashed machine's router does."""
        raw = self.socket.socket
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.shutdown(socket.SHUT_RD)
        raw.close()
