"""The engines' lives: made, warmed, put into their chains, taken out again, all while people talk.

A better engine joins its chain only once it is loaded, so nobody waits for it; one that is gone is
closed when its last call is over. Embedded engines join at once: their calls wait.
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

AGAIN, LONGEST_AGAIN = 2.0, 60.0
"""Seconds until an engine that would not start is tried again; doubled each time."""
LEAVE = 0.05
"""Seconds between two looks at whether an engine that goes still has calls."""

Make = Callable[[Choice], Any]


@dataclass(slots=True, eq=False)
class Held:
    """One engine that is wanted, from the wish to the end."""

    choice: Choice
    rank: int
    state: str = "loading"
    """"loading", "ready", or what is wrong with it."""
    link: Link | None = None
    unwanted: anyio.Event = field(default_factory=anyio.Event)


def make(choice: Choice, **more: Any) -> Any:
    """Raises `BadInput` when its package is missing, or what its constructor raises."""
    return load(choice.port, choice.kind)(**choice.arguments, **more)


def policy(port: str, settings: Settings) -> Policy:
    wanted = settings.fallback
    return Policy(getattr(wanted, port, 0.0), wanted.retries, 0.1, wanted.failures, wanted.cooldown)


class Supply:
    """The chains of all ports. Enter it; `want` then says which engines there should be."""

    def __init__(self, chains: Mapping[str, Fallback], make: Make = make) -> None:
        self.chains = chains
        self.joined: Callable[[str, Any], Awaitable[None]] | None = None
        """Called with port and engine when one has joined its chain."""
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
        """From now on these engines, best first; what is there already stays as it is."""
        assert self._tasks
        kept = {held.choice: held for held in self._held[port]}
        wanted: list[Held] = []
        for rank, choice in enumerate(choices):
            held = kept.pop(choice, None)
            if held is None:
                held = Held(choice, rank, choice.missing or "loading")
                if choice.missing:
                    log.warning("engine unavailable", port=port, kind=choice.kind, reason=choice.missing)
                else:
                    self._tasks.start_soon(self._live, held)
            held.rank = rank
            wanted.append(held)
        for held in kept.values():
            held.unwanted.set()
        self._held[port] = wanted
        self._sort(port)
        self._notify()

    def status(self) -> dict[str, list[dict[str, Any]]]:
        """Every port's engines, best first: kind, name, why, state, and the chain's figures."""
        return {port: [described(held) for held in all_held] for port, all_held in self._held.items()}

    def resting(self) -> dict[str, list[str]]:
        """Port -> names of the engines that are left alone after failures."""
        open = {port: [link.engine.name for link in c.links if link.open] for port, c in self.chains.items()}
        return {port: names for port, names in open.items() if names}

    def used(self) -> list[tuple[str, str]]:
        """(port, kind) of the engines that calls go to now."""
        links = {id(held.link): held for all_held in self._held.values() for held in all_held if held.link}
        found = [(port, links.get(id(chain.next_link))) for port, chain in self.chains.items()]
        return [(port, held.choice.kind) for port, held in found if held]

    @property
    def wanted(self) -> list[str]:
        """Ports that somebody wants an engine for."""
        return [port for port, held in self._held.items() if held]

    def state(self, port: str) -> str:
        """ "ready" once one engine is, "warming" while one is loading, else what is wrong."""
        states = [held.state for held in self._held[port]]
        if "ready" in states or not states:
            return "ready"
        return "warming" if "loading" in states else states[0]

    async def usable(self) -> None:
        """Wait until embedded engines have joined, which takes no time to speak of."""
        while any(
            held.choice.embedded and held.link is None and held.state == "loading"
            for all_held in self._held.values()
            for held in all_held
        ):
            await self._changed.wait()

    async def settled(self, port: str) -> None:
        """Wait until an engine is ready, or all have failed."""
        while self.state(port) == "warming":
            await self._changed.wait()

    async def _live(self, held: Held) -> None:
        pause = AGAIN
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
            if held.choice.embedded:
                self._join(held, engine)
            if isinstance(engine, NeedsLoading):
                await engine.ready()
            held.state = "ready"
            if held.link is None:
                self._join(held, engine)
                log.info("engine ready", port=port, engine=engine.name, why=held.choice.why)
            self._notify()
            await self._announce(port, engine)
            await held.unwanted.wait()
        finally:
            link, held.link = held.link, None
            if link:
                self.chains[port].remove(link)
        while link and link.calls:  # noqa: ASYNC110 - seldom, and not worth an event on every call
            await anyio.sleep(LEAVE)
        log.info("engine closed", port=port, engine=engine.name)

    async def _announce(self, port: str, engine: Any) -> None:
        try:
            if self.joined:
                await self.joined(port, engine)
        except NexusError as error:  # not the engine's fault: it goes on working
            log.error("engine not introduced", port=port, engine=engine.name, reason=error.message)
        except Exception as error:
            log.error("engine not introduced", port=port, engine=engine.name, exc_info=error)

    def _join(self, held: Held, engine: Any) -> None:
        held.link = self.chains[held.choice.port].insert(0, engine)
        self._sort(held.choice.port)
        self._notify()

    def _sort(self, port: str) -> None:
        """Chain in the order of the wishes; engines on their way out come last."""
        ranks = {id(held.link): held.rank for held in self._held[port]}
        self.chains[port].links.sort(key=lambda link: ranks.get(id(link), len(ranks)))

    async def _failed(self, held: Held, error: Exception, pause: float) -> float:
        """Note it, and wait until the next try."""
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        known = isinstance(error, NexusError)
        message = error.message if isinstance(error, NexusError) else f"{type(error).__name__}: {error}"
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
        return min(2 * pause, LONGEST_AGAIN)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def described(held: Held) -> dict[str, Any]:
    choice, link = held.choice, held.link
    body = {"kind": choice.kind, "name": choice.kind, "why": choice.why, "state": held.state}
    return {**body, **(link.status | {"state": held.state, "breaker": link.breaker.state} if link else {})}
