"""The WebSocket protocol over picows, spoken to by another implementation, on uvloop and on asyncio."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import anyio
import pytest
import uvicorn
from anyio.abc import SocketStream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from nexus_voice.server.websocket.protocol import WebSocketProtocol

pytestmark = pytest.mark.anyio
App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
MOST = 100_000
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The key of RFC 6455's own example, and the answer to it."""


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


class Server(uvicorn.Server):
    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def served(app: App, **options: Any) -> AsyncIterator[tuple[str, Server]]:
    sock = socket.create_server(("127.0.0.1", 0))
    settings: dict[str, Any] = {"lifespan": "off", "log_config": None, "ws_max_size": MOST, **options}
    server = Server(uvicorn.Config(app, ws=WebSocketProtocol, timeout_graceful_shutdown=2, **settings))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [sock])
        try:
            with anyio.fail_after(20):
                yield f"127.0.0.1:{sock.getsockname()[1]}", server
        finally:
            server.should_exit = True


class Echo:
    """Sends back what it gets; "close" and "fail" are taken as orders. Keeps what it saw."""

    def __init__(self, subprotocol: str | None = None) -> None:
        self.scope: dict[str, Any] = {}
        self.left: dict[str, Any] = {}
        self.gone = anyio.Event()
        self.subprotocol = subprotocol

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.scope = scope
        assert await receive() == {"type": "websocket.connect"}
        headers = [(b"x-served-by", b"echo")]
        await send({"type": "websocket.accept", "subprotocol": self.subprotocol, "headers": headers})
        while (message := await receive())["type"] == "websocket.receive":
            match message.get("text"):
                case "close":
                    await send({"type": "websocket.close", "code": 4008, "reason": "as you wish"})
                    with pytest.raises(RuntimeError):
                        await send({"type": "websocket.send", "text": "too late"})
                case "fail":
                    raise ZeroDivisionError
                case _:
                    await send({**message, "type": "websocket.send"})
        self.left = message
        self.gone.set()


async def closed(client: ClientConnection) -> tuple[int, str]:
    """The close that ended the connection, as the client saw it."""
    with suppress(ConnectionClosed):
        while True:
            await client.recv()
    return client.close_code or 0, client.close_reason or ""


async def dial(address: str) -> SocketStream:
    host, port = address.split(":")
    return await anyio.connect_tcp(host, int(port))


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[SocketStream]:
    """A connection that has shaken hands, whose bytes we write ourselves."""
    async with await dial(address) as stream:
        await stream.send(request())
        assert (await stream.receive()).startswith(b"HTTP/1.1 101 ")
        yield stream


def request(**changes: str | None) -> bytes:
    headers: dict[str, str | None] = {
        "Host": "x",
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",  # as Firefox says it
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    return f"GET /ws/r%C3%BCf?a=1 HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


def frame(opcode: int, data: bytes = b"", *, last: bool = True, reserved: int = 0) -> bytes:
    """Masked with zeros."""
    first = (0x80 if last else 0) | reserved << 4 | opcode
    size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0xFE, len(data))
    return bytes([first]) + size + bytes(4) + data


async def until_closed(stream: SocketStream) -> bytes:
    received = b""
    try:
        while True:
            received += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return received


async def test_handshake() -> None:
    app = Echo()
    async with served(app, root_path="/app") as (address, _):
        async with await dial(address) as stream:
            await stream.send(request())
            head = (await stream.receive()).decode().lower()
        await app.gone.wait()
    assert head.startswith("http/1.1 101 ")
    assert f"sec-websocket-accept: {ACCEPT.lower()}" in head
    assert "x-served-by: echo" in head
    assert "sec-websocket-protocol" not in head
    scope = app.scope
    assert (scope["path"], scope["raw_path"]) == ("/app/ws/rüf", b"/app/ws/r%C3%BCf")
    assert (scope["query_string"], scope["scheme"], scope["root_path"]) == (b"a=1", "ws", "/app")
    assert (b"connection", b"keep-alive, Upgrade") in scope["headers"]
    assert f"{scope['server'][0]}:{scope['server'][1]}" == address
    assert app.left["code"] == 1006


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "ü" * 22}, 400),
        ({"Sec_WebSocket_Version": "8"}, 426),
    ],
)
async def test_bad_handshake(changes: dict[str, str | None], status: int) -> None:
    app = Echo()
    async with served(app) as (address, server):
        async with await dial(address) as stream:
            await stream.send(request(**changes))
            assert (await until_closed(stream)).startswith(f"HTTP/1.1 {status} ".encode())
        assert not app.scope
        assert not server.server_state.tasks


async def test_bytes_before_the_answer_end_the_connection() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert (await receive())["type"] == "websocket.disconnect"

    async with served(slow) as (address, _), await dial(address) as stream:
        await stream.send(request())
        await anyio.wait_all_tasks_blocked()
        await stream.send(frame(1, b"eager"))
        assert await until_closed(stream) == b""


async def test_subprotocol() -> None:
    app = Echo("voice.2")
    async with (
        served(app) as (address, _),
        connect(f"ws://{address}", subprotocols=["voice.1", "voice.2"]) as client,  # type: ignore[list-item]
    ):
        assert client.subprotocol == "voice.2"
        assert app.scope["subprotocols"] == ["voice.1", "voice.2"]


async def test_refused_by_the_application() -> None:
    async def no(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 1008})

    async with served(no) as (address, _):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{address}")
    assert refused.value.response.status_code == 403


