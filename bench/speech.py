"""Measures the time from a sentence of 120 characters to its first audio, over HTTP and without it."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import Any

import anyio
import httpx

from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.engines.espeak.tts import EspeakTts

from . import contract, figures, machine
from .voice import PORT

TEXT = (
    "You may send it back within thirty days, as long as it was never used and you still have "
    "the receipt that came in a box."
)
assert len(TEXT) == 120, len(TEXT)
TIMES = 50


def over_http() -> list[float]:
    times = []
    settings = contract.server_settings() | {"NEXUS_TTS__KIND": "espeak"}
    with machine.server(PORT, settings) as server:
        url = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            for _ in range(TIMES + 3):
                begun = time.monotonic()
                with client.stream("POST", "/synthesize", json={"text": TEXT}) as response:
                    response.raise_for_status()
                    next(response.iter_raw())
                    times.append(time.monotonic() - begun)
    return times[3:]


async def first_sounds(tts: Any, text: str, times: int) -> list[float]:
    """Seconds from the sentence to its first audio, so many times, after three that do not count."""
    taken = []
    for _ in range(times + 3):
        begun = time.monotonic()
        async with aclosing(tts.speak(text, Voice())) as audio:
            async for piece in audio:
                if isinstance(piece, Pcm):
                    taken.append(time.monotonic() - begun)
                    break
    return taken[3:]


async def on_the_engine() -> list[float]:
    async with EspeakTts() as tts:
        await tts.ready()
        return await first_sounds(tts, TEXT, TIMES)


def once() -> dict[str, Any]:
    return {
        "http_ms": figures.spread(over_http(), 2),
        "engine_ms": figures.spread(anyio.run(on_the_engine), 2),
    }


def speech(reps: int) -> None:
    runs = [once() for _ in range(reps)]
    both = figures.median_of(runs)
    http, engine = both["http_ms"], both["engine_ms"]
    print(
        f"speech: 120 characters to first audio {http['p50']}/{http['p95']} ms over HTTP, "
        f"{engine['p50']}/{engine['p95']} ms on the engine"
    )
    figures.save("speech", runs)
