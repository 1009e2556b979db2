"""What all routes share: made once in `app.py`, and reached through the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import anyio
from fastapi import Depends
from starlette.requests import HTTPConnection

from ..conversations.sessions import Sessions
from ..core import events
from ..knowledge.base import KnowledgeBase
from ..knowledge.ingest.ingestion import Ingestion
from ..settings import Settings
from ..supply.supply import Supply
from ..talk.session import Engines, Session
from ..telemetry import logs
from ..telemetry.metrics import Metrics
from .admission import Requests
from .queueing import Queue
from .roles import Role
from .voice.admission import VoiceAdmission

NOTED = (events.Final, events.Metrics, events.Ended)
"""The events of a conversation that the log and the metrics use."""


@dataclass(slots=True)
class Services:
    settings: Settings
    engines: Engines
    knowledge: KnowledgeBase | None
    sessions: Sessions[Session]
    admission: VoiceAdmission
    requests: Requests
    supply: Supply
    ingestion: Ingestion | None = None
    role: Role = Role.all
    metrics: Metrics = field(default_factory=Metrics)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    """Port -> the queue before its engines."""
    costs: dict[str, float] = field(default_factory=dict)
    """Recogniser's model -> seconds that a decode takes here, where it was measured."""
    look_again: anyio.Event = field(default_factory=anyio.Event)
    """Set when engines should be chosen anew before the time."""
    changed: Callable[[], None] = lambda: None
    """Called by the knowledge base when documents came or went."""
    warming: dict[str, str] = field(default_factory=dict)
    """Part that is no engine -> "ready", "warming" or what is wrong with it."""

    @property
    def parts(self) -> dict[str, str]:
        """Part -> "ready", "warming" or what is wrong with it."""
        return {port: self.supply.state(port) for port in self.supply.wanted} | self.warming

    @property
    def using(self) -> dict[str, str]:
        """Port -> name of the engine in use, for the ports of this role."""
        if self.role.converses:
            return self.engines.names()
        wanted = self.supply.wanted
        return {port: self.supply.chains[port].name for port in self.role.ports if port in wanted}

    @property
    def used(self) -> list[tuple[str, str]]:
        """(port, kind) of the engines in use. The kind is "" where a conversation would have use for one."""
        used = self.supply.used()
        if self.role.converses:
            used.append(("vad", self.engines.vad.name))
            if self.settings.turn.kind != "off" and "turn" not in self.supply.wanted:
                used.append(("turn", ""))
        return used

    @property
    def ready(self) -> bool:
        return all(status == "ready" for status in self.parts.values())

    def note(self, event: object) -> None:
        """Tell the log and the metrics of an event that is being sent to a client."""
        if isinstance(event, NOTED):
            logs.follow(event=event)
            self.metrics.note(event)


def services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.nexus
    return services


Shared = Annotated[Services, Depends(services_of)]
