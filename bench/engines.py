"""What a chain of engines costs, and every local engine through its own loading path.

Where weights would have to be downloaded, the tests' tiny models stand in: real in format and path, toys
in size. Their figures are what loading, pipes and processes cost; a real model's work comes on top.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from nexus_voice.core.audio import RATE, Pcm, Voice
from nexus_voice.core.chat import Passage, Prompt
from nexus_voice.core.errors import EngineError
from nexus_voice.engines import load
from nexus_voice.engines.chain.fallback import Fallback
from nexus_voice.engines.fake.engines import Failure, FakeLlm

from . import figures
from .speaker import load_sound
from .speech import TEXT

CALLS, TIMES = 500, 30
SECONDS = 3.0
ASK = Prompt("What will the weather be?")
DOWN = EngineError("The provider is down.", retryable=True)
Use = Callable[[Any], Awaitable[None]]


async def first_token(engine: Any) -> None:
    async with aclosing(engine.stream(ASK)) as pieces:
        await anext(pieces)


async def first_audio(engine: Any) -> None:
    async with aclosing(engine.speak(TEXT, Voice())) as pieces:
        async for piece in pieces:
            if isinstance(piece, Pcm):
                return


async def final_text(engine: Any) -> None:
    """Send a recording of 3 s all at once."""
    data = b"".join(load_sound().speech)[: round(2 * RATE * SECONDS)]
    data += bytes(round(2 * RATE * SECONDS) - len(data))

    async def audio() -> AsyncIterator[Pcm]:
        for at in range(0, len(data), 6400):
            yield Pcm(data[at : at + 6400], RATE)

    heard = [transcript async for transcript in engine.transcribe(audio())]
    assert heard[-1].final


async def query_vector(engine: Any) -> None:
    await engine.embed(["Which engines are used by default?"], "query")


async def thirty_ranked(engine: Any) -> None:
    await engine.rank("Which engines are used by default?", [Passage(TEXT, "d", "t")] * 30)


async def timed(use: Use, engine: Any, times: int) -> list[float]:
    taken = []
    for _ in range(times + 3):
        begun = time.perf_counter()
        await use(engine)
        taken.append(time.perf_counter() - begun)
    return taken[3:]


async def switching() -> dict[str, Any]:
    """Time to the first token: of one engine alone, in a chain, and behind one whose breaker is open."""
    alone = FakeLlm("Clear.", first_token=0)
    chain = Fallback(alone)
    behind = Fallback(FakeLlm("Never.", fail=Failure(error=DOWN)), FakeLlm("Clear.", first_token=0))
    behind.links[0].breaker.cooldown = behind.links[0].breaker.longest = 3600.0
    for _ in range(behind.policy.failures):
        behind.links[0].breaker.failed(DOWN)
    found = {}
    for name, engine in (("alone", alone), ("chain", chain), ("open", behind)):
        found[f"{name}_ms"] = figures.spread(await timed(first_token, engine, CALLS), 3)
    return found


def local(folder: Path, whisper: Path | None) -> dict[str, tuple[Callable[[], Any], Use]]:
    """Maps a name to how the engine is made and to what is timed."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from models_tiny import crossencoder, e5, gguf
    from models_tiny.piper import tiny_voice
    from models_tiny.whisper import tiny_whisper

    heard = whisper or tiny_whisper(folder / "whisper-tiny-fixture")
    return {
        "pocketsphinx: 3 s to text": (load("stt", "pocketsphinx"), final_text),
        f"faster-whisper ({heard.name}): 3 s to text": (
            partial(load("stt", "whisper"), heard),
            final_text,
        ),
        "espeak-ng: 120 characters to first sound": (load("tts", "espeak"), first_audio),
        "Piper (tiny): 120 characters to first sound": (
            partial(load("tts", "piper"), tiny_voice(folder)),
            first_audio,
        ),
        "llama.cpp (tiny): question to first token": (
            partial(load("llm", "llamacpp"), gguf.build(folder / "tiny.gguf"), threads=1),
            first_token,
        ),
        "MiniLM: a question's vector": (partial(load("embedder", "minilm"), folder), query_vector),
        "e5 (tiny): a question's vector": (
            partial(load("embedder", "e5"), e5.build(folder / "tiny-e5")),
            query_vector,
        ),
        "reranker (tiny): 30 passages": (
            partial(load("reranker", "crossencoder"), crossencoder.build(folder / "tiny-ce")),
            thirty_ranked,
        ),
    }


async def loaded_and_used(make: Callable[[], Any], use: Use) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        begun = time.perf_counter()
        engine = await stack.enter_async_context(make())
        if hasattr(engine, "ready"):
            await engine.ready()
        load_s = round(time.perf_counter() - begun, 2)
        return {"load_s": load_s, "ms": figures.spread(await timed(use, engine, TIMES))}


def engines(reps: int, whisper: Path | None) -> None:
    runs = []
    for _ in range(reps):
        run = anyio.run(switching)
        print(
            f"engines: question to first token {run['alone_ms']['p95']} ms alone, "
            f"{run['chain_ms']['p95']} in a chain, {run['open_ms']['p95']} behind an open breaker (p95)"
        )
        with tempfile.TemporaryDirectory() as folder:
            for name, (make, use) in local(Path(folder), whisper).items():
                run[name] = found = anyio.run(loaded_and_used, make, use)
                print(f"{name}: {found['ms']['p50']}/{found['ms']['p95']} ms, loaded in {found['load_s']} s")
        runs.append(run)
    figures.save("engines", runs)
