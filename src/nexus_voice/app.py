"""The composition root: settings -> engines -> application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from . import __version__
from .api import chat, errors, health, page, rag, speech, voice
from .api.limits import Admission, BodyLimit
from .api.origins import OwnOrigin
from .api.state import State
from .audio.front_end import MicrophoneFrontEnds
from .audio.overlap import OverlapDetectors
from .domain.errors import NexusError
from .engines import load
from .engines.tools import Calculator, Clock
from .knowledge.base import KnowledgeBase
from .settings import Settings
from .store.sessions import Sessions
from .talk.session import Engines, Session, Tuning

log = structlog.get_logger()

LAG_EVERY = 0.05
"""Seconds between two looks at how late the event loop runs."""
BIAS_SENTENCES = 2_000
"""Sentences of the documents that the recogniser's language model is built from."""


def arguments(port: str, kind: str, settings: Settings) -> dict[str, Any]:
    """What the engine of this kind is constructed with."""
    fake, llm = settings.fake, settings.llm
    match port, kind:
        case "stt", "pocketsphinx":
            return {"workers": settings.stt.workers}
        case "stt", "fake":
            return {
                "transcript": fake.transcript,
                "partials": fake.partials,
                "final_delay": fake.final_delay,
            }
        case "llm", "fake":
            return {"answer": fake.answer, "first_token": fake.first_token, "token_gap": fake.token_gap}
        case "llm", "openai":
            return {
                "base_url": llm.base_url,
                "api_key": llm.api_key.get_secret_value(),
                "model": llm.model,
                "small_model": llm.small_model,
                "first_token": llm.first_token,
                "between_tokens": llm.between_tokens,
            }
        case "tts", "espeak":
            named = {"voice": settings.tts.voice} if settings.tts.voice else {}
            return {"workers": settings.tts.workers, **named}
        case "tts", "fake":
            return {
                "first_audio": fake.first_audio,
                "speed": fake.audio_speed,
                "seconds": fake.sentence_seconds,
                "rate": fake.audio_rate,
            }
        case "embedder", "minilm":
            return {"cache_dir": settings.data_dir / "models"}
    return {}


def make(port: str, kind: str, settings: Settings, **more: Any) -> Any:
    return load(port, kind)(**arguments(port, kind, settings), **more)


def make_vad(settings: Settings) -> Any:
    """The chosen detector; energy when it cannot load, so that listening never fails."""
    try:
        return make("vad", settings.vad.kind, settings)
    except NexusError as error:
        log.warning("voice activity detector unavailable, using energy", reason=error.message)
        return make("vad", "energy", settings)


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[State]:
    """Everything that runs, entered in order and closed in reverse."""
    async with AsyncExitStack() as stack:
        embedder = make("embedder", settings.embedder.kind, settings)
        stt, tts = make("stt", settings.stt.kind, settings), make("tts", settings.tts.kind, settings)
        own = {"stt": stt.name, "tts": tts.name, "embedder": embedder.name}
        grounded = {"embedder": embedder, "engines": own} if settings.llm.kind == "extractive" else {}
        knowledge = (
            KnowledgeBase(settings.data_dir / "knowledge", embedder) if settings.knowledge.enabled else None
        )
        engines = Engines(
            vad=make_vad(settings),
            stt=stt,
            llm=make("llm", settings.llm.kind, settings, **grounded),
            tts=tts,
            front_ends=MicrophoneFrontEnds(settings.talk.high_pass, settings.talk.noise_gate),
            overlaps=OverlapDetectors(),
            knowledge=knowledge,
            tools=(Clock(), Calculator()),
        )
        talk = settings.talk
        tuning = Tuning(
            talk.silence, talk.interrupt, pre_roll=talk.pre_roll, lead=talk.lead, system=talk.system
        )
        state = State(
            settings,
            engines,
            knowledge,
            Sessions(
                lambda name: Session(name, engines, tuning), settings.limits.idle, settings.limits.remembered
            ),
            Admission(settings.limits.sessions, settings.limits.loop_lag),
        )
        parts = {
            "embedder": embedder,
            "stt": stt,
            "llm": engines.llm,
            "tts": tts,
            "vad": engines.vad,
        }
        for part in (*parts.values(), knowledge):
            if hasattr(part, "__aenter__"):
                await stack.enter_async_context(part)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(watch_lag, state.admission)
        warm(state, parts, tasks)
        tasks.start_soon(keep_teaching, state)
        yield state


def warm(state: State, parts: dict[str, Any], tasks: TaskGroup) -> None:
    """Load the heavy parts in the background, so that the server answers at once."""

    async def prepare(name: str, ready: Callable[[], Awaitable[Any]]) -> None:
        try:
            await ready()
            state.warming[name] = "ready"
        except Exception as error:
            state.warming[name] = error.message if isinstance(error, NexusError) else "failed; see the log"
            log.error("part failed to start", part=name, exc_info=error)

    jobs: dict[str, Callable[[], Awaitable[Any]]] = {
        name: part.ready for name, part in parts.items() if hasattr(part, "ready")
    }
    if state.knowledge is not None:
        jobs["knowledge"] = lambda: fill(state)
    for name, job in jobs.items():
        state.warming[name] = "warming"
        tasks.start_soon(prepare, name, job)


async def fill(state: State) -> None:
    """Bring the seed documents in, and teach the recogniser the documents' words."""
    assert state.knowledge is not None
    await state.knowledge.seed(state.settings.knowledge.seed or documentation())
    await teach(state)


async def teach(state: State) -> None:
    """The recogniser listens for what the documents talk about; called again when they change."""
    bias = getattr(state.engines.stt, "bias", None)
    if bias is not None and state.knowledge is not None:
        await bias(await state.knowledge.sentences(BIAS_SENTENCES))


async def keep_teaching(state: State) -> None:
    """Teach again whenever documents came or went, once for any number of changes."""
    changes, changed = anyio.create_memory_object_stream[None](1)

    def note() -> None:
        with suppress(anyio.WouldBlock):
            changes.send_nowait(None)

    state.changed = note
    async with changes, changed:
        async for _ in changed:
            try:
                await teach(state)
            except Exception as error:  # it goes on with the words it knows
                log.error("the recogniser did not learn the new documents", exc_info=error)


def documentation() -> Path:
    """The product's own pages: beside the source in a checkout, inside the package when installed."""
    here = Path(__file__).parent
    installed = here / "_docs"
    return installed if installed.is_dir() else here.parents[1] / "docs"


async def watch_lag(admission: Admission) -> None:
    while True:
        due = anyio.current_time() + LAG_EVERY
        await anyio.sleep_until(due)
        admission.note_lag(anyio.current_time() - due)


def create(settings: Settings, started: Sequence[Callable[[State], None]] = ()) -> FastAPI:
    """The whole server as an ASGI application; `started` callbacks run once it can answer."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with assemble(settings) as state:
            app.state.nexus = state
            for callback in started:
                callback(state)
            yield

    app = FastAPI(title="Nexus Voice", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    for face in (voice, chat, speech, rag, health, page):
        app.include_router(face.router)
    errors.install(app)
    app.add_middleware(BodyLimit, limit=settings.limits.upload)
    app.add_middleware(OwnOrigin, origins=settings.server.origins)
    if settings.server.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.server.origins, allow_methods=["*"], allow_headers=["*"]
        )
    return app
