"""One call to a worker process: takes the caller's items to it, and keeps the results until the caller
asks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from typing import Any

from anyio import CancelScope, Event, create_memory_object_stream, create_task_group

from ..core.errors import EngineError, NexusError
from .process import Child, put


class Call:
    """A call in progress. It runs in the pool's tasks, so that no task group spans a `yield`."""

    def __init__(
        self, name: str, method: str, items: AsyncIterable[Any], buffer: int, parse: Callable[[Any], Any]
    ) -> None:
        self.error: Exception | None = EngineError(f"{name} was shut down")
        self.scope = CancelScope()
        self.done = Event()
        self._method, self._items, self._parse = method, items, parse
        self._collected, self._inbox = create_memory_object_stream[Any](buffer)
        self._out, self.results = create_memory_object_stream[Any](buffer)

    async def run(
        self, check_out: Callable[[], Awaitable[Child]], give_back: Callable[[Child], None]
    ) -> None:
        try:
            with self.scope:
                async with create_task_group() as tasks:
                    tasks.start_soon(self._collect)
                    await self._serve(check_out, give_back)
                    tasks.cancel_scope.cancel()
        except Exception as error:  # a value that cannot be sent, or a bug: this call's, not the pool's
            self.error = innermost(error)
        finally:
            for stream in (self._collected, self._inbox, self._out):
                stream.close()
            self.done.set()

    async def _collect(self) -> None:
        try:
            with self._collected as inbox:
                async for item in self._items:
                    await put(inbox, item)
        except Exception as error:  # the caller's own, handed back to it
            self.error = error
            self.scope.cancel()
        finally:
            if isinstance(self._items, AsyncGenerator):  # close it in the task that ran it
                with CancelScope(shield=True):
                    await self._items.aclose()

    async def _serve(
        self, check_out: Callable[[], Awaitable[Child]], give_back: Callable[[Child], None]
    ) -> None:
        try:
            child = await check_out()
            try:
                await child.run(self._method, self._inbox, self._out, self._parse)
            finally:
                give_back(child)
            self.error = None
        except NexusError as error:
            self.error = error


def innermost(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
