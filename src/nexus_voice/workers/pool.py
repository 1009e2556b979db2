"""Worker processes, for code that blocks, holds the GIL, is not thread-safe, reads hostile data or is under
the GPL.

`Workers` keeps a few processes, each with one plain synchronous object in it, and lends one out for each
call. A call streams both ways; it costs about a millisecond, and an item there and back a third of one. When
the caller is cancelled, the process stops the call and is used again. A process that dies fails its own call
only and is replaced.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import suppress
from math import inf
from types import TracebackType
from typing import Any, Self

from anyio import (
    CancelScope,
    EndOfStream,
    Event,
    create_task_group,
    current_time,
    get_cancelled_exc_class,
    move_on_after,
    sleep,
)
from anyio.abc import TaskGroup

from ..core.errors import Busy, EngineError, NexusError
from .call import Call
from .confinement import Confinement
from .process import CANCEL_TIMEOUT_S, Child, Spec, take

log = logging.getLogger(__name__)

MIN_RESTART_PAUSE_S, MAX_RESTART_PAUSE_S = 0.1, 10.0
"""Pause before a dead process is replaced; doubled each time one dies after a short life."""
SHORT_LIFE_S = 10.0


class Workers:
    """`count` processes that each hold `factory(**kwargs)`, where `factory` is "module:callable".

    The object's methods take `(items: Iterator, emit: Callable)`; items are what msgpack carries. At
    most `queue` calls wait for a process, none longer than `patience` seconds; past that, `Busy` is raised.
    Entering starts the processes and does not wait for them; `ready()` does. `nice` (0..19) lowers
    their priority. `memory` and `cancel_timeout`: see `Spec`. With `idle`, a process is started when a call
    needs it, and ended after so many seconds without one.
    """

    def __init__(
        self,
        factory: str,
        count: int,
        kwargs: dict[str, Any] | None = None,
        name: str = "",
        *,
        queue: int = 16,
        patience: float = 30.0,
        nice: int = 0,
        memory: int = 0,
        idle: float = inf,
        cancel_timeout: float = CANCEL_TIMEOUT_S,
    ) -> None:
        self.name = name or factory
        self.count = count
        self.confinement: Confinement | None = None
        """What the processes were found to be refused; None without `memory`, or before the first start."""
        self._spec = Spec(self.name, factory, kwargs or {}, nice, memory, cancel_timeout)
        self._idle_limit = idle
        self._resident = count if idle == inf else 0
        self._queue_limit, self._patience = queue, patience
        self._children: set[Child] = set()
        self._idle: list[Child] = []
        self._queue: deque[object] = deque()
        self._changed = Event()
        self._trouble = ""
        self._setup: Any = None
        self._version = 0
        self._setup_error: NexusError | None = None
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._changed = Event()
        self._tasks = await create_task_group().__aenter__()
        for _ in range(self.count):
            self._tasks.start_soon(self._keep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._tasks
        tasks, self._tasks = self._tasks, None
        tasks.cancel_scope.cancel()
        if isinstance(error, get_cancelled_exc_class()):
            return await tasks.__aexit__(kind, error, trace)
        await tasks.__aexit__(None, None, None)  # an error of the body is raised as it is, not in a group
        return None

    @property
    def pids(self) -> list[int]:
        """Processes that are ready for a call or in one."""
        return [child.pid for child in self._children]

    @property
    def free(self) -> int:
        """Processes that are ready for a call at once; below 1 when calls wait."""
        return len(self._idle) - len(self._queue)

    async def ready(self) -> None:
        """Wait until every process can answer; with `idle` there need be none. Raises `EngineError` when one
        cannot start."""
        await self._until(lambda: len(self._children) >= self._resident)

    async def call(
        self,
        method: str,
        items: AsyncIterable[Any],
        *,
        buffer: int = 16,
        parse: Callable[[Any], Any] = lambda value: value,
    ) -> AsyncGenerator[Any]:
        """Send `items` to one process's `method` and pass on what it emits, through `parse`.

        `items`, closed at the end if a generator, is read at once: up to `buffer` of them wait while
        no process is free, and as many results may wait for the caller before the process is held
        up. Close it with `aclosing`. `parse` is quick and raises TypeError, ValueError, LookupError or
        AttributeError for a result in a wrong form: the process is then replaced and the call fails.
        """
        if self._tasks is None:
            raise EngineError(f"{self.name} is not running")
        call = Call(self.name, method, items, buffer, parse)
        self._tasks.start_soon(call.run, self.check_out, self.give_back)
        try:
            with suppress(EndOfStream):
                while True:
                    yield await take(call.results)
            if call.error:
                raise call.error
        finally:
            call.scope.cancel()
            with CancelScope(shield=True):
                await call.done.wait()
            call.results.close()

    async def setup(self, value: Any) -> None:
        """Have every process, now and after a restart, run its `setup` method on `value`.

        One process at a time, between its calls, so that the others go on answering. Returns when
        all have. Raises `EngineError` as soon as one cannot be set up.
        """
        self._setup, self._setup_error = value, None
        self._version = version = self._version + 1
        self._refresh()
        await self._until(
            lambda: (
                self._setup_error is not None
                or (
                    len(self._children) >= self._resident
                    and all(child.version >= version for child in self._children)
                )
            )
        )
        if self._setup_error:
            raise self._setup_error

    async def check_out(self) -> Child:
        """A process for one call, first come first served."""
        if len(self._queue) >= self._queue_limit + len(self._idle):
            raise Busy(f"{self.name} is busy; try again in a moment")
        ticket = object()
        self._queue.append(ticket)
        self._notify()
        try:
            with move_on_after(self._patience):
                await self._until(lambda: bool(self._idle) and self._queue[0] is ticket)
                return self._idle.pop()
            raise Busy(f"{self.name} is busy; try again in a moment")
        finally:
            self._queue.remove(ticket)
            self._notify()

    def give_back(self, child: Child) -> None:
        """The call is over; `child` is idle again once it is settled and up to date."""
        if child.dead or not self._tasks:
            return
        if child.unsettled:
            self._tasks.start_soon(self._settle, child)
        elif child.version < self._version and not any(other.setting_up for other in self._children):
            child.setting_up = True
            self._tasks.start_soon(self._set_up, child)
        else:
            self._idle.append(child)
            self._notify()

    async def _settle(self, child: Child) -> None:
        await child.settle()
        self.give_back(child)

    async def _set_up(self, child: Child) -> None:
        version = self._version
        try:
            await child.setup(self._setup)
        except NexusError as error:
            log.error("%s could not be set up: %s", self.name, error.message)
            self._setup_error = error
        child.version, child.setting_up = version, False
        self._refresh()
        self.give_back(child)

    def _refresh(self) -> None:
        """Begin to set up an idle process that is out of date, if none is being set up."""
        stale = next((child for child in self._idle if child.version < self._version), None)
        if stale:
            self._idle.remove(stale)
            self.give_back(stale)

    async def _keep(self) -> None:
        """Keep one process alive."""
        pause = 0.0
        while True:
            while self._idle_limit < inf and not self._queue:
                await self._changed.wait()
            began = current_time()
            child = Child(self._spec)
            try:
                async with create_task_group() as tasks:
                    tasks.start_soon(self._retire, child)
                    await child.live(self._born)
                    tasks.cancel_scope.cancel()
            except Exception:  # ours: it costs this process, not the others and their owner
                log.exception("%s could not be followed", self.name)
            finally:
                self._children.discard(child)
                if child in self._idle:
                    self._idle.remove(child)
                await child.bury()
                if not child.ready:
                    self._trouble = child.fate
                self._notify()
            if child.retired:
                continue
            lasting = current_time() - began > SHORT_LIFE_S or child.in_call  # each call may kill but one
            pause = (
                MIN_RESTART_PAUSE_S
                if lasting
                else min(MAX_RESTART_PAUSE_S, max(MIN_RESTART_PAUSE_S, 2 * pause))
            )
            log.error("%s; restarting in %.1f s", child.fate, pause)
            await sleep(pause)
            if self._idle_limit < inf:
                self._trouble = ""  # the next call tries again

    async def _retire(self, child: Child) -> None:
        """End it when it has had nothing to do for long."""
        while self._idle_limit < inf and not child.retired:
            while child not in self._idle:
                await self._changed.wait()
            with move_on_after(self._idle_limit):
                while child in self._idle:
                    await self._changed.wait()
            if child in self._idle:
                self._idle.remove(child)
                child.retire()

    def _born(self, child: Child) -> None:
        self._trouble = ""
        self._children.add(child)
        if child.confinement and child.confinement != self.confinement:
            self.confinement = child.confinement
            level = logging.INFO if child.confinement.complete else logging.WARNING
            log.log(level, "%s is confined; %s", self.name, child.confinement)
        if self._version and self._tasks:
            child.setting_up = True
            self._tasks.start_soon(self._set_up, child)
        else:
            self.give_back(child)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._trouble and not self._children:
                raise EngineError(self._trouble, retryable=True)
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = Event()
