"""Cartesia's wire format: POST /tts/sse, each event a chunk, word times, an error, or the end."""

from __future__ import annotations

import base64
import json
from typing import Any

from openai_server import SSE, Reply, Request
from vendors.loopback import said
from vendors.sound import cut, tone

CONTEXT = "872ec12d-bc63-4e1e-a241-4f58c879d105"


def event(type: str, **rest: Any) -> bytes:
    whole = {"type": type, "done": type in ("done", "error"), "status_code": 206, "context_id": CONTEXT}
    return b"data: " + json.dumps({**whole, **rest}).encode() + b"\n\n"


def chunk(data: bytes) -> bytes:
    return event("chunk", data=base64.b64encode(data).decode(), step_time=123)


def times(words: list[str], starts: list[float], ends: list[float]) -> bytes:
    return event("timestamps", word_timestamps={"words": words, "start": starts, "end": ends})


DONE = event("done")


def refusal(status: int, code: str, title: str, message: str, **headers: str) -> Reply:
    body = {"error_code": code, "title": title, "message": message, "request_id": "550e8400"}
    return said(body, status, **headers)


def spoken(text: str, speed: float = 1.0) -> list[bytes]:
    """Word times first, as far as they are known, then the sound; like the vendor, in several rounds."""
    sound = tone(text, speed)
    words = text.split()
    each = len(sound) / 48_000 / max(len(words), 1)
    starts = [round(n * each, 3) for n in range(len(words))]
    ends = [round((n + 0.9) * each, 3) for n in range(len(words))]
    half = len(words) // 2
    first, *others = [chunk(piece) for piece in cut(sound)]
    return [
        times(words[:half], starts[:half], ends[:half]),
        first,
        times(words[half:], starts[half:], ends[half:]),
        *others,
        DONE,
    ]


def usual(request: Request) -> Reply:
    if request.path.startswith("/voices/"):
        return said({"id": request.path.removeprefix("/voices/"), "name": "Ada", "language": "en"})
    order = request.body
    assert order["output_format"] == {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000}
    speed = order.get("generation_config", {}).get("speed", 1.0)
    return Reply(spoken(order["transcript"], speed), type=SSE)
