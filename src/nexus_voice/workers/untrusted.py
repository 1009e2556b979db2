"""What a worker process says, brought into a form that can be trusted: log lines, errors, its confinement."""

from __future__ import annotations

import logging
import re
import signal
from collections.abc import AsyncIterable
from math import inf
from typing import Any

from anyio import current_time

from ..core.errors import BadInput, Busy, EngineError, NexusError
from .confinement import Confinement
from .frames import MAX_MESSAGE, BadFrame

ERROR_CODE = re.compile(r"[a-z_]{1,40}")
"""An error's code, for programs."""
MAX_LOG_LINES, MAX_LOG_LINE, MAX_LOG_BYTES = 50, 500, 16 << 20
"""Lines of a worker's stderr that are logged per minute, characters of each, and bytes per minute after which
the worker is killed."""

log = logging.getLogger(__name__)


async def log_lines(name: str, stderr: AsyncIterable[bytes]) -> None:
    """Log what comes, within bounds. Raises `BadFrame` when far too much comes."""
    minute, lines, size, rest = -inf, 0, 0, b""
    async for data in stderr:
        if current_time() - minute > 60:
            minute, lines, size = current_time(), 0, 0
        size += len(data)
        if size > MAX_LOG_BYTES:
            raise BadFrame("wrote too much to its log")
        *whole, rest = (rest + data).split(b"\n")
        rest = rest[:MAX_LOG_LINE]
        for line in whole[: MAX_LOG_LINES - lines]:
            log.warning("%s: %s", name, printable(line[:MAX_LOG_LINE]))
        lines = min(MAX_LOG_LINES, lines + len(whole))


def confined(measured: dict[str, Any] | None) -> Confinement | None:
    """What a child said of its confinement. Raises `BadFrame`."""
    match measured:
        case None:
            return None
        case {
            "network": bool(network),
            "local_sockets": bool(local_sockets),
            "files": bool(files),
            "processes": bool(processes),
            "missing": str(missing),
        }:
            return Confinement(network, local_sockets, files, processes, missing[:MAX_MESSAGE])
    raise BadFrame("sent a confinement that is none")


def printable(line: bytes) -> str:
    """Without the characters that steer a terminal or forge a line of the log."""
    text = line.decode(errors="replace")
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


def failure(kind: str, message: str, code: str, status: int, retryable: bool) -> NexusError:
    message = message[:MAX_MESSAGE]
    if not ERROR_CODE.fullmatch(code) or not 400 <= status <= 599:
        code, status = EngineError.code, EngineError.status
    if kind == "BadInput":
        return BadInput(message, code=code, status=status)
    if kind == "Busy":
        return Busy(message)
    return EngineError(message, code=code, status=status, retryable=retryable)
