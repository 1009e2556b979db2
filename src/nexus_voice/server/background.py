"""Background tasks of the server: none of them can end it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import structlog

from ..core.errors import NexusError

log = structlog.get_logger()

RETRY_S, MAX_RETRY_S = 5.0, 60.0
"""Seconds until failed work is started again: at first, and after failures in a row, which double it."""


async def keep_running(name: str, work: Callable[[], Awaitable[None]], *, retry_s: float = RETRY_S) -> None:
    """Run `work` until it returns; log an error and start it again after a pause.

    Only cancellation gets out. Work that ran for longer than `MAX_RETRY_S` before it failed is started
    again after the shortest pause.
    """
    pause = retry_s
    while True:
        began = anyio.current_time()
        try:
            return await work()
        except Exception as error:
            if anyio.current_time() - began > MAX_RETRY_S:
                pause = retry_s
            known = isinstance(error, NexusError)
            log.error(
                "background task failed",
                task=name,
                retry_s=pause,
                reason=str(error),
                exc_info=None if known else error,
            )
        await anyio.sleep(pause)
        pause = min(2 * pause, max(retry_s, MAX_RETRY_S))
