"""`WS /ws/voice`: the voice conversation. See docs/protocol.md."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import anyio
import structlog
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from ...core import events
from ...core.audio import Pcm
from ...core.errors import BadInput, Busy, NexusError
from ...core.events import ClientEvent, ServerEvent
from ...settings.server import Limits
from ...talk.client_line import ClientLine
from ...talk.turn import converse
from ...telemetry import logs
from ..admission import TRY_AGAIN
from ..identity import address_of, principals_of
from ..services import Services, services_of
from .wire import check_text, decode, encode

log = structlog.get_logger()
router = APIRouter()

HELLO_TIMEOUT_S = 10.0
"""Seconds a new connection has to say hello."""
POLICY, INTERNAL, TOO_SLOW, REPLACED = 1008, 1011, 4008, 4009
"""Close codes: two of RFC 6455, and two of our own."""


class Bucket:
    """A token bucket: lets `rate` a second through on average, and up to `burst` at a time."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = time.monotonic()

    def take(self, amount: float = 1.0) -> bool:
        """Take `amount` if there is so much left; return whether there was."""
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < amount:
            return False
        self._level -= amount
        return True


class SocketWire:
    """A WebSocket as the conversation's wire. It decodes and checks messages, limits their rate, and answers
    bad ones with an error."""

    def __init__(self, socket: WebSocket, limits: Limits, note: Callable[[object], None]) -> None:
        self._socket = socket
        self._limits = limits
        self._note = note
        self._rate = 16_000
        self._messages = Bucket(limits.messages, 5 * limits.messages)
        self._audio = Bucket(limits.audio, 30.0)
        self._sending = self._sent = 0
        self.scope = anyio.CancelScope()
        """Cancelled to cut the client off."""
        self.reason = (1000, "")

    async def hello(self) -> events.Hello:
        """Wait for the first message. Raises `BadInput` when it is not a hello, or does not come in time."""
        with anyio.move_on_after(HELLO_TIMEOUT_S):
            message = await self.receive()
            if isinstance(message, events.Hello):
                self._rate = message.rate
                return message
            raise BadInput('The first message must be {"type": "hello"}.', code="hello_first")
        raise BadInput("No hello came.", code="hello_first")

    async def receive(self) -> bytes | ClientEvent:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise anyio.EndOfStream
            data = message.get("bytes")
            try:
                if data is not None:
                    if not self._audio.take(len(data) / (2 * self._rate)):
                        raise BadInput("Audio came much faster than real time.", code="too_fast")
                    return bytes(data)
                if not self._messages.take():
                    raise BadInput("Too many messages.", code="rate_limited")
                event = decode(message["text"])
                if isinstance(event, events.Text):
                    check_text(event.text, self._limits.text)
                return event
            except BadInput as error:
                with suppress(anyio.BrokenResourceError):
                    await self.send(events.Error(error.code, error.message))
                if error.code in ("too_fast", "rate_limited"):
                    self.cut(POLICY, error.message)
                    await anyio.lowlevel.checkpoint()

    async def send(self, message: ServerEvent | Pcm) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            raise anyio.BrokenResourceError
        self._sending += 1
        try:
            if isinstance(message, Pcm):
                await self._socket.send_bytes(message.data)
            else:
                self._note(message)
                await self._socket.send_text(encode(message))
        except (WebSocketDisconnect, RuntimeError, OSError):
            raise anyio.BrokenResourceError from None
        finally:
            self._sending -= 1
            self._sent += 1

    async def watch(self) -> None:
        """Cut off a client that takes no messages. One timer costs less than a timer for each message."""
        while True:
            sent = self._sent
            await anyio.sleep(self._limits.send)
            if self._sending and self._sent == sent:
                self.cut(TOO_SLOW, "You take messages too slowly.")

    def cut(self, code: int, reason: str) -> None:
        """End this connection. The session stays, so that the client may come back."""
        self.reason = (code, reason)
        self.scope.cancel()


@router.websocket("/ws/voice")
@router.websocket("/ws/chat")
@router.websocket("/voice")
async def voice(socket: WebSocket) -> None:
    services = services_of(socket)
    await socket.accept()
    wire = SocketWire(socket, services.settings.limits, services.note)
    try:
        with wire.scope:
            await serve(wire, services, principals_of(socket), address_of(socket.scope))
    except anyio.EndOfStream:
        return
    except NexusError as error:
        await ClientLine(wire).send(events.Error(error.code, error.message))
        wire.reason = (TRY_AGAIN if isinstance(error, Busy) else POLICY, error.message)
    except Exception as error:  # a bug of ours ends one conversation, and says so
        log.error("voice session failed", exc_info=error)
        apology = events.Error("internal", "Something went wrong on our side. Please reconnect.")
        await ClientLine(wire).send(apology)
        wire.reason = (INTERNAL, "Something went wrong on our side.")
    with anyio.move_on_after(1, shield=True):
        if socket.client_state is WebSocketState.CONNECTED:
            await socket.close(wire.reason[0], wire.reason[1][:120])


async def serve(wire: SocketWire, services: Services, principals: frozenset[str], address: str) -> None:
    """Hold one connection's conversation, from hello to goodbye. `principals` and `address`: who calls."""
    admission = services.admission
    admission.check(address)
    give_way = partial(wire.cut, TRY_AGAIN, "Say hello at once: others are waiting.")
    with admission.unknown.waiting(address, give_way):
        hello = await wire.hello()
    with admission.session(address):
        kept, resumed = services.sessions.open(hello.session_id, hello.token)
        session = kept.value
        replaced = partial(wire.cut, REPLACED, "The conversation goes on in another connection.")
        async with services.sessions.hold(kept, replaced), anyio.create_task_group() as tasks:
            logs.follow(session=kept.id)
            log.info("voice session opened", resumed=resumed, rate=hello.rate)
            session.principals, session.caller = principals, "conversation"
            session.client_pauses = hello.pauses
            session.manner.speak = True
            session.manner.apply(hello)
            tasks.start_soon(wire.watch)
            try:
                ready = events.Ready(kept.id, kept.token, resumed, session.engines.names())
                await ClientLine(wire).send(ready)
                await converse(wire, session, hello.rate)
            finally:
                log.info("voice session closed", turns=session.turn)
            tasks.cancel_scope.cancel()
