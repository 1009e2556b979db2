"""A WebSocket's opening handshake (RFC 6455, section 4.2), up to the application's decision."""

from __future__ import annotations

import binascii
from asyncio import BaseTransport
from base64 import b64decode
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What the client asks for."""

    method: bytes
    target: bytes
    headers: Headers

    @classmethod
    def parse(cls, head: bytes) -> Upgrade:
        """`head` is the request as uvicorn has already understood it once."""
        first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
        method, target, _ = first.split(b" ", 2)
        parts = (line.partition(b": ") for line in lines)
        return cls(method, target, [(name.lower(), value) for name, _, value in parts])

    def all(self, name: bytes) -> bytes:
        """Every value of a header, joined by commas."""
        return b",".join(value for key, value in self.headers if key == name)

    @property
    def key(self) -> str:
        """The client's challenge; "" when it is not 16 bytes in base64."""
        key = self.all(b"sec-websocket-key")
        try:
            return key.decode("ascii") if len(b64decode(key, validate=True)) == 16 else ""
        except (binascii.Error, UnicodeDecodeError):
            return ""

    def scope(self, config: Config, transport: BaseTransport, state: dict[str, Any]) -> dict[str, Any]:
        """The connection as the application sees it, by ASGI's specification."""
        path, _, query = self.target.partition(b"?")
        offered = self.all(b"sec-websocket-protocol").decode("latin-1").split(",")
        return {
            "type": "websocket",
            "asgi": {"version": config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(transport) else "ws",  # type: ignore[arg-type]
            "server": get_local_addr(transport),  # type: ignore[arg-type]
            "client": get_remote_addr(transport),  # type: ignore[arg-type]
            "root_path": config.root_path,
            "path": config.root_path + unquote(path.decode("latin-1")),
            "raw_path": config.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": self.headers,
            "subprotocols": [name.strip() for name in offered if name.strip()],
            "state": state.copy(),
            "extensions": {},
        }

    def refusal(self) -> bytes:
        """The answer to a request that can never become a WebSocket; empty when it may."""
        if self.method != b"GET" or not self.key:
            return response(400, "Bad Request")
        if self.all(b"sec-websocket-version") != b"13":
            return response(426, "Upgrade Required", "sec-websocket-version: 13\r\n")
        return b""

    def bare(self) -> bytes:
        """The request with only what makes it a handshake."""
        return (
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {self.key}\r\n\r\n"
        ).encode()


def response(status: int, phrase: str, header: str = "") -> bytes:
    """A refusal."""
    return f"HTTP/1.1 {status} {phrase}\r\ncontent-length: 0\r\nconnection: close\r\n{header}\r\n".encode()
