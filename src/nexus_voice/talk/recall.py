"""Looking things up early: the search starts on the stable partial transcript."""

from __future__ import annotations

import anyio
from anyio.abc import TaskGroup

from ..domain.chat import Chat, Passage
from ..domain.follow_up import standalone
from ..domain.turns import words
from ..ports import Knowledge


class Recall:
    """Searches ahead of the question; after the end of speech the passages are usually there.

    A question that leans on those before it in `chat` is searched for as a whole one.
    """

    def __init__(self, knowledge: Knowledge, tasks: TaskGroup, chat: Chat) -> None:
        self._knowledge, self._tasks, self._chat = knowledge, tasks, chat
        self._key: list[str] = []
        self._found: list[Passage] | None = None
        self._done = anyio.Event()
        self._scope = anyio.CancelScope()

    def prefetch(self, text: str) -> None:
        """Start searching for `text`, unless that is what is being searched for already."""
        text = standalone(text, self._chat.questions())
        key = words(text)
        if key and key != self._key:
            self._scope.cancel()
            self._key, self._found = key, None
            self._done, self._scope = anyio.Event(), anyio.CancelScope()
            self._tasks.start_soon(self._search, text, self._done, self._scope)

    async def get(self, text: str) -> list[Passage]:
        """The passages for `text`; free when it was prefetched, for this once: documents change."""
        text = standalone(text, self._chat.questions())
        if self._key and words(text) == self._key:
            await self._done.wait()
            found, self._key, self._found = self._found, [], None
            if found is not None:
                return found
        return await self._knowledge.recall(text)

    async def _search(self, text: str, done: anyio.Event, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                found = await self._knowledge.recall(text)
                if done is self._done:
                    self._found = found
        except Exception:  # noqa: S110 - get() asks again, and its error is the turn's
            pass
        finally:
            done.set()
