"""Searches the documents while the user still speaks: it starts on the stable partial transcript."""

from __future__ import annotations

import anyio
from anyio.abc import TaskGroup

from ..core.access import Scope
from ..core.chat import Passage
from ..ports import Knowledge
from ..text.follow_up import standalone
from ..text.turn_taking import words
from .session import Session


class Prefetch:
    """Searches ahead of the question, so that the passages are usually there when speech ends.

    A question that leans on those before it is searched for as a whole one, in the session's scope.
    """

    def __init__(self, knowledge: Knowledge, tasks: TaskGroup, session: Session) -> None:
        self._knowledge, self._tasks, self._session = knowledge, tasks, session
        self._key: tuple[list[str], Scope] | None = None
        self._found: list[Passage] | None = None
        self._done = anyio.Event()
        self._searching = anyio.CancelScope()

    def start(self, text: str) -> None:
        """Start searching for `text`, unless that is what is being searched for already."""
        text, scope = self._whole(text), self._session.scope
        key = words(text), scope
        if key[0] and key != self._key:
            self._searching.cancel()
            self._key, self._found = key, None
            self._done, self._searching = anyio.Event(), anyio.CancelScope()
            self._tasks.start_soon(self._search, text, scope, self._done, self._searching)

    async def get(self, text: str) -> list[Passage]:
        """The passages for `text`. A prefetched result is used once only, because documents change."""
        text, scope = self._whole(text), self._session.scope
        if (words(text), scope) == self._key:
            await self._done.wait()
            found, self._key, self._found = self._found, None, None
            if found is not None:
                return found
        return await self._knowledge.recall(text, scope=scope)

    def _whole(self, text: str) -> str:
        return standalone(text, self._session.chat.questions())

    async def _search(self, text: str, scope: Scope, done: anyio.Event, searching: anyio.CancelScope) -> None:
        try:
            with searching:
                found = await self._knowledge.recall(text, scope=scope)
                if done is self._done:
                    self._found = found
        except Exception:  # noqa: S110 - get() asks again, and its error is the turn's
            pass
        finally:
            done.set()
