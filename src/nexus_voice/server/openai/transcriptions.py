"""`POST /v1/audio/transcriptions`."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from ...core.audio import Pcm, Transcript
from ...core.errors import NexusError
from ..services import Shared
from ..speech.routes import recognised
from ..streaming import while_connected
from ..uploads import audio_of
from .completion import sse
from .errors import Invalid
from .models import selected
from .subtitles import Segment, segments, srt, vtt

router = APIRouter(prefix="/v1", tags=["openai"])

BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "model": {"type": "string"},
                        "response_format": {"enum": ["json", "text", "srt", "verbose_json", "vtt"]},
                        "timestamp_granularities[]": {
                            "type": "array",
                            "items": {"enum": ["word", "segment"]},
                        },
                        "stream": {"type": "boolean"},
                    },
                }
            }
        },
    }
}


class Fields(BaseModel):
    """What is not listed is ignored: the language is a setting of the engine."""

    model: str = ""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    stream: bool = False


@router.post(
    "/audio/transcriptions",
    response_class=Response,
    openapi_extra=BODY,
    responses={200: {"content": {"application/json": {}, "text/plain": {}, "text/event-stream": {}}}},
)
async def transcriptions(request: Request, services: Shared) -> Response:
    """A recording (WAV, FLAC, Ogg or MP3) to text, by OpenAI's rules."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Invalid("Send a form with the recording in its field “file”.", "file", code="bad_request")
    try:
        pcm = await audio_of(request)
    except NexusError as error:
        raise Invalid(error.message, "file", code=error.code, status=error.status) from error
    form = await request.form()  # read already
    fields = fields_of(form)
    engine = selected(services.supply.chains["stt"], fields.model)

    async def heard() -> Transcript:
        async with services.queues["stt"].place():
            return await recognised(engine, pcm)

    transcript = await while_connected(request, heard)
    if fields.stream:
        return Response(streamed(transcript, pcm), media_type="text/event-stream")
    return answer(fields.response_format, transcript, pcm, form.getlist("timestamp_granularities[]"))


def fields_of(form: FormData) -> Fields:
    try:
        return Fields.model_validate({name: value for name, value in form.items() if isinstance(value, str)})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise Invalid(f"{name}: {first['msg']}", name) from None


def answer(format: str, transcript: Transcript, pcm: Pcm, granularities: list[Any]) -> Response:
    found = segments(transcript, pcm.seconds)
    match format:
        case "text":
            return PlainTextResponse(transcript.text + "\n")
        case "srt":
            return PlainTextResponse(srt(found))
        case "vtt":
            return PlainTextResponse(vtt(found), media_type="text/vtt")
        case "verbose_json":
            return JSONResponse(verbose(transcript, pcm, found, granularities))
    return JSONResponse({"text": transcript.text, "usage": usage(pcm)})


def verbose(
    transcript: Transcript, pcm: Pcm, found: list[Segment], granularities: list[Any]
) -> dict[str, Any]:
    """The whole answer, with `words` if they are wanted, and `segments` unless only words are."""
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language,
        "duration": round(pcm.seconds, 3),
        "text": transcript.text,
        "usage": usage(pcm),
    }
    if "word" in granularities:
        body["words"] = [{"word": one.text, "start": one.start, "end": one.end} for one in transcript.words]
    if "segment" in granularities or not granularities:
        body["segments"] = [segment(number, one) for number, one in enumerate(found)]
    return body


def segment(number: int, one: Segment) -> dict[str, Any]:
    """A segment with every field that clients expect. What our engines do not tell is neutral."""
    times = {
        "id": number,
        "seek": 0,
        "start": round(one.start, 3),
        "end": round(one.end, 3),
        "text": one.text,
    }
    unknown = {"avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0}
    return {**times, "tokens": [], "temperature": 0.0, **unknown}


def streamed(transcript: Transcript, pcm: Pcm) -> bytes:
    """The text as server-sent events. It comes in one piece, since the recording was read as a whole."""
    done = {"type": "transcript.text.done", "text": transcript.text, "usage": usage(pcm)}
    return sse({"type": "transcript.text.delta", "delta": transcript.text}) + sse(done)


def usage(pcm: Pcm) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(pcm.seconds, 3)}
