"""`nexus-voice serve`: the server in the foreground, until Ctrl-C."""

from __future__ import annotations

import errno
import gc
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import uvicorn

from ..core.errors import NexusError
from ..server.roles import Role
from ..supply.advice import Advice, advice, commands
from ..telemetry import logs
from .nearby import address

if TYPE_CHECKING:
    from ..server.services import Services
    from ..settings import Settings

MAX_OPEN_FILES = 65_536
"""Files and sockets that the server may have open, if the system lets it."""
SHUTDOWN_GRACE_S = 1
"""How long open connections may take to finish when the server is told to stop."""


class Server(uvicorn.Server):
    """uvicorn's server that tells when it answers, and leaves signals to us: engines are closed after it."""

    def __init__(self, config: uvicorn.Config, answering: Callable[[], None]) -> None:
        super().__init__(config)
        self._answering = answering

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._answering()

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


def serve(
    settings: Settings, *, role: Role = Role.all, child: bool = False, since: float | None = None
) -> None:
    """Serve until told to stop. `since` is when the process began, in seconds since the epoch.

    A `child` prints only its address, and stops when its standard input ends.
    """
    since = time.time() if since is None else since
    allow_many_connections()
    with listening(
        settings.server.host, settings.server.port
    ) as sock:  # first, so that a port in use is reported at once
        logs.configure(settings.server.log, settings.server.log_json)
        anyio.run(
            _serve,
            settings,
            role,
            sock,
            child,
            since,
            backend_options={"use_uvloop": sys.platform != "win32"},
        )


async def _serve(settings: Settings, role: Role, sock: socket.socket, child: bool, since: float) -> None:
    from ..server.app import create
    from ..server.background import keep_running
    from ..server.http_protocol import http_protocol
    from ..server.websocket.protocol import WebSocketProtocol

    app = create(settings, role=role)
    url = address(settings.server.host, sock.getsockname()[1])

    def answering() -> None:
        if child:
            print(url, flush=True)
        else:
            greet(app.state.nexus, settings, url, time.time() - since)

    config = uvicorn.Config(
        logs.RequestIds(app),
        lifespan="off",  # we run it ourselves, to see its errors and to keep it until the end
        loop="none",
        http=http_protocol(),
        ws=WebSocketProtocol,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        ws_max_size=1 << 20,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
    )
    server = Server(config, answering)
    with stopping(server):
        async with app.router.lifespan_context(app), anyio.create_task_group() as tasks:
            watch = partial(until_alone if child else say_when_warm, server, app)
            tasks.start_soon(keep_running, "watching the start", watch)
            tasks.start_soon(keep_running, "settling", partial(settle, app))
            await server.serve(sockets=[sock])
            tasks.cancel_scope.cancel()


def allow_many_connections() -> None:
    """Raise this process' limit of open files, often 1,024, as far as it may."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Open the listening socket. Raises `NexusError` when that fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise NexusError(_why(error, host, port), code="cannot_listen") from None
    with sock:
        yield sock


def _why(error: Exception, host: str, port: int) -> str:
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return (
                f"Port {port} is already in use. Stop what uses it, or choose another: "
                f"nexus-voice serve --port {port + 1 if port < 65535 else 8080}"
            )
        case errno.EACCES:
            return f"Port {port} may be used by the administrator only. Choose one above 1023 with --port."
    return f"Cannot listen on {host}, port {port}: {getattr(error, 'strerror', None) or error}."


@contextmanager
def stopping(server: uvicorn.Server) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM stop the server. A second Ctrl-C does not wait for its clients."""
    kept = {one: signal.signal(one, server.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


async def until_alone(server: uvicorn.Server, app: Any) -> None:
    """Stop a child with its parent, which closes its end of the pipe."""
    await anyio.wait_readable(sys.stdin.fileno())
    server.should_exit = True


async def settle(app: Any) -> None:
    """Exclude what is loaded from garbage collection, once everything is loaded: it stays for good."""
    services: Services = app.state.nexus
    while "warming" in services.parts.values():  # noqa: ASYNC110 - only at the start
        await anyio.sleep(0.1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)  # conversations create few reference cycles


async def say_when_warm(server: uvicorn.Server, app: Any) -> None:
    """Say when the parts that load in the background are ready, or what is wrong with them."""
    services: Services = app.state.nexus
    while not server.started or "warming" in services.parts.values():  # noqa: ASYNC110 - only at the start
        await anyio.sleep(0.1)
    for part, status in services.parts.items():
        if status != "ready":
            say(f"  not working:  {part}: {status} (`nexus-voice doctor` says more)")
    if services.ready:
        say("Everything is loaded.")


def say(text: str) -> None:
    """Print; a reader of our output that has gone away does not end the server."""
    with suppress(OSError):
        print(text, flush=True)


def greet(services: Services, settings: Settings, url: str, seconds: float) -> None:
    better = advice(services.used)
    if not services.role.converses:
        lines = part_banner(url, services.role, services.using, better, seconds)
    else:
        if not settings.knowledge.enabled:
            documents = "no documents (NEXUS_KNOWLEDGE__ENABLED=false)"
        elif services.knowledge is None:
            documents = "no documents (name an engine for them with NEXUS_EMBEDDER__KIND)"
        else:
            documents = "its own documentation, and what you add with `nexus-voice ingest FILE`"
        lines = banner(url, services.engines.names(), better, documents, seconds)
    say("\n".join(lines))


def banner(
    url: str, engines: Mapping[str, str], better: Sequence[Advice], documents: str, seconds: float
) -> list[str]:
    """What is printed when the server has started, at most ten lines. `engines` maps ports to names."""
    lines = [
        f"Nexus Voice is ready after {seconds:.1f} s. Open {url} in a browser.",
        f"  hears with     {engines['vad']}, {engines['stt']}",
        f"  answers with   {engines['llm']}",
        f"  speaks with    {engines['tts']}",
        f"  knows          {documents}",
    ]
    lines += [f"  better:  {command}  # {why}" for command, why in commands(better)]
    lines.append(
        'Try `nexus-voice ask "How do I add a language model?"` in another terminal. Ctrl-C stops the server.'
    )
    return lines


def part_banner(
    url: str, role: str, engines: Mapping[str, str], better: Sequence[Advice], seconds: float
) -> list[str]:
    """What is printed when a server of a single role has started."""
    lines = [f"Nexus Voice, role {role}, is ready after {seconds:.1f} s. Others use it at {url}/v1."]
    lines += [f"  {port:<14} {name}" for port, name in engines.items()]
    lines += [f"  better:  {command}  # {why}" for command, why in commands(better)]
    lines.append(f"Its state is at {url}/readyz, its figures at {url}/metrics. Ctrl-C stops the server.")
    return lines
