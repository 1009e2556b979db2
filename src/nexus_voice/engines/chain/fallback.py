"""Several engines of one port that act as one: try, retry, then go on to the next.

A call goes to the first engine whose circuit breaker admits it. Errors that a second attempt may cure are
retried after a short, growing, random pause; then the next engine is called. Once the first token or the
first sound is out nothing is switched, and an answer that dies then ends plainly, because half an answer
from one model and half from another is worse than an apology.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from copy import copy
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import anyio

from ...core.audio import Mark, Pcm, Transcript, Voice
from ...core.chat import Cited, CutOff, Generated, Passage, Prompt, Skill
from ...core.errors import BadInput, Busy, EngineError
from ...ports import (
    CountsTokens,
    HasLanguages,
    HasPlaces,
    HasVoices,
    NamesModel,
    OnThisMachine,
    Primes,
    Quotes,
    ReportsUsage,
)
from .breaker import Breaker
from .replay import Recording, ResultTimeout

if TYPE_CHECKING:
    from ...ports import Tool, Vectors

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """All times in seconds."""

    first_result: float = 8.0
    """How long an attempt may take to its first result while another engine is left; for speech
    recognition from the end of the audio to the final text. 0: any time."""
    retries: int = 1
    """With the same engine, after errors that may pass."""
    retry_pause: float = 0.1
    """Before the first retry; doubled each time, and varied by half."""
    failures: int = 3
    cooldown: float = 5.0


def _any_skill(model: str) -> Skill:
    return "tools"


@dataclass(slots=True, eq=False)
class Link:
    """One engine of a chain."""

    engine: Any
    breaker: Breaker
    skill: Callable[[str], Skill] = _any_skill
    calls: int = 0
    """That are under way."""
    switches: int = 0
    """Calls that went on to another engine because this one failed."""

    @property
    def open(self) -> bool:
        return self.breaker.state == "open"

    @property
    def status(self) -> dict[str, Any]:
        return {
            "name": self.engine.name,
            "state": self.breaker.state,
            "trouble": self.breaker.trouble,
            "switches": self.switches,
            **({"may": self.skill(self._model)} if self._model else {}),
            **({"usage": asdict(self.engine.usage)} if isinstance(self.engine, ReportsUsage) else {}),
        }

    @property
    def _model(self) -> str:
        return self.engine.known_model if isinstance(self.engine, NamesModel) else ""

    @contextmanager
    def call(self) -> Iterator[None]:
        """Goes around every call, so that the breaker counts its errors; bad input and a full queue are not
        the engine's errors."""
        self.calls += 1
        try:
            yield
            self.breaker.succeeded()
        except (BadInput, Busy):
            self.breaker.abandoned()
            raise
        except Exception as error:
            self.breaker.failed(error)
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        finally:
            self.calls -= 1


