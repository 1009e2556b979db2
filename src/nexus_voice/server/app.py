"""The composition root: settings -> engines -> application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from math import inf
from time import perf_counter
from typing import Any

import anyio
import anyio.to_thread
import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from .. import __version__
from ..conversations.sessions import Sessions
from ..core.errors import NexusError
from ..engines import load
from ..engines.chain.fallback import Fallback
from ..ports import TellsCost
from ..settings import Settings
from ..supply.choices import available, choices, remote_choices
from ..supply.discovery import look, pulled, servers_to_look_for
from ..supply.offers import Choice, Found
from ..supply.skills import skills
from ..supply.supply import Supply, make, policy
from ..talk.listening.front_end import MicrophoneFrontEnds
from ..talk.listening.overlap import OverlapDetectors
from ..talk.session import Engines, Session, Tuning
from ..telemetry.metrics import Metrics
from ..tools.builtin import Calculator, Clock
from . import errors, routes
from .admission import RequestAdmission, Requests
from .background import keep_running
from .body_limit import BodyLimit, MaxBody
from .metrics import Live
from .origins import OwnOrigin
from .queueing import Queue
from .rag import lifecycle
from .rag.links import link
from .roles import Role
from .services import Services
from .voice.admission import VoiceAdmission

log = structlog.get_logger()

PORTS = ("stt", "turn", "llm", "tts", "embedder", "reranker", "search")
"""Ports with a chain of engines."""
Choose = Callable[[str, Settings, Found], list[Choice]]

LAG_INTERVAL_S = 0.05
"""Seconds between two samples of the event loop's lag."""


def make_vad(settings: Settings) -> Any:
    """The chosen detector of speech, or the energy detector when that cannot load: listening never fails."""
    try:
        return load("vad", settings.vad.kind)()
    except NexusError as error:
        log.warning("voice activity detector unavailable, using energy", reason=error.message)
        return load("vad", "energy")()


@asynccontextmanager
async def assemble(settings: Settings, role: Role = Role.all) -> AsyncIterator[Services]:
    """Start everything that a server of this role needs, and close it in reverse order."""
    choose: Choose = remote_choices if role is Role.app else choices
    found = Found(pulled(settings))  # local servers are looked for later: that may take a second
    first = {port: choose(port, settings, found) for port in role.ports}
    for port, chain in first.items():
        if not (port == "llm" and servers_to_look_for(settings)):  # one may be found any time
            available(chain)
    chains = {port: Fallback(policy=policy(port, settings), skill=skills(settings)) for port in PORTS}
    built = {choice: make(choice) for choice in first.get("embedder", ())}
    embedder: Any
    embedder, meanwhile, *_ = [*built.values(), None, None]

    def build(choice: Choice) -> Any:
        if choice.kind == "extractive":
            return make(choice, embedder=embedder, engines=Names(chains))
        return built.pop(choice, None) or make(choice)

    metrics = Metrics()
    reader = knowledge = ingestion = None
    if settings.knowledge.enabled and embedder:
        reader, knowledge, ingestion = lifecycle.build(settings, embedder, meanwhile, chains, metrics)
    engines = Engines(
        vad=make_vad(settings) if role.converses else load("vad", "energy")(),
        stt=chains["stt"],
        llm=chains["llm"],
        tts=chains["tts"],
        front_ends=MicrophoneFrontEnds(settings.talk.high_pass, settings.talk.noise_gate),
        overlaps=OverlapDetectors(),
        turn=chains["turn"],
        knowledge=knowledge,
        tools=(Clock(), Calculator()),
        link=link,
    )
    talk = settings.talk
    tuning = Tuning(
        talk.silence,
        talk.interrupt,
        pre_roll=talk.pre_roll,
        lead=talk.lead,
        system=talk.system,
        speculate=talk.speculate,
    )
    sessions = Sessions(
        lambda name: Session(name, engines, tuning), settings.limits.idle, settings.limits.remembered
    )
    async with AsyncExitStack() as stack:
        for part in (reader, knowledge):
            if part:
                await stack.enter_async_context(part)
        supply = await stack.enter_async_context(Supply(chains, build))
        limits = settings.limits
        admission = VoiceAdmission(limits.sessions, limits.loop_lag, limits.sessions_per_address)
        queues = {
            port: Queue(port, limits.model_requests, limits.model_queue, metrics.served)
            for port in role.ports
            if port not in ("turn", "reranker", "search")
        }
        services = Services(
            settings,
            engines,
            knowledge,
            sessions,
            admission,
            Requests(limits),
            supply,
            ingestion,
            role=role,
            metrics=metrics,
            queues=queues,
        )
        metrics.add(Live(services))
        supply.joined = partial(welcome, services)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        for port, wanted in first.items():
            supply.want(port, wanted)
        await supply.usable()
        background: dict[str, Callable[[], Awaitable[None]]] = {
            "lag probe": partial(watch_lag, admission),
            "teaching the recogniser": partial(lifecycle.keep_teaching, services),
            "discovery": partial(keep_looking, services, choose),
        }
        if ingestion:
            background["knowledge base"] = partial(lifecycle.open_knowledge, services)
            background["ingestion"] = partial(lifecycle.take_in, services)
        for name, work in background.items():
            tasks.start_soon(keep_running, name, work)
        yield services


