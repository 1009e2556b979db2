"""What every engine shares whose work is done in worker processes."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from .pool import Workers


class InWorkers:
    """Entering starts the processes and does not wait for them, `ready` does; leaving ends them."""

    local = True

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._workers.__aexit__(kind, error, trace)

    @property
    def free_places(self) -> int:
        return self._workers.free

    async def ready(self) -> None:
        """Wait until every process can answer. Raises `EngineError` when one cannot start."""
        await self._workers.ready()
