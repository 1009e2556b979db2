"""Begins the answer at a pause, before it is certain that the question was whole."""

from __future__ import annotations

from anyio.abc import TaskGroup

from ..ports import OnThisMachine
from .ahead import Ahead
from .clocks import Clocks
from .draft import Draft, said
from .drafts import has_room
from .session import Session


class Speculation:
    """At most one draft of one conversation, made ahead: searched for, written, its first sentence said.

    Nothing of it is sent and no tool runs. The turn takes it if the question has the same words and all else
    is the same as well; otherwise one cancel throws it away.
    """

    def __init__(self, session: Session, tasks: TaskGroup) -> None:
        self._session, self._tasks = session, tasks
        self._draft: Draft | None = None

    def begin(self, question: str, language: str = "") -> None:
        """The speaker pauses: `question` may be all of it. `language`: as in `Transcript`."""
        draft = Draft(self._session, question)
        if not draft.said or self._fits(draft):
            return
        self.discard()
        engines, manner = self._session.engines, self._session.manner
        model = self._may_use(engines.llm)
        voice = model and manner.speak and self._may_use(engines.tts)
        ahead = draft.ahead = Ahead(model=model, voice=voice, language=language)
        if model:
            engines.drafts.begin(ahead.scope)
        self._draft = draft
        self._tasks.start_soon(draft.make_ahead, ahead)

    def doubt(self, question: str) -> None:
        """The words so far are these: more, or others, end what was begun."""
        if self._draft and self._draft.said != said(question):
            self.discard()

    def take(self, question: str, clocks: Clocks) -> Draft:
        """The answer for the turn with these clocks: what was begun if it fits, else a new one."""
        draft = Draft(self._session, question)
        if (begun := self._draft) and begun.ahead and self._fits(draft):
            begun.ahead.claim()
            self._session.engines.drafts.want(begun.ahead.scope)
            draft, self._draft = begun, None
        self.discard()
        draft.clocks.count_from(clocks)
        return draft

    def discard(self) -> None:
        """Throw away what was begun."""
        if self._draft and self._draft.ahead:
            self._draft.ahead.scope.cancel()
        self._draft = None

    def _fits(self, draft: Draft) -> bool:
        begun = self._draft
        return bool(begun and begun.ahead and begun.ahead.usable and begun.inputs == draft.inputs)

    def _may_use(self, engine: object) -> bool:
        """Whether `engine` may work for a question that is not certain: it costs no money, unless that was
        allowed, and nobody else waits for it."""
        speculate = self._session.tuning.speculate
        free = speculate == "always" or (isinstance(engine, OnThisMachine) and engine.local)
        return speculate != "off" and free and has_room(engine)