async def test_messages_both_ways() -> None:
    async with served(Echo()) as (address, _), connect(f"ws://{address}", max_size=None) as client:
        for message in ("hello", "grüß dich 👋", "", b"", b"\0\xff" * 320, b"x" * MOST, "y" * 65_536):
            await client.send(message)
            assert await client.recv() == message
        await client.send(["in ", "sev", "eral pie", "ces"])
        assert await client.recv() == "in several pieces"
        await client.send([b"a", b"", b"b"])
        assert await client.recv() == b"ab"


async def test_ping_within_a_message_and_bytes_one_by_one() -> None:
    parts = frame(1, b"on", last=False) + frame(9, b"alive?") + frame(0, b"e") + frame(2, b"two")
    expected = b"\x8a\x06alive?" + b"\x81\x03one" + b"\x82\x03two"
    async with served(Echo()) as (address, _), raw(address) as stream:
        received = b""
        for byte in parts:
            await stream.send(bytes([byte]))
        while len(received) < len(expected):
            received += await stream.receive()
        assert received == expected


async def test_closed_by_the_client() -> None:
    app = Echo()
    async with served(app) as (address, server), connect(f"ws://{address}") as client:
        await client.close(4001, "had enough")
        await app.gone.wait()
        assert not server.server_state.connections
    assert (app.left["code"], app.left["reason"]) == (4001, "had enough")
    assert client.close_code == 4001


async def test_closed_by_the_application() -> None:
    app = Echo()
    async with served(app) as (address, _), connect(f"ws://{address}") as client:
        await client.send("close")
        assert await closed(client) == (4008, "as you wish")
        await app.gone.wait()


async def test_failing_application(caplog: pytest.LogCaptureFixture) -> None:
    async with served(Echo()) as (address, _), connect(f"ws://{address}") as client:
        await client.send("fail")
        assert (await closed(client))[0] == 1011
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(2, b"x" * 60_000, last=False) + frame(0, b"x" * 60_000), 1009),
        (b"\x82\xff" + struct.pack("!Q", MOST + 1), 1009),
        (frame(1, b"\xff\xfe"), 1007),
        (frame(0, b"?"), 1002),
        (frame(1, b"a", last=False) + frame(1, b"b"), 1002),
        (frame(2, b"?", reserved=4), 1002),
        (frame(3), 1002),
        (b"\x82\x01?", 1002),  # not masked
    ],
    ids=["long message", "long frame", "no text", "no beginning", "within", "reserved", "opcode", "mask"],
)
async def test_broken_protocol(sent: bytes, code: int, caplog: pytest.LogCaptureFixture) -> None:
    app = Echo()
    async with served(app) as (address, server), raw(address) as stream:
        await stream.send(sent)
        received = await until_closed(stream)
        assert received[0] == 0x88
        assert struct.unpack("!H", received[2:4])[0] == code
        await app.gone.wait()
        assert app.left["code"] == code
        assert not server.server_state.connections
    assert not caplog.records


async def test_reset() -> None:
    app = Echo()
    async with served(app) as (address, server), raw(address) as stream:
        sock: socket.socket = stream.extra(anyio.abc.SocketAttribute.raw_socket)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()
        await app.gone.wait()
        assert app.left["code"] == 1006
        assert not server.server_state.connections


async def test_slow_reader_holds_back_the_application() -> None:
    sent = 0
    ended = anyio.Event()

    async def flood(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": bytes(50_000)})
                sent += 1
                await anyio.lowlevel.checkpoint()
        except OSError:  # as ASGI wants it: the client is gone
            ended.set()
            raise

    async with served(flood) as (address, _):
        async with raw(address) as stream:
            stuck = -1
            while stuck != sent:
                stuck = sent
                await anyio.wait_all_tasks_blocked()
            received = 0
            while received < 50_000 * (stuck + 5):
                received += len(await stream.receive())
            assert sent > stuck > 0
        await ended.wait()


async def test_slow_application_holds_back_the_client() -> None:
    begin = anyio.Event()
    received = 0

    async def sleepy(scope: Any, receive: Any, send: Any) -> None:
        nonlocal received
        await send({"type": "websocket.accept"})
        await begin.wait()
        await receive()
        while (await receive())["type"] == "websocket.receive":
            received += 1

    count = 400
    async with served(sleepy) as (address, _), raw(address) as stream:
        with anyio.move_on_after(0.5) as patience:
            for _ in range(count):
                await stream.send(frame(2, bytes(60_000)))
        assert patience.cancelled_caught, "nobody held the client back"
        begin.set()
        await anyio.wait_all_tasks_blocked()
        assert received > 0


async def test_heartbeat() -> None:
    async with served(Echo(), ws_ping_interval=0.05, ws_ping_timeout=0.05) as (address, _):
        async with connect(f"ws://{address}") as lively:
            await anyio.sleep(0.3)
            await lively.send("still here")
            assert await lively.recv() == "still here"
        async with raw(address) as dead:
            received = await until_closed(dead)
    assert received.startswith(b"\x89")  # a ping, then a close
    assert b"\x88" in received


async def test_server_stops() -> None:
    app = Echo()
    async with served(app) as (address, server), connect(f"ws://{address}") as client:
        await client.send("hello")
        await client.recv()
        server.should_exit = True
        assert (await closed(client))[0] == 1012
        await app.gone.wait()
    assert app.left["code"] == 1012
