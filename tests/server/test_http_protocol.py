"""A request's head that does not come to its end, with the loop's clock put forward."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from functools import partial

import pytest
from starlette.responses import PlainTextResponse
from uvicorn.config import Config
from uvicorn.server import ServerState

from nexus_voice.server.admission import Unknown
from nexus_voice.server.http_protocol import HEAD_TIMEOUT_S, HttpProtocol

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Loop(asyncio.SelectorEventLoop):
    """Its clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def answers(*sent: bytes) -> tuple[list[bytes], int]:
    """What a client gets that sends these pieces, each nearly `HEAD_TIMEOUT_S` after the one before, and
    then is silent: the first lines of the answers; and how many connections are counted as silent then."""
    loop, silent = Loop(), Unknown(10, 10)
    config = Config(PlainTextResponse("yes"), log_config=None, timeout_keep_alive=3_600)
    config.load()
    make = partial(HttpProtocol, config, ServerState(), {}, loop, silent=silent)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    async def talk() -> int:
        await loop.connect_accepted_socket(make, ours)
        for piece in sent:
            await loop.sock_sendall(theirs, piece)
            for _ in range(20):
                await asyncio.sleep(0)
            loop.ahead += 0.6 * HEAD_TIMEOUT_S
            await asyncio.sleep(0.001)
        counted = len(silent)
        loop.ahead += HEAD_TIMEOUT_S
        await asyncio.sleep(0.001)
        return counted

    counted = loop.run_until_complete(talk())
    got = b""
    with theirs, suppress(BlockingIOError):
        while data := theirs.recv(65_536):
            got += data
    loop.run_until_complete(asyncio.sleep(0.001))  # the server's side closes as well
    loop.close()
    return [part.split(b"\r\n")[0] for part in got.split(b"HTTP/1.1 ")[1:]], counted


@pytest.mark.parametrize(
    ("sent", "expected", "silent"),
    [
        ([REQUEST], [b"200 OK"], 0),
        ([REQUEST, REQUEST, REQUEST], [b"200 OK"] * 3, 0),
        ([], [b"408 Request Timeout"], 1),
        ([REQUEST[:9]], [b"408 Request Timeout"], 1),
        ([REQUEST[:5], b"a"], [b"408 Request Timeout"], 0),
        ([REQUEST, REQUEST[:5], b"a"], [b"200 OK", b"408 Request Timeout"], 0),
    ],
)
def test_a_head_has_so_much_time_however_it_comes(
    sent: list[bytes], expected: list[bytes], silent: int
) -> None:
    assert answers(*sent) == (expected, silent)
