"""One life of the llama.cpp child, seen from the host: see `server.py` for what it says."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from anyio import (
    BrokenResourceError,
    CancelScope,
    ClosedResourceError,
    create_task_group,
    current_time,
    open_process,
)
from anyio.abc import ByteReceiveStream, Process

from ...core.errors import EngineError
from ...workers.untrusted import signal_name
from .plan import INSTALL
from .server import Orders

log = logging.getLogger(__name__)

MAX_LOG_LINES, MAX_LINE = 40, 500
"""The last lines of the child's log, which are kept to explain its end, and bytes of one of them."""
LOAD_ERROR = re.compile(r"error loading model: (.+)|(?: E |error: ?)(.+)", re.IGNORECASE)
OUT_OF_MEMORY = re.compile(
    r"out of memory|(?:unable|failed) to allocate|bad_alloc|cannot allocate", re.IGNORECASE
)


class LlamaProcess:
    """Call `live` once. `pid` is 0 before and after; `loaded` is set once the model has answered."""

    def __init__(self, orders: Orders) -> None:
        self.pid, self.loaded = 0, False
        self._orders, self._lines = orders, deque[str](maxlen=MAX_LOG_LINES)

    async def live(self, born: Callable[[str], Awaitable[None]]) -> EngineError:
        """Start it, await `born(url)` once it answers, stay until it ends; returns why it ended."""
        command = [sys.executable, "-P", "-m", "nexus_voice.engines.llama.server"]
        pipe = subprocess.PIPE
        try:
            with CancelScope(shield=True):  # or a child without an owner could stay behind
                process = await open_process(command, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            return EngineError(f"llama.cpp could not be started: {error}", retryable=True)
        try:
            self.pid = process.pid
            return await self._attend(process, born)
        finally:
            self.pid = 0
            with suppress(ProcessLookupError):
                process.kill()
            with CancelScope(shield=True):
                await process.aclose()

    async def _attend(self, process: Process, born: Callable[[str], Awaitable[None]]) -> EngineError:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        failed: dict[str, str] = {}
        async with create_task_group() as tasks:
            tasks.start_soon(self._log, process.stderr)
            with suppress(BrokenResourceError, ClosedResourceError):
                await process.stdin.send(json.dumps(asdict(self._orders)).encode() + b"\n")
            async for line in _lines(process.stdout):
                match _answer(line):
                    case {"url": str(url)} if not self.loaded:
                        self.loaded = True
                        await born(url)
                    case {"failed": str(), "code": str()} as failed:
                        pass
            tasks.cancel_scope.deadline = current_time() + 1  # for the log's last lines
        with CancelScope(shield=True):
            code = await process.wait()
        return self._fate(failed, code)

    def _fate(self, failed: dict[str, str], code: int) -> EngineError:
        name = self._orders.name
        if self.loaded:
            return EngineError(f"{name} ended ({_status(code)})", retryable=True)
        if failed.get("code") == "engine_not_installed":
            return EngineError(f"llama.cpp is not installed: {INSTALL}.", code="engine_not_installed")
        said = [found[1] or found[2] for line in self._lines if (found := LOAD_ERROR.search(line))]
        why = (said or [failed.get("failed") or _status(code)])[0].strip()
        if code == -signal.SIGKILL or any(map(OUT_OF_MEMORY.search, self._lines)):
            return EngineError(
                f"There is too little memory for the language model {name} ({why}). "
                "Choose a smaller one, or a smaller context.",
                code="model_memory",
            )
        return EngineError(
            f"The language model {name} does not load: {why}. Pull it again; "
            "if it is newer than your llama.cpp, update that.",
            code="model_broken",
        )

    async def _log(self, stderr: ByteReceiveStream) -> None:
        async for line in _lines(stderr):
            self._lines.append(line)
            log.debug("%s: %s", self._orders.name, line)


def _answer(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


async def _lines(stream: ByteReceiveStream) -> AsyncGenerator[str]:
    """Lines as they come, each cut to `MAX_LINE` bytes."""
    rest = b""
    with suppress(BrokenResourceError, ClosedResourceError):
        async for data in stream:
            *whole, rest = (rest + data).split(b"\n")
            rest = rest[:MAX_LINE]
            for line in whole:
                yield line[:MAX_LINE].decode(errors="replace")


def _status(code: int) -> str:
    return f"signal {signal_name(-code)}" if code < 0 else f"exit status {code}"
