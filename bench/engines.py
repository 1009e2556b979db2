"""What a chain of engines costs, and a 3-second recording through faster-whisper's own loading path."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio

from nexus_voice.domain.audio import RATE, Pcm
from nexus_voice.domain.chat import Prompt
from nexus_voice.domain.errors import EngineError
from nexus_voice.engines.fake import Failure, FakeLlm
from nexus_voice.engines.fallback import Fallback
from nexus_voice.engines.stt_whisper import WhisperStt

from . import figures
from .speaker import load_sound

CALLS, RECORDINGS = 500, 30
SECONDS = 3.0
ASK = Prompt("What will the weather be?")
DOWN = EngineError("The provider is down.", retryable=True)


async def first_token(engine: Any) -> float:
    begun = time.perf_counter()
    async for _ in engine.stream(ASK):
        break
    return time.perf_counter() - begun


async def switching() -> dict[str, Any]:
    """Question to first token: one engine by itself, in a chain, and behind one whose breaker is open."""
    alone = FakeLlm("Clear.", first_token=0)
    chain = Fallback(alone)
    behind = Fallback(FakeLlm("Never.", fail=Failure(error=DOWN)), FakeLlm("Clear.", first_token=0))
    behind.links[0].breaker.cooldown = 3600.0
    for _ in range(behind.policy.failures):
        behind.links[0].breaker.failed(DOWN)
    times: dict[str, list[float]] = {"alone": [], "chain": [], "open": []}
    for _ in range(CALLS):
        for name, engine in (("alone", alone), ("chain", chain), ("open", behind)):
            times[name].append(await first_token(engine))
    return {f"{name}_ms": figures.spread(values, 3) for name, values in times.items()}


async def recording(model: Path) -> dict[str, Any]:
    """The whole of a 3 s recording handed over at once, to its final text."""
    data = b"".join(load_sound().speech)[: round(2 * RATE * SECONDS)]
    data += bytes(round(2 * RATE * SECONDS) - len(data))

    async def audio() -> AsyncIterator[Pcm]:
        for at in range(0, len(data), 6400):
            yield Pcm(data[at : at + 6400], RATE)

    times = []
    begun = time.perf_counter()
    async with WhisperStt(model) as stt:
        await stt.ready()
        loaded = time.perf_counter() - begun
        for _ in range(RECORDINGS + 3):
            begun = time.perf_counter()
            heard = [one async for one in stt.transcribe(audio())]
            assert heard[-1].final
            times.append(time.perf_counter() - begun)
    return {"model": model.name, "load_s": round(loaded, 2), "final_ms": figures.spread(times[3:])}


def engines(reps: int, whisper: Path | None) -> None:
    runs = []
    for _ in range(reps):
        run = anyio.run(switching)
        with tempfile.TemporaryDirectory() as folder:
            model = whisper or tiny(Path(folder, "whisper-tiny-fixture"))
            run["whisper"] = anyio.run(recording, model)
        print(
            f"engines: first token {run['alone_ms']['p95']} ms alone, {run['chain_ms']['p95']} in a chain, "
            f"{run['open_ms']['p95']} behind an open breaker (p95); 3 s of speech to text with "
            f"{run['whisper']['model']} {run['whisper']['final_ms']['p50']}/"
            f"{run['whisper']['final_ms']['p95']} ms"
        )
        runs.append(run)
    figures.save("engines", runs)


def tiny(folder: Path) -> Path:
    """The tests' own model: real in format and path, a toy in size."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from models_tiny.whisper import tiny_whisper

    return tiny_whisper(folder)
