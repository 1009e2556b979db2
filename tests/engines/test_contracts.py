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
from openai_server import serving

import contract
from nexus_voice.domain.audio import RATE, Pcm, Voice
from nexus_voice.engines import ENGINES, load

pytestmark = pytest.mark.anyio

Making = AbstractAsyncContextManager[Any]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


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
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where engines may keep what they derive; shared, because deriving takes seconds."""
    return tmp_path_factory.mktemp("engines")


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
async def minilm(cache: Path) -> AsyncIterator[Any]:
    async with load("embedder", "minilm")(cache) as embedder:
        yield embedder


FAST: dict[str, dict[str, Any]] = {
    "stt": {"final_delay": 0.001, "partials": True},
    "llm": {"answer": lambda prompt: f"You said {prompt.question}.", "first_token": 0.001, "token_gap": 0.0},
    "tts": {"first_audio": 0.001, "speed": 1000, "chars_per_second": 20, "marks": True},
}
SPECIAL: dict[tuple[str, str], Callable[[Path], Making]] = {
    ("llm", "openai"): openai,
    ("embedder", "minilm"): minilm,
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
    }[port]


@pytest.mark.parametrize(("port", "kind"), [(port, kind) for port in ENGINES for kind in ENGINES[port]])
async def test_the_ports_contract(port: str, kind: str, speech: Pcm, cache: Path) -> None:
    async with engine(port, kind)(cache) as under_test:
        for check in checks(port, speech):
            await check(under_test)
