"""Makes engines, loads them, puts them into their chains and takes them out again, while people talk.

A better engine joins its chain only once it is loaded, so that nobody waits for it. One that is no longer
wanted is closed when its last call is over. Embedded engines join at once, and so do those at the start that
load within seconds: their calls wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup

from ..core.errors import NexusError
from ..engines import load
from ..engines.chain.fallback import Fallback, Link, Policy
from ..ports import NeedsLoading
from ..settings import Settings
from .offers import Choice

log = structlog.get_logger()

RETRY_PAUSE_S, MAX_RETRY_PAUSE_S = 2.0, 60.0
"""Until an engine that did not start is made again; doubled each time."""
LAST_CALL_POLL_S = 0.05
"""Between two looks at whether an engine that is to be closed still has calls."""

Make = Callable[[Choice], Any]


@dataclass(slots=True, eq=False)
class Held:
    """One engine, from when it is wanted until it is closed."""

    choice: Choice
    rank: int
    state: str = "loading"
    """ "loading", "ready", or what is wrong with it."""
    at_once: bool = False
    """Whether it joins its chain before it is loaded."""
    link: Link | None = None
    unwanted: anyio.Event = field(default_factory=anyio.Event)


def make(choice: Choice, **more: Any) -> Any:
    """The chosen engine. Raises `BadInput` when its package is missing, or what its constructor raises."""
    return load(choice.port, choice.kind)(**choice.arguments, **more)


def policy(port: str, settings: Settings) -> Policy:
    """How a port's chain tries its engines, by the settings."""
    given = settings.fallback
    return Policy(
        first_result=getattr(given, port, 0.0),
        retries=given.retries,
        failures=given.failures,
        cooldown=given.cooldown,
    )


