"""OpenAI's wire format for audio and embeddings."""

from __future__ import annotations

import base64
import zlib
from email import message_from_bytes
from typing import Any

import numpy as np

from openai_server import Reply, Request, refusal
from vendors.loopback import said
from vendors.sound import cut, tone

DIMENSIONS = 64


def models(*names: str) -> Reply:
    data = [{"id": name, "object": "model", "created": 1, "owned_by": "x"} for name in names]
    return said({"object": "list", "data": data})


def form(request: Request) -> dict[str, Any]:
    """A multipart form's fields; those that come several times, as `name[]`, are lists."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    fields: dict[str, Any] = {}
    for part in message_from_bytes(head + request.body).get_payload():
        assert not isinstance(part, str)
        name = str(part.get_param("name", header="content-disposition"))
        value = part.get_payload(decode=True)
        assert isinstance(value, bytes)
        if part.get_filename():
            fields[name] = value
        elif name.endswith("[]"):
            fields.setdefault(name, []).append(value.decode())
        else:
            fields[name] = value.decode()
    return fields


def verbose(text: str, **more: Any) -> Reply:
    whole = {"task": "transcribe", "language": "english", "duration": 1.0, "text": text}
    segment = {"id": 0, "start": 0.0, "end": 1.0, "text": f" {text}", "avg_logprob": -0.2}
    return said({**whole, "segments": [{**segment, "no_speech_prob": 0.01}], **more})


def pcm(data: bytes, type: str = "audio/pcm") -> Reply:
    return Reply(cut(data), type=type)


def embeddings(texts: list[str], encoding: str = "float", dimensions: int = DIMENSIONS) -> Reply:
    """Hashed words, rows of any length, as base64 when asked for; in no order."""
    rows: list[dict[str, Any]] = []
    for index, text in enumerate(texts):
        vector = np.full(dimensions, 0.001, "<f4")
        for word in text.lower().replace(".", " ").replace(",", " ").split():
            vector[zlib.crc32(word.encode()) % dimensions] += 1
        value = base64.b64encode(vector.tobytes()).decode() if encoding == "base64" else vector.tolist()
        rows.insert(0, {"object": "embedding", "index": index, "embedding": value})
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return said({"object": "list", "data": rows, "model": "m", "usage": usage})


def usual(request: Request) -> Reply:
    match request.path:
        case "/v1/models":
            return models("gpt-4o", "whisper-large-v3-turbo", "kokoro-82m", "bge-small")
        case "/v1/audio/transcriptions":
            seconds = (len(form(request)["file"]) - 44) / 32_000
            return verbose(f"I heard {seconds:.1f} seconds.")
        case "/v1/audio/speech":
            return pcm(tone(request.body["input"], request.body.get("speed", 1.0)))
        case "/v1/embeddings":
            body = request.body
            if "" in body["input"]:
                return refusal(400, "'$.input' is invalid: input cannot be an empty string.")
            return embeddings(
                body["input"], body.get("encoding_format", "float"), body.get("dimensions", DIMENSIONS)
            )
    return refusal(404, f"Invalid URL (POST {request.path})")
