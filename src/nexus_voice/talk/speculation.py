"""Begins the answer at a pause, before it is certain that the question was whole."""

from __future__ import annotations

from contextlib import suppress

from anyio import CancelScope, Lock
from anyio.abc import TaskGroup

from ..core.chat import Prompt
from ..ports import OnThisMachine, Primes
from .ahead import Ahead
from .clocks import Clocks
from .draft import Draft, said
from .drafts import has_room
from .floor import Floor
from .session import Session


class Speculation:
    """At most one draft of one conversation, made ahead: searched for, written, its first sentence said.

    Nothing of it is sent and no tool runs. The turn takes it if the question has the same words and all else
    is the same as well; otherwise one cancel throws it away.
    """

    def __init__(self, session: Session, tasks: TaskGroup, floor: Floor) -> None:
        self._session, self._tasks, self._floor = session, tasks, floor
        self._draft: Draft | None = None
        self._reading, self._reader = CancelScope(), Lock()
        self._beginning: Prompt | None = None
        """What the model was last told to read."""
        self._searching = False

    def begin(self, question: str, language: str = "") -> None:
        """The speaker pauses: `question` may be all of it. `language`: as in `Transcript`."""
        draft = self._draft_of(question)
        if self._floor.taken or not draft.said or self._fits(draft):
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

    def follow(self, words: str = "") -> None:
        """Somebody speaks or is about to, and these are the words so far. What was begun for others is thrown
        away; a model that takes its time to read is given what it will need."""
        if self._draft and self._draft.said != said(words):
            self.discard()
        llm = self._session.engines.llm
        idle = not (self._floor.taken or self._searching or self._session.tuning.speculate == "off")
        if idle and isinstance(llm, Primes) and llm.primes:
            self._searching = True
            self._tasks.start_soon(self._prepare, words, llm)

    async def _prepare(self, words: str, llm: Primes) -> None:
        """Have the model read the prompt up to the question, instead of what it was to read before."""
        try:
            beginning = await self._draft_of(words).beginning()
        except Exception:  # the turn searches again, and reports it
            return
        finally:
            self._searching = False
        if beginning != self._beginning:
            self._beginning = beginning
            self._reading.cancel()
            async with self._reader:  # the model finishes its step first
                if self._beginning is beginning:
                    self._reading = CancelScope()
                    with self._reading, suppress(Exception):  # the question itself meets the same trouble
                        await llm.prime(beginning, self._session.engines.tools)

    def take(self, question: str, clocks: Clocks) -> Draft:
        """The answer for the turn with these clocks: what was begun if it fits, else a new one."""
        draft = self._draft_of(question)
        self._beginning = None  # the next question comes after a longer history
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

    def _draft_of(self, question: str) -> Draft:
        return Draft(self._session, question, self._beginning.passages if self._beginning else ())

    def _fits(self, draft: Draft) -> bool:
        begun = self._draft
        return bool(begun and begun.ahead and begun.ahead.usable and begun.inputs == draft.inputs)

    def _may_use(self, engine: object) -> bool:
        """Whether `engine` may work for a question that is not certain: it costs no money, unless that was
        allowed, and nobody else waits for it."""
        speculate = self._session.tuning.speculate
        free = speculate == "always" or (isinstance(engine, OnThisMachine) and engine.local)
        return speculate != "off" and free and has_room(engine)