class Names(Mapping[str, str]):
    """Port -> name of the engine in use now."""

    def __init__(self, chains: Mapping[str, Fallback]) -> None:
        self._chains = chains

    def __getitem__(self, port: str) -> str:
        return self._chains[port].name

    def __iter__(self) -> Iterator[str]:
        return iter(port for port in ("stt", "tts", "embedder") if port in self._chains)

    def __len__(self) -> int:
        return sum(1 for _ in self)


async def keep_looking(services: Services, choose: Choose) -> None:
    """Use models that were pulled and servers that were started since, without a restart.

    A port for which there is no engine any more, such as after its last model was removed, keeps the
    engines that it has.
    """
    settings = services.settings
    problems: dict[str, str] = {}
    while True:
        services.look_again = anyio.Event()
        found = replace(await look(settings), costs=services.costs)
        for port in services.role.ports:
            try:
                services.supply.want(port, choose(port, settings, found))
                problems.pop(port, None)
            except NexusError as error:
                if problems.get(port) != error.message:
                    log.error("no engine to choose", port=port, reason=error.message)
                problems[port] = error.message
        with anyio.move_on_after(settings.discovery.every or inf):
            await services.look_again.wait()


async def welcome(services: Services, choice: Choice, engine: Any) -> None:
    """Introduce an engine that has joined its chain to those who depend on it."""
    port = choice.port
    if port == "stt" and "knowledge" in services.warming and services.warming["knowledge"] == "ready":
        await lifecycle.teach(services)
    if port == "stt" and isinstance(engine, TellsCost):
        while "warming" in services.parts.values():  # noqa: ASYNC110 - loading slows down what is measured
            await anyio.sleep(0.1)
        services.costs[choice.label] = await engine.cost()
        services.look_again.set()
    if port == "embedder" and services.knowledge and engine is services.supply.chains[port].current:
        await services.knowledge.use(engine)


async def watch_lag(admission: VoiceAdmission) -> None:
    """Measure again and again how late the event loop runs.

    `perf_counter`, because the loop's own clock has whole milliseconds and stands still within a round.
    """
    while True:
        due = perf_counter() + LAG_INTERVAL_S
        while (left := due - perf_counter()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await anyio.sleep(left)
        admission.note_lag(perf_counter() - due)


def create(
    settings: Settings, started: Sequence[Callable[[Services], None]] = (), role: Role = Role.all
) -> FastAPI:
    """The whole server as an ASGI application; `started` callbacks run once it can answer."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with assemble(settings, role) as services:
            app.state.nexus = services
            for callback in started:
                callback(services)
            yield

    app = FastAPI(
        title="Nexus Voice",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    routes.mount(app, role)

    @app.get("/openapi.json", include_in_schema=False)
    async def description() -> JSONResponse:
        """The API's description. Making it takes a fifth of a second once: not on the event loop."""
        return JSONResponse(await anyio.to_thread.run_sync(app.openapi))

    errors.install(app)
    recording = MaxBody(settings.limits.upload, "NEXUS_LIMITS__UPLOAD")
    long_text = MaxBody(10 * settings.limits.body, "NEXUS_LIMITS__BODY")
    app.add_middleware(
        BodyLimit,
        # JSON is parsed on the event loop: a quarter of a megabyte takes up to 15 ms, whatever is in it.
        usual=MaxBody(settings.limits.body, "NEXUS_LIMITS__BODY"),
        by_path={
            "/stt": recording,
            "/v1/audio/transcriptions": recording,
            "/v1/chat/completions": long_text,
            "/v1/embeddings": long_text,
            "/rag/ingest": MaxBody(settings.knowledge.upload, "NEXUS_KNOWLEDGE__UPLOAD"),
        },
    )
    app.add_middleware(RequestAdmission)
    app.add_middleware(OwnOrigin, origins=settings.server.origins)
    if settings.server.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.server.origins, allow_methods=["*"], allow_headers=["*"]
        )
    return app
