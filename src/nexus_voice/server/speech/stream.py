"""`WS /stt/stream`: the client sends audio while it is spoken and gets its text. See docs/services.md."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

import anyio
import orjson
import structlog
from anyio.streams.memory import MemoryObjectSendStream
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from ...audio.resample import Resampler, checked
from ...core.audio import RATE, Pcm, Transcript
from ...core.errors import BadInput, Busy, NexusError
from ...talk.streams import closing
from ..admission import TRY_AGAIN
from ..services import Services, services_of
from ..streaming import SEND_TIMEOUT_S
from ..uploads import MAX_AUDIO_S
from ..voice.routes import INTERNAL, POLICY

log = structlog.get_logger()
router = APIRouter()

MAX_QUEUED_MESSAGES = 16
"""Pieces of audio that wait for the recogniser; a client that is further ahead is kept waiting."""
SILENCE_TIMEOUT_S = 60.0
"""Seconds for which an utterance may go without a message: it holds a place at the recogniser."""


class ClientGone(Exception):
    """The client has left, or takes no more messages."""


@router.websocket("/stt/stream")
async def stream(socket: WebSocket) -> None:
    services = services_of(socket)
    await socket.accept()
    client = Client(socket)
    with suppress(ClientGone):
        try:
            rate = rate_of(socket.query_params.get("rate", str(RATE)))
            while True:
                await utterance(client, await client.audio(), rate, services)
        except ClientGone:
            raise
        except NexusError as error:
            await client.end(error.code, error.message, TRY_AGAIN if isinstance(error, Busy) else POLICY)
        except Exception as error:  # a bug of ours
            log.error("transcription failed", exc_info=error)
            await client.end("internal", "Something went wrong on our side. Please reconnect.", INTERNAL)


def rate_of(given: str) -> int:
    """Raises `BadInput`."""
    if not given.isdecimal():
        raise BadInput("Say the rate of the samples in Hz, as in ?rate=16000.", code="bad_rate")
    return checked(int(given[:9]))


async def utterance(client: Client, first: bytes, rate: int, services: Services) -> None:
    """Transcribe one utterance, from its first audio to its final text."""
    engine = services.engines.stt
    sound, heard = anyio.create_memory_object_stream[Pcm](MAX_QUEUED_MESSAGES)
    async with services.queues["stt"].place(), sound, heard:
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen, client, first, rate, sound)
                async with closing(engine.transcribe(heard)) as transcripts:
                    async for transcript in transcripts:
                        await client.say(transcript)
                        if transcript.final:
                            break
                tasks.cancel_scope.cancel()


async def listen(client: Client, data: bytes | None, rate: int, sound: MemoryObjectSendStream[Pcm]) -> None:
    """Pass the audio on to the recogniser until the client says that the utterance is over."""
    resampler, seconds = Resampler(rate, RATE), 0.0
    async with sound:
        while data is not None:
            seconds += len(data) / (2 * rate)
            if seconds > MAX_AUDIO_S:
                raise BadInput(f"An utterance may last {MAX_AUDIO_S:g} seconds.", code="audio_too_long")
            await sound.send(Pcm(resampler.push(data), RATE))
            data = await client.receive(SILENCE_TIMEOUT_S)
        await sound.send(Pcm(resampler.finish(), RATE))


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the first error of a task group in place of its group."""
    try:
        yield
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        raise error from None


class Client:
    """The socket of one client. It checks messages, and raises `ClientGone` when the client has left."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def audio(self) -> bytes:
        """The first audio of the next utterance. One that ends before it has begun gets an empty text."""
        while (data := await self.receive()) is None:
            await self.say(Transcript("", final=True))
        return data

    async def receive(self, within: float = math.inf) -> bytes | None:
        """The next audio, or None when the utterance is over. Raises `ClientGone` and `BadInput`."""
        with anyio.move_on_after(within):
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise ClientGone
            if (data := message.get("bytes")) is not None:
                return bytes(data)
            if _is_end(message["text"]):
                return None
            raise BadInput('Send audio, or {"type": "end"} after it.', code="unknown_type")
        raise BadInput(f"Nothing came for {within:g} s: end an utterance when it is over.", code="silent")

    async def say(self, transcript: Transcript) -> None:
        message: dict[str, Any] = {
            "type": "final" if transcript.final else "partial",
            "text": transcript.text.strip(),
        }
        if transcript.language:
            message["language"] = transcript.language
        if transcript.words:
            message["words"] = [asdict(word) for word in transcript.words]
        await self._send(message)

    async def end(self, code: str, message: str, close: int) -> None:
        """Say what is wrong, and close."""
        await self._send({"type": "error", "code": code, "message": message})
        with anyio.move_on_after(1):
            await self._socket.close(close, message[:120])

    async def _send(self, message: dict[str, Any]) -> None:
        with anyio.move_on_after(SEND_TIMEOUT_S):
            try:
                return await self._socket.send_text(orjson.dumps(message).decode())
            except (WebSocketDisconnect, RuntimeError, OSError):
                raise ClientGone from None
        raise ClientGone


def _is_end(text: str) -> bool:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and message.get("type") == "end"
