"""What every face of the server shares; made once in `app.py` and reached through the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from ..knowledge.base import KnowledgeBase
from ..settings import Settings
from ..store.sessions import Sessions
from ..talk.session import Engines, Session
from .limits import Admission


@dataclass(slots=True)
class State:
    settings: Settings
    engines: Engines
    knowledge: KnowledgeBase | None
    sessions: Sessions[Session]
    admission: Admission
    changed: Callable[[], None] = lambda: None
    """Called when documents came or went."""
    warming: dict[str, str] = field(default_factory=dict)
    """Part -> "ready", "warming" or what is wrong with it."""

    @property
    def ready(self) -> bool:
        return all(status == "ready" for status in self.warming.values())


def state_of(connection: HTTPConnection) -> State:
    state: State = connection.app.state.nexus
    return state


Shared = Annotated[State, Depends(state_of)]