class Fallback:
    """A chain of engines of one port, best first; it has the methods of every port.

    Whoever makes the engines also enters and leaves them. `insert` and `remove` may change the chain while
    calls are under way.
    """

    def __init__(
        self,
        *engines: Any,
        policy: Policy | None = None,
        skill: Callable[[str], Skill] = _any_skill,
    ) -> None:
        """`skill` tells what a language model of some name may be asked for."""
        self.policy, self.skill = policy or Policy(), skill
        self._note: Callable[[str], None] = lambda name: None
        self.links: list[Link] = []
        for engine in engines:
            self.insert(len(self.links), engine)

    # --- the chain -------------------------------------------------------------------------------

    def insert(self, at: int, engine: Any) -> Link:
        """Add an engine, which takes part from the next call on."""
        link = Link(engine, Breaker(self.policy.failures, self.policy.cooldown), self.skill)
        self.links.insert(at, link)
        return link

    def remove(self, link: Link) -> None:
        """Send the engine no new call; `link.calls` is 0 once the last one is over."""
        self.links.remove(link)

    @property
    def next_link(self) -> Link | None:
        """Where the next call goes; None while there is no engine."""
        return self._candidates()[0] if self.links else None

    @property
    def current(self) -> Any:
        """The engine that the next call goes to. Raises `EngineError` while there is none."""
        return self._candidates()[0].engine

    @property
    def name(self) -> str:
        return str(self.current.name) if self.links else "none"

    @property
    def early_words(self) -> bool:
        return bool(self.links) and bool(self.current.early_words)

    @property
    def dimensions(self) -> int:
        return int(self.current.dimensions)

    def status(self) -> list[dict[str, Any]]:
        """For people: every engine's name, breaker state, trouble, and switches away from it."""
        return [link.status for link in self.links]

    @property
    def local(self) -> bool:
        """Whether the next call goes to an engine of this machine."""
        return bool(self.links) and isinstance(self.current, OnThisMachine) and self.current.local

    @property
    def free_places(self) -> float:
        return self.current.free_places if self.links and isinstance(self.current, HasPlaces) else math.inf

    @property
    def primes(self) -> bool:
        return bool(self.links) and isinstance(self.current, Primes) and self.current.primes

    async def prime(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> None:
        link = self.next_link
        if link and isinstance(link.engine, Primes):
            given = _given(prompt, tools, await self._skill_of(link.engine, prompt))
            link.calls += 1
            try:
                await link.engine.prime(*given)
            finally:
                link.calls -= 1

    def noting(self, note: Callable[[str], None]) -> Self:
        """This chain with the same engines; `note` is told the name of each that gives a result."""
        noting = copy(self)
        noting._note = note
        return noting

    def _candidates(self) -> list[Link]:
        """Engines whose breakers are not open; all of them when every breaker is open, since somebody has
        to try. Raises `EngineError` while there is no engine."""
        if not self.links:
            raise EngineError(
                "This part is still being loaded; try again in a moment.", code="loading", retryable=True
            )
        return [link for link in self.links if not link.open] or list(self.links)

    # --- the ports -------------------------------------------------------------------------------

    def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        """Partials may be taken back, so the recogniser may change until the final. The next one hears the
        utterance from its beginning."""
        recording = Recording(audio)
        return self._stream(
            lambda engine: engine.transcribe(recording.replay(), expected),
            commits=lambda transcript: transcript.final,
            when_due=recording.when_ended,
        )

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[Generated]:
        """The answer, which ends with `CutOff` when the model dies in the middle.

        A model that may only chat is given neither passages nor tools, and what an engine that quotes can
        answer is not asked of it. A client's own prompt goes as it is to the first.
        """
        first = self._candidates()[0].engine
        skill = await self._skill_of(first, prompt)
        quoted = skill == "chat" and await self._can_quote(prompt)

        def suits(engine: Any) -> bool:
            return not quoted or isinstance(engine, Quotes)

        async def generated(engine: Any) -> AsyncGenerator[Generated]:
            may = skill if engine is first else await self._skill_of(engine, prompt)
            if may == "chat" and prompt.passages:
                yield Cited((), quoted=False)
            async with aclosing(engine.stream(*_given(prompt, tools, may))) as pieces:
                async for piece in pieces:
                    yield piece

        opened: Callable[[Any], AsyncIterator[Generated]] = generated
        answer: AsyncGenerator[Generated] = self._stream(
            opened, commits=_is_written, suits=suits, ending=CutOff()
        )
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece

    def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm | Mark]:
        """A voice's name means something to the first engine only; the others choose by language. Without a
        name, engines that speak the language come first. A sentence whose voice dies ends there, and the
        next one goes to another engine."""
        unnamed = replace(voice, name="")

        def spoken(engine: Any) -> AsyncIterator[Pcm | Mark]:
            pieces: AsyncIterator[Pcm | Mark]
            pieces = engine.speak(sentence, voice if engine is self.links[0].engine else unnamed)
            return pieces

        def suits(engine: Any) -> bool:
            limited = isinstance(engine, HasLanguages) and not voice.name
            return not limited or engine.speaks(voice.language)

        return self._stream(spoken, suits=suits)

    async def finished(self, speech: Pcm) -> float:
        return await self._once(lambda engine: engine.finished(speech))

    async def search(self, query: str, k: int) -> list[Passage]:
        return await self._once(lambda engine: engine.search(query, k))

    async def rank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        return await self._once(lambda engine: engine.rank(query, passages))

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """For chains of one engine: another's vectors mean something else."""
        return await self._once(lambda engine: engine.embed(texts, kind))

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text, by the tokenizer of the model in use. Raises `EngineError` where it has none."""
        engine = self.current
        if not isinstance(engine, CountsTokens):
            raise EngineError(f"{self.name} does not count tokens.", code="no_tokenizer")
        return await engine.tokens(texts)

    async def voices(self) -> list[str]:
        """Names for `Voice.name`; empty when the first engine has but one voice."""
        engine = self.links[0].engine if self.links else None
        return list(await engine.voices()) if isinstance(engine, HasVoices) else []

    async def _skill_of(self, engine: Any, prompt: Prompt) -> Skill:
        """What the engine's model may be asked for. One that cannot be named now will say why when called."""
        if not prompt.ours or not isinstance(engine, NamesModel):
            return "tools"
        with anyio.move_on_after(self.policy.first_result or math.inf):
            with suppress(Exception):
                return self.skill(await engine.model(prompt))
        return "tools"

    async def _can_quote(self, prompt: Prompt) -> bool:
        quoting = [link.engine for link in self._candidates() if isinstance(link.engine, Quotes)]
        return bool(quoting) and await quoting[0].can_answer(prompt)

    # --- the calls -------------------------------------------------------------------------------

    async def _stream(
        self,
        open: Callable[[Any], AsyncIterator[T]],
        *,
        commits: Callable[[T], bool] = lambda _: True,
        when_due: Callable[[Callable[[], None]], None] = lambda start: start(),
        suits: Callable[[Any], bool] = lambda engine: True,
        ending: T | None = None,
    ) -> AsyncGenerator[T]:
        """What the first engine that works yields.

        Once an item `commits` to its engine nothing is switched. `when_due(start)` must call `start()` once
        such an item can be expected (for speech recognition: at the end of the audio); its timeout runs from
        then. Engines that do not `suits` come last. `ending` ends a result that breaks off.
        """
        errors: list[Exception] = []
        candidates = sorted(self._candidates(), key=lambda link: not suits(link.engine))
        all_open = candidates[0].open
        for index, link in enumerate(candidates):
            rest, failures = candidates[index + 1 :], len(errors)
            for attempt in range(1 + self.policy.retries):
                if not link.breaker.admit() and rest and not all_open:
                    break
                committed = False
                timeout = ResultTimeout(self.policy.first_result if rest else 0.0)
                try:
                    with link.call():
                        when_due(timeout.start)
                        async with aclosing(open(link.engine)) as items:  # type: ignore[type-var]
                            while not committed and (item := await timeout.next(items)) is not None:
                                if commits(item):
                                    committed = True
                                    self._note(link.engine.name)
                                    link.breaker.succeeded()
                                yield item
                            async for item in items:
                                yield item
                    return
                except BadInput:
                    raise
                except Exception as error:
                    if committed:
                        log.warning("%s failed in the middle: %s", link.engine.name, error)
                        if ending is not None:
                            yield ending
                        return
                    errors.append(error)
                    if attempt == self.policy.retries or not _may_pass(error):
                        break
                await anyio.sleep(self.policy.retry_pause * 2**attempt * random.uniform(0.5, 1.5))
            if rest and len(errors) > failures:
                link.switches += 1
                name, next_name = link.engine.name, rest[0].engine.name
                log.warning("%s failed, %s takes over: %s", name, next_name, errors[-1])
        # The preferred engine's error is the one to show, since that engine is the one to repair.
        raise errors[0] if errors else EngineError("Every engine is resting after failures.", retryable=True)

    async def _once(self, call: Callable[[Any], Awaitable[T]]) -> T:
        """`_stream`, for ports that answer all at once."""

        async def one(engine: Any) -> AsyncGenerator[T]:
            yield await call(engine)

        async with aclosing(self._stream(one)) as results:
            async for result in results:
                return result
        raise EngineError("The engine gave no result.", retryable=True)


def _is_written(piece: Generated) -> bool:
    """Whether it comes from the model itself, and not from the chain."""
    return piece != Cited((), quoted=False)


def _given(prompt: Prompt, tools: Sequence[Tool], skill: Skill) -> tuple[Prompt, Sequence[Tool]]:
    """What of a prompt and its tools a model gets."""
    if skill == "chat":
        prompt = replace(prompt, passages=())
    return prompt, tools if skill == "tools" else ()


def _may_pass(error: Exception) -> bool:
    """Whether the same engine is worth another attempt."""
    return (
        isinstance(error, EngineError)
        and error.retryable
        and not error.retry_after
        and error.code != ResultTimeout.code
    )
