"""A real server on 127.0.0.1, in a thread, so that a test can look inside it as well."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI

from loop_probe import LoopProbe
from nexus_voice.server.app import create
from nexus_voice.server.http_protocol import http_protocol
from nexus_voice.server.roles import Role
from nexus_voice.server.services import Services
from nexus_voice.server.websocket.protocol import WebSocketProtocol
from nexus_voice.settings import Settings
from once import empty_base

T = TypeVar("T")
START_TIMEOUT_S = 60.0
"""Seconds until a test gives up on a server that starts."""
LOG_PROCESSORS = [
    structlog.processors.add_log_level,
    structlog.processors.format_exc_info,  # structlog's default shows local variables, which takes seconds
    structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
]


@dataclass
class Serving:
    """A running server. `inside(f)` runs `f` on its event loop and returns the result."""

    app: FastAPI
    port: int
    state: Services
    loop: asyncio.AbstractEventLoop
    server: uvicorn.Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/voice"

    def inside(self, look: Callable[[], T]) -> T:
        async def run() -> T:
            return look()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def tasks(self) -> int:
        """The number of tasks on the server's loop, without the one that counts them."""
        return self.inside(lambda: len(asyncio.all_tasks()) - 1)

    def settles(self, tasks: int) -> bool:
        """Whether at most `tasks` tasks are left in the end."""
        return self.becomes(lambda: len(asyncio.all_tasks()) - 1 <= tasks)

    def becomes(self, condition: Callable[[], bool], within: float = 10.0) -> bool:
        """Whether `condition`, checked repeatedly on the loop, becomes true within so many seconds."""
        give_up = time.monotonic() + within
        while not self.inside(condition):
            if time.monotonic() > give_up:
                return False
            time.sleep(0.01)
        return True


def fakes(data_dir: Path, **sections: dict[str, Any]) -> Settings:
    """Settings with scripted engines that answer at once. `sections` override single settings."""
    quick = {"final_delay": 0.0, "first_token": 0.0, "token_gap": 0.0, "first_audio": 0.0, "audio_speed": 1e3}
    defaults: dict[str, dict[str, Any]] = {
        **{port: {"kind": "fake"} for port in ("vad", "stt", "llm", "tts", "embedder")},
        "fake": {**quick, "sentence_seconds": 0.05},
        # A shared machine may stall for longer than a server should.
        "limits": {"loop_lag": 60.0},
        "knowledge": {"seed": data_dir / "seed"},
        "discovery": {"local_servers": []},
    }
    merged = {name: {**defaults.get(name, {}), **sections.get(name, {})} for name in defaults | sections}
    (data_dir / "seed").mkdir(parents=True, exist_ok=True)
    if not (data_dir / "knowledge").exists():
        empty_base(data_dir / "knowledge")
    return Settings(_env_file=None, data_dir=data_dir, **merged)  # type: ignore[call-arg, arg-type]


def plain_logs() -> None:
    """Log as tests do. Whoever configures logging otherwise calls it afterwards, as servers may still run."""
    structlog.reset_defaults()
    structlog.configure(LOG_PROCESSORS, structlog.make_filtering_bound_logger(logging.WARNING))


@contextmanager
def serving(settings: Settings, role: Role = Role.all, port: int = 0) -> Iterator[Serving]:
    """Run the server that these settings describe. It is ready to answer, with every part loaded.

    Port 0 is a free one.
    """
    plain_logs()
    found: list[tuple[Services, asyncio.AbstractEventLoop]] = []
    app = create(settings, [lambda state: found.append((state, asyncio.get_running_loop()))], role)
    config = uvicorn.Config(
        app,
        port=port,
        log_config=None,
        http=http_protocol(),
        ws=WebSocketProtocol,
        ws_max_size=1 << 20,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        give_up = time.monotonic() + START_TIMEOUT_S
        while not server.started:
            assert thread.is_alive(), "the server did not start; see the log"
            assert time.monotonic() < give_up, "the server takes too long to start"
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        here = Serving(app, port, *found[0], server)
        assert here.becomes(lambda: here.state.ready, START_TIMEOUT_S), here.state.parts
        probe = LoopProbe(here.loop)
        here.inside(probe.start)
        try:
            yield here
        finally:
            if thread.is_alive():
                here.inside(probe.stop)
        assert not probe.late, f"the event loop was held (for seconds, by): {probe.late}"
    finally:
        server.should_exit = True
        thread.join(START_TIMEOUT_S)
        assert not thread.is_alive(), "the server did not stop"
