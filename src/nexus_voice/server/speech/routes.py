"""`POST /stt`, `POST /tts`, `POST /synthesize`, `GET /voices`: the recogniser and the voice by themselves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ...audio.files import wav_bytes, wav_header
from ...audio.opus import RATE as OPUS_RATE
from ...audio.opus import OggOpus
from ...audio.resample import Resampler
from ...core.audio import RATE, Pcm, Transcript, Voice
from ...core.errors import BadInput, EngineError
from ...ports import HasVoices, Stt, Tts
from ...talk.streams import closing
from ...text.sentences.splitter import Sentences
from ...text.spoken.speakable import speakable
from ..queueing import Queue
from ..services import Services, Shared
from ..streaming import Stream, begun, while_connected
from ..uploads import audio_of

hearing = APIRouter(tags=["speech"])
speaking = APIRouter(tags=["speech"])

VOICE_RATE_HZ = 22_050
"""Rate of synthesised PCM and WAV, whatever the engine's own is."""

AUDIO_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "audio/wav": {"schema": {"type": "string", "format": "binary"}},
            "audio/L16": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class Heard(BaseModel):
    text: str = Field(description="What was said; empty when nothing was.", examples=["What time is it?"])
    seconds: float = Field(description="Length of the audio.", examples=[1.9])
    engine: str = Field(examples=["pocketsphinx"])


class Speech(BaseModel):
    text: str = Field(min_length=1, examples=["Good morning. It is 7 °C outside."])
    voice: str = Field("", max_length=100, description="A name from `/voices`; empty is the default voice.")
    rate: float = Field(1.0, ge=0.5, le=2.0, description="Speed, as a factor.")
    pitch: float = Field(1.0, ge=0.5, le=2.0, description="Pitch, as a factor.")


class Synthesis(Speech):
    format: Literal["pcm", "wav", "opus"] = Field(
        "pcm", description="PCM16 little-endian mono, the same as WAV, or Ogg Opus."
    )


class Voices(BaseModel):
    engine: str = Field(examples=["espeak-ng"])
    voices: list[str] = Field(
        description="Names for `voice`; one that begins with + may follow any other.",
        examples=[["de", "en-gb", "en-us", "+f3"]],
    )


@hearing.post("/stt", openapi_extra=AUDIO_BODY)
async def stt(request: Request, services: Shared) -> Heard:
    """Audio to text. Send a WAV, FLAC, Ogg or MP3 file as the form field `file` or as the body, or bare
    samples as `audio/L16;rate=16000`."""
    pcm = await audio_of(request)
    engine = services.engines.stt

    async def heard() -> str:
        async with services.queues["stt"].place():
            return (await recognised(engine, pcm)).text

    text = await while_connected(request, heard)
    return Heard(text=text, seconds=round(pcm.seconds, 3), engine=engine.name)


@speaking.post(
    "/tts",
    response_class=Response,
    responses={200: {"description": "A WAV file.", "content": {"audio/wav": {}}}},
)
async def tts(speech: Speech, request: Request, services: Shared) -> Response:
    """Text to a whole WAV file."""
    check(speech, services)

    async def whole() -> bytes:
        made = queued(services.queues["tts"], spoken(speech, services.engines.tts, VOICE_RATE_HZ))
        async with aclosing(made) as pieces:
            return b"".join([piece async for piece in pieces])

    data = await while_connected(request, whole)
    return Response(wav_bytes(Pcm(data, VOICE_RATE_HZ)), media_type="audio/wav")


@speaking.post(
    "/synthesize",
    status_code=200,
    response_class=Stream,
    responses={
        200: {
            "description": "Audio as it is made; `X-Sample-Rate` says its rate in Hz.",
            "content": {"audio/L16": {}, "audio/wav": {}, "audio/ogg": {}},
        }
    },
)
async def synthesize(synthesis: Synthesis, request: Request, services: Shared) -> Stream:
    """Text to audio that begins with the first words, long before the rest is made."""
    check(synthesis, services)
    rate = OPUS_RATE if synthesis.format == "opus" else VOICE_RATE_HZ
    made = queued(services.queues["tts"], spoken(synthesis, services.engines.tts, rate))
    pieces = await while_connected(request, lambda: begun(made))
    headers = {"x-sample-rate": str(rate), "x-engine": services.engines.tts.name}
    match synthesis.format:
        case "pcm":
            # Little-endian, unlike audio/L16, which RFC 2586 makes big-endian.
            return Stream(pieces, f"audio/pcm;rate={rate};channels=1", headers)
        case "wav":
            return Stream(headed(wav_header(rate), pieces), "audio/wav", headers)
        case "opus":
            return Stream(encoded(pieces), "audio/ogg;codecs=opus", headers)


@speaking.get("/voices")
async def voices(services: Shared) -> Voices:
    """The voices of the engine in use; an empty list when it has but one."""
    engine = services.engines.tts
    voices = await engine.voices() if isinstance(engine, HasVoices) else []
    return Voices(engine=engine.name, voices=voices)


def check(speech: Speech, services: Services) -> None:
    longest = services.settings.limits.text
    if len(speech.text) > longest:
        raise BadInput(f"A text may have {longest:,} characters at most.", code="too_long", status=413)


async def spoken(speech: Speech, engine: Tts, rate: int) -> AsyncGenerator[bytes]:
    """PCM at `rate`, sentence by sentence. Raises `BadInput` when there is nothing to say."""
    splitter = Sentences(breaths=False)
    pieces = [*splitter.feed(speech.text), *splitter.close()]
    words = [said for piece in pieces if (said := speakable(piece))]
    if not words:
        raise BadInput("There are no words to say in this text.", code="nothing_to_say")
    voice = Voice(speech.voice, speech.rate, speech.pitch)
    resampler: Resampler | None = None
    for sentence in words:
        async with closing(engine.speak(sentence, voice)) as audio:
            async for chunk in audio:
                if isinstance(chunk, Pcm):
                    resampler = resampler or Resampler(chunk.rate, rate)
                    if data := resampler.push(chunk.data):
                        yield data
    if resampler and (data := resampler.finish()):
        yield data


async def queued(queue: Queue, body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """`body`, which is made once there is a place for it. Raises `QueueFull`."""
    async with aclosing(body), queue.place():
        async for piece in body:
            yield piece


async def headed(header: bytes, body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(body):
        yield header
        async for piece in body:
            yield piece


async def encoded(body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """`body` as Ogg Opus, encoded in a thread: a long text takes seconds."""
    encoder = await anyio.to_thread.run_sync(OggOpus)
    async with aclosing(body):
        async for piece in body:
            if pages := await anyio.to_thread.run_sync(encoder.push, piece):
                yield pages
    yield await anyio.to_thread.run_sync(encoder.finish)


async def recognised(engine: Stt, pcm: Pcm) -> Transcript:
    async with closing(engine.transcribe(blocks(pcm))) as transcripts:
        async for transcript in transcripts:
            if transcript.final:
                return replace(transcript, text=transcript.text.strip())
    raise EngineError("The speech recogniser gave no result.", retryable=True)


async def blocks(pcm: Pcm) -> AsyncIterator[Pcm]:
    """The audio in pieces of a tenth of a second, at the recogniser's rate."""
    resampler = Resampler(pcm.rate, RATE)
    step = 2 * (pcm.rate // 10)
    for at in range(0, len(pcm.data), step):
        yield Pcm(resampler.push(pcm.data[at : at + step]), RATE)
    yield Pcm(resampler.finish(), RATE)
