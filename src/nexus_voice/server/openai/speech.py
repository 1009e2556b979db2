"""`POST /v1/audio/speech`."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any, Literal, get_args

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, Field

from ...audio.files import file_bytes, wav_header
from ...audio.opus import RATE
from ...core.audio import Pcm
from ...engines.chain.fallback import Fallback
from ..services import Shared
from ..speech.routes import Speech, check, encoded, headed, queued, spoken
from ..streaming import Stream, begun, event_stream, while_connected
from .completion import sse, tokens
from .errors import Invalid
from .models import selected

router = APIRouter(prefix="/v1", tags=["openai"])

assert RATE == 24_000, "what pcm means in this protocol"
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
    "verse",
)  # fmt: skip
"""Many clients know only these names. They mean the default voice, unless the engine has such a voice."""
MIN_SPEED, MAX_SPEED = 0.5, 2.0
"""Speeds of our voices. A request beyond them gets the nearest."""

Format = Literal["mp3", "opus", "flac", "wav", "pcm"]
MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg;codecs=opus",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_named = BeforeValidator(lambda voice: voice.get("id") if isinstance(voice, dict) else voice)


class Order(BaseModel):
    """What is not listed is ignored."""

    model: str = Field("", description="Another engine's name selects that one; any other, the best.")
    input: str = Field(min_length=1, examples=["Good morning."])
    voice: Annotated[str, _named, Field(max_length=100)] = ""
    response_format: str = Field("mp3", description="mp3, opus, flac, wav or pcm (24 kHz, 16 bits, mono).")
    speed: float = Field(1.0, ge=0.25, le=4.0)
    stream_format: Literal["audio", "sse"] = "audio"

    @property
    def format(self) -> Format:
        """Raises `Invalid`."""
        for known in get_args(Format):
            if known == self.response_format:
                return known  # type: ignore[no-any-return]
        choices = ", ".join(get_args(Format))
        raise Invalid(
            f"{self.response_format!r} cannot be made here. Choices: {choices}.",
            "response_format",
            code="unsupported_format",
        )


@router.post(
    "/audio/speech",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in [*MEDIA_TYPES.values(), "text/event-stream"]}}},
)
async def speech(order: Order, request: Request, services: Shared) -> Response:
    """Text to sound, by OpenAI's rules. opus, wav and pcm are sent as they are made."""
    format, engine = order.format, selected(services.supply.chains["tts"], order.model)
    speed = min(max(order.speed, MIN_SPEED), MAX_SPEED)
    words = Speech(text=order.input, voice=await voice_of(engine, order.voice), rate=speed, pitch=1.0)
    check(words, services)
    made = queued(services.queues["tts"], spoken(words, engine, RATE))
    body = await while_connected(request, partial(begun, made))
    match format:
        case "opus":
            body = encoded(body)
        case "wav":
            body = headed(wav_header(RATE), body)
        case "flac" | "mp3":
            body = whole(body, format)
    headers = {"x-engine": engine.name}
    if order.stream_format == "sse":
        return event_stream(events(body, order.input), headers)
    return Stream(body, MEDIA_TYPES[format], headers)


async def voice_of(engine: Fallback, name: str) -> str:
    """The engine's name for the requested voice; "" is its default voice."""
    if name.lower() not in OPENAI_VOICES or engine.name.startswith("openai"):
        return name
    return name if name in await engine.voices() else ""


async def whole(pieces: AsyncGenerator[bytes], format: Literal["flac", "mp3"]) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        data = b"".join([piece async for piece in pieces])
    yield await anyio.to_thread.run_sync(file_bytes, Pcm(data, RATE), format)


async def events(body: AsyncGenerator[bytes], text: str) -> AsyncGenerator[bytes]:
    """The sound as server-sent events, in base64."""
    async with aclosing(body):
        async for piece in body:
            yield sse({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    sent = tokens(text)
    usage: dict[str, Any] = {"input_tokens": sent, "output_tokens": 0, "total_tokens": sent}
    yield sse({"type": "speech.audio.done", "usage": usage})
