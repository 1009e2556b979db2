"""Every engine of the registry keeps its port's contract, on asyncio and on trio."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
import soxr
from anyio.from_thread import start_blocking_portal

import vendors.cartesia
import vendors.deepgram
import vendors.gemini
import vendors.google_speech
import vendors.openai_speech
import vendors.searxng
import vendors.tavily
from engines import contract
from models_tiny.crossencoder import build as tiny_crossencoder
from models_tiny.e5 import build as tiny_e5
from models_tiny.gguf import build as tiny_gguf
from models_tiny.piper import tiny_voice
from models_tiny.whisper import tiny_whisper
from nexus_voice.core.audio import RATE, Pcm, Voice
from nexus_voice.engines import ENGINES, load
from openai_server import serving
from vendors import loopback
from weights import weights

pytestmark = pytest.mark.anyio

Making = AbstractAsyncContextManager[Any]


@pytest.fixture(scope="session")
def speech() -> Pcm:
    """A clear voice, 16 kHz."""

    async def say() -> Pcm:
        async with load("tts", "espeak")() as voice:
            pieces = await contract.gather(voice.speak("How do I start the pump?", Voice()))
        sound = [piece for piece in pieces if isinstance(piece, Pcm)]
        data = b"".join(piece.data for piece in sound)
        return Pcm(soxr.resample(np.frombuffer(data, "<i2"), sound[0].rate, RATE).tobytes(), RATE)

    return anyio.run(say)


@pytest.fixture(scope="session")
def cache(models: Path) -> Path:
    """Where engines may keep what they derive; shared, because deriving takes seconds."""
    return models


@asynccontextmanager
async def openai(cache: Path) -> AsyncIterator[Any]:
    # In a thread of its own, so that its tasks are not taken for the engine's.
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving()) as server:
        async with load("llm", "openai")(server.url, model="m") as llm:
            yield llm


@asynccontextmanager
async def made(port: str, kind: str, cache: Path, **options: Any) -> AsyncIterator[Any]:
    engine = load(port, kind)(**options)
    async with AsyncExitStack() as stack:
        if hasattr(engine, "__aenter__"):
            await stack.enter_async_context(engine)
        yield engine


@asynccontextmanager
async def llamacpp(cache: Path) -> AsyncIterator[Any]:
    path = tiny_gguf(cache / "tiny.gguf")
    async with load("llm", "llamacpp")(path, threads=1, context=8192) as llm:
        await llm.ready()
        yield llm


@asynccontextmanager
async def e5(cache: Path) -> AsyncIterator[Any]:
    async with load("embedder", "e5")(tiny_e5(cache / "tiny-e5")) as embedder:
        yield embedder


@asynccontextmanager
async def minilm(cache: Path) -> AsyncIterator[Any]:
    async with load("embedder", "minilm")(cache) as embedder:
        yield embedder


@asynccontextmanager
async def gemini(cache: Path) -> AsyncIterator[Any]:
    serving = loopback.serving(vendors.gemini.usual)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving) as server:
        async with load("llm", "gemini")("key", base_url=server.url) as llm:
            yield llm


@asynccontextmanager
async def piper(cache: Path) -> AsyncIterator[Any]:
    async with load("tts", "piper")(tiny_voice(cache)) as tts:
        yield tts


@asynccontextmanager
async def whisper(cache: Path) -> AsyncIterator[Any]:
    async with load("stt", "whisper")(tiny_whisper(cache / "whisper-tiny.en")) as stt:
        yield stt


@asynccontextmanager
async def remote(
    port: str, kind: str, vendor: Callable[[], AbstractAsyncContextManager[Any]], cache: Path
) -> AsyncIterator[Any]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(vendor()) as server:
        given: dict[str, Any] = {"base_url": server.url, "api_key": "key"}
        async with load(port, kind)(**given) as engine:
            await engine.ready()
            yield engine


@asynccontextmanager
async def searxng(cache: Path) -> AsyncIterator[Any]:
    serving = loopback.serving(vendors.searxng.usual)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving) as server:
        async with load("search", "searxng")(server.url) as search:
            await search.ready()
            yield search


@asynccontextmanager
async def crossencoder(cache: Path) -> AsyncIterator[Any]:
    async with load("reranker", "crossencoder")(tiny_crossencoder(cache / "tiny-ce")) as reranker:
        yield reranker


@asynccontextmanager
async def smart_turn(cache: Path) -> AsyncIterator[Any]:
    async with load("turn", "smart_turn")(weights("smart-turn-v3.2")) as judge:
        await judge.ready()
        yield judge


FAST: dict[str, dict[str, Any]] = {
    "stt": {"final_delay": 0.001, "partials": True},
    "llm": {"answer": lambda prompt: f"You said {prompt.question}.", "first_token": 0.001, "token_gap": 0.0},
    "tts": {"first_audio": 0.001, "speed": 1000, "chars_per_second": 20, "marks": True},
}
SPECIAL: dict[tuple[str, str], Callable[[Path], Making]] = {
    ("llm", "openai"): openai,
    ("llm", "gemini"): gemini,
    ("llm", "llamacpp"): llamacpp,
    ("embedder", "e5"): e5,
    ("stt", "whisper"): whisper,
    ("tts", "piper"): piper,
    ("embedder", "minilm"): minilm,
    ("search", "searxng"): searxng,
    ("reranker", "crossencoder"): crossencoder,
    ("turn", "smart_turn"): smart_turn,
    **{
        (port, kind): partial(remote, port, kind, vendor)
        for port, kind, vendor in (
            ("stt", "openai", partial(loopback.serving, vendors.openai_speech.usual)),
            ("tts", "openai", partial(loopback.serving, vendors.openai_speech.usual)),
            ("embedder", "openai", partial(loopback.serving, vendors.openai_speech.usual)),
            ("stt", "deepgram", vendors.deepgram.listening),
            ("tts", "deepgram", partial(loopback.serving, vendors.deepgram.speak)),
            ("tts", "cartesia", partial(loopback.serving, vendors.cartesia.usual)),
            ("stt", "google", partial(loopback.serving, vendors.google_speech.usual)),
            ("tts", "google", partial(loopback.serving, vendors.google_speech.usual)),
            ("search", "tavily", partial(loopback.serving, vendors.tavily.usual)),
        )
    },
}


def engine(port: str, kind: str) -> Callable[[Path], Making]:
    options = FAST.get(port, {}) if kind == "fake" else {}
    return SPECIAL.get((port, kind)) or partial(made, port, kind, **options)


def checks(port: str, speech: Pcm) -> Sequence[contract.Check]:
    return {
        "vad": contract.vad(speech),
        "stt": contract.stt(speech),
        "llm": contract.LLM,
        "tts": contract.TTS,
        "embedder": contract.EMBEDDER,
        "search": contract.SEARCH,
        "reranker": contract.RERANKER,
        "turn": contract.turn(speech),
    }[port]


UNTRIED = {("tts", "xtts")}
"""Needs PyTorch, which this suite does without: `scripts/try_xtts.py` speaks with it, test_tts_xtts.py holds
what works without it."""
KINDS = [(port, kind) for port in ENGINES for kind in ENGINES[port] if (port, kind) not in UNTRIED]


@pytest.mark.parametrize(("port", "kind"), KINDS)
async def test_the_ports_contract(port: str, kind: str, speech: Pcm, cache: Path) -> None:
    async with engine(port, kind)(cache) as under_test:
        for check in checks(port, speech):
            await check(under_test)
