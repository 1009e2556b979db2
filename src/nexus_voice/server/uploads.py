"""Recordings that clients send: as a form, as a file, or as bare samples."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio.to_thread
import numpy as np
from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from ..audio.files import read_audio
from ..audio.resample import checked
from ..core.audio import Pcm
from ..core.errors import BadInput

MAX_AUDIO_S = 300.0
"""Seconds of audio in one request or utterance."""
BARE_SAMPLES = ("audio/l16", "audio/pcm")


async def audio_of(request: Request) -> Pcm:
    """The request's audio, mono, at its own rate. Raises `BadInput`."""
    kind, parameters = media_type(request)
    if kind == "multipart/form-data":
        async with form_of(request, max_files=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise BadInput('The form needs an audio file in its field "file".', code="audio_missing")
            data = await file.read()
    elif kind.startswith("audio/") or kind in ("", "application/octet-stream", "application/ogg"):
        data = await request.body()
    else:
        raise BadInput(
            f"Send audio as a form with a field “file”, as audio/wav or as audio/L16;rate=16000, not {kind}.",
            code="unsupported_type",
            status=415,
        )
    if kind in BARE_SAMPLES:
        return samples_of(data, parameters.get("rate", ""), parameters.get("channels", "1"), kind)
    return await anyio.to_thread.run_sync(lambda: read_audio(data, most_seconds=MAX_AUDIO_S))


def media_type(request: Request) -> tuple[str, dict[str, str]]:
    """The body's type in lower case, and the parameters behind it; "" when the client names none."""
    kind, *parts = request.headers.get("content-type", "").split(";")
    pairs = (part.partition("=") for part in parts)
    return kind.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


@asynccontextmanager
async def form_of(request: Request, **limits: Any) -> AsyncIterator[FormData]:
    """The request's form, whose files are closed in the end. Raises `BadInput`."""
    async with AsyncExitStack() as stack:
        try:
            form = await stack.enter_async_context(request.form(**limits))
        except UnicodeError:  # of a charset that hardly anybody knows, such as Punycode
            raise BadInput(
                "The form's fields are not in its charset. Send UTF-8.", code="bad_request"
            ) from None
        yield form


def samples_of(data: bytes, rate: str, channels: str, kind: str = "audio/l16") -> Pcm:
    """Decode samples without a header.

    RFC 2586 makes audio/L16 big-endian, but most clients send little-endian. Read in one order it is sound,
    in the other noise: the smoother reading is taken.
    """
    if not rate.isdecimal() or not channels.isdecimal() or channels == "0":
        raise BadInput(f"Say the rate of the samples, as in {kind};rate=16000.", code="bad_rate")
    hertz = checked(int(rate[:9]))
    width = 2 * int(channels[:3])
    samples = np.frombuffer(data[: len(data) - len(data) % width], "<i2")
    if not len(samples):
        raise BadInput("The audio is empty.", code="audio_empty")
    if len(samples) > MAX_AUDIO_S * hertz * width / 2:
        raise BadInput(
            f"The audio is longer than {MAX_AUDIO_S:g} seconds.", code="audio_too_long", status=413
        )
    if kind == "audio/l16":
        samples = min(samples, samples.byteswap(), key=roughness)
    mono = samples.reshape(-1, width // 2).mean(axis=1).round().astype("<i2")
    return Pcm(mono.tobytes(), hertz)


def roughness(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    """Mean step between neighbouring samples, relative to their mean size. Sound is smooth; with its bytes
    swapped it is not."""
    wide = samples.astype(np.float32)
    return float(np.abs(np.diff(wide)).sum() / (np.abs(wide).sum() + 1e-9))