class Supply:
    """Keeps the chains of all ports filled. Enter it; then `want` says which engines there should be."""

    def __init__(self, chains: Mapping[str, Fallback], make: Make = make) -> None:
        self.chains = chains
        self.joined: Callable[[Choice, Any], Awaitable[None]] | None = None
        """Called when an engine is ready."""
        self._make = make
        self._held: dict[str, list[Held]] = {port: [] for port in chains}
        self._changed = anyio.Event()
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Supply:
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks, self._tasks = self._tasks, None
        if tasks:
            tasks.cancel_scope.cancel()
            await tasks.__aexit__(None, None, None)

    def want(self, port: str, choices: Sequence[Choice]) -> None:
        """Have these engines from now on, best first; those that are there already stay as they are. A loaded
        one that could not be made again, because its model was removed, stays as well."""
        assert self._tasks
        start = not self._held[port]
        kept = {held.choice: held for held in self._held[port]}
        wanted: list[Held] = []
        for rank, choice in enumerate(choices):
            held = kept.pop(choice, None)
            if held is None and choice.missing:
                loaded = (one for one in kept.values() if one.choice.kind == choice.kind and one.link)
                held = next(loaded, None)
                if held:
                    del kept[held.choice]
            if held is None:
                at_once = choice.embedded or (start and choice.quick)
                held = Held(choice, rank, choice.missing or "loading", at_once)
                if choice.missing:
                    log.warning("engine unavailable", port=port, kind=choice.kind, reason=choice.missing)
                else:
                    self._tasks.start_soon(self._live, held)
            elif not choice.missing:
                held.choice = choice  # its reason may be another
            held.rank = rank
            wanted.append(held)
        for held in kept.values():
            held.unwanted.set()
        self._held[port] = wanted
        self._sort(port)
        self._notify()

    def status(self) -> dict[str, list[dict[str, Any]]]:
        """Every port's engines, best first: kind, name, why, state, and what its chain knows of it."""
        return {port: [described(held) for held in all_held] for port, all_held in self._held.items()}

    def resting(self) -> dict[str, list[str]]:
        """Port -> names of the engines whose circuit breakers are open."""
        open = {port: [link.engine.name for link in c.links if link.open] for port, c in self.chains.items()}
        return {port: names for port, names in open.items() if names}

    def used(self) -> list[tuple[str, str]]:
        """(port, kind) of the engines that calls go to now."""
        links = {id(held.link): held for all_held in self._held.values() for held in all_held if held.link}
        found = [(port, links.get(id(chain.next_link))) for port, chain in self.chains.items()]
        return [(port, held.choice.kind) for port, held in found if held]

    @property
    def wanted(self) -> list[str]:
        """Ports for which an engine is wanted."""
        return [port for port, held in self._held.items() if held]

    def state(self, port: str) -> str:
        """ "ready" once one engine is, "warming" while one is loading, else what is wrong.

        One that stands by makes it ready only when no other can any more.
        """
        states = [held.state for held in self._held[port]]
        active = [held.state for held in self._held[port] if not held.choice.standby]
        if "ready" in active or not states:
            return "ready"
        if "loading" in active:
            return "warming"
        return next((state for state in states if state == "ready"), states[0])

    async def usable(self) -> None:
        """Wait until the engines that join at once have done so, which takes a moment."""
        while any(
            held.at_once and held.link is None and held.state == "loading"
            for all_held in self._held.values()
            for held in all_held
        ):
            await self._changed.wait()

    async def settled(self, port: str) -> None:
        """Wait until an engine is ready, or all have failed."""
        while self.state(port) == "warming":
            await self._changed.wait()

    async def _live(self, held: Held) -> None:
        pause = RETRY_PAUSE_S
        while not held.unwanted.is_set():
            try:
                async with AsyncExitStack() as stack:
                    engine = self._make(held.choice)
                    if isinstance(engine, AbstractAsyncContextManager):
                        await stack.enter_async_context(engine)
                    await self._serve(held, engine)
                return
            except Exception as error:
                pause = await self._failed(held, error, pause)

    async def _serve(self, held: Held, engine: Any) -> None:
        """Keep the engine in its chain for as long as it is wanted."""
        port = held.choice.port
        try:
            if held.at_once:
                self._join(held, engine)
            if isinstance(engine, NeedsLoading):
                await engine.ready()
            held.state = "ready"
            if held.link is None:
                self._join(held, engine)
                log.info("engine ready", port=port, engine=engine.name, why=held.choice.why)
            self._notify()
            await self._announce(held.choice, engine)
            await held.unwanted.wait()
        finally:
            link, held.link = held.link, None
            if link:
                self.chains[port].remove(link)
        while link and link.calls:  # noqa: ASYNC110 - seldom, and not worth an event on every call
            await anyio.sleep(LAST_CALL_POLL_S)
        log.info("engine closed", port=port, engine=engine.name)

    async def _announce(self, choice: Choice, engine: Any) -> None:
        try:
            if self.joined:
                await self.joined(choice, engine)
        except Exception as error:  # not the engine's, which goes on working
            known = isinstance(error, NexusError)
            log.error(
                "the others could not take up the new engine",
                port=choice.port,
                engine=engine.name,
                reason=str(error),
                exc_info=None if known else error,
            )

    def _join(self, held: Held, engine: Any) -> None:
        held.link = self.chains[held.choice.port].insert(0, engine)
        self._sort(held.choice.port)
        self._notify()

    def _sort(self, port: str) -> None:
        """Put the chain in the wanted order; engines that are to be closed come last."""
        ranks = {id(held.link): held.rank for held in self._held[port]}
        self.chains[port].links.sort(key=lambda link: ranks.get(id(link), len(ranks)))

    async def _failed(self, held: Held, error: Exception, pause: float) -> float:
        """Note the error and wait before the next attempt; the pause before the one after that."""
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        known = isinstance(error, NexusError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        if held.state != message:
            log.error(
                "engine not working",
                port=held.choice.port,
                kind=held.choice.kind,
                reason=message,
                exc_info=None if known else error,
            )
        held.state = message
        self._notify()
        with anyio.move_on_after(pause):
            await held.unwanted.wait()
        return min(2 * pause, MAX_RETRY_PAUSE_S)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def described(held: Held) -> dict[str, Any]:
    choice, link = held.choice, held.link
    body = {"kind": choice.kind, "name": choice.kind, "why": choice.why, "state": held.state}
    return {**body, **(link.status | {"state": held.state, "breaker": link.breaker.state} if link else {})}
