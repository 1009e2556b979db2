"""One answer in the making: what is found for it, what the model writes, and how it sounds.

Usually it is made while the turn reads it. It can also be made ahead, before the question is certain: then
bounded buffers fill until the turn asks, and one cancel throws all of it away.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import anyio

from ..core.audio import Mark, Pcm, Voice
from ..core.chat import CutOff, Generated, Passage, Prompt, ToolCall, ToolStep
from ..core.errors import EngineError
from ..ports import Llm, Tool, Tts
from ..text.citations.citations import Statement
from ..text.follow_up import is_idle, standalone
from ..text.spoken.speakable import speakable
from .ahead import Ahead
from .answer import Delta, Piece, RunTools, Sources, answer
from .clocks import Clocks
from .session import Session, noting
from .streams import closing

STOP_TIMEOUT_S = 0.5
"""How long the end of a turn waits for engines that were told to stop."""

E = TypeVar("E", Llm, Tts)
_SAID = re.compile(r"""[^\W_]+|[^\s_.,;:!?…'"“”‘’]""")
"""A word or a sign of a question; punctuation, which recognisers change to the last, is neither."""


def said(question: str) -> list[str]:
    """The words and signs of a question, by which two are the same or not."""
    return _SAID.findall(question.lower())


def _place(passage: Passage) -> tuple[str, int, str]:
    return passage.document, passage.position, passage.text


class Draft:
    """The answer to `question` in a session as it is now. Close it when it is no longer read.

    `read` are passages that the model has in its cache: what is found of them comes first, in that order.
    """

    def __init__(self, session: Session, question: str, read: Sequence[Passage] = ()) -> None:
        self.ahead: Ahead | None = None
        """What is made before the turn asks, if anything is."""
        self.clocks = Clocks(anyio.current_time())
        self.said = said(question)
        self._session, self._question = session, question
        self._prompt, self._scope = session.prompt(), session.scope
        self._read = {_place(passage): at for at, passage in enumerate(read)}
        self._passages: list[Passage] | None = None
        self._run_tools: RunTools | None = None
        self._tools_ran = False
        self._tokens = [0, 0]
        """Estimated so far: of prompts, and of what the model wrote."""

    @property
    def inputs(self) -> object:
        """All that the answer depends on, but for the documents."""
        return self.said, self._prompt, self._scope

    async def close(self) -> None:
        """Stop all work on it, and wait until it has stopped, but not for an engine that does not stop."""
        if self.ahead:
            self.ahead.scope.cancel()
            with anyio.move_on_after(STOP_TIMEOUT_S):
                await self.ahead.ended.wait()
            self.ahead.close()

    # --- for the turn ------------------------------------------------------------------------------

    async def pieces(self, run_tools: RunTools) -> AsyncGenerator[Piece]:
        """The answer, of which some may be made already; `run_tools` runs the tools that the model calls.

        What failed ahead before it had any result is done again.
        """
        self._run_tools = run_tools
        if ahead := self.ahead:
            ahead.asked.set()
            await ahead.searched.wait()
            begun = False
            async for piece in ahead.written:
                begun = True
                yield piece
            if ahead.error and (begun or self._tools_ran):
                raise ahead.error
            if ahead.model and not ahead.error:
                return
        async with closing(self._write()) as pieces:
            async for piece in pieces:
                yield piece

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm | Mark]:
        """The sound of `sentence`, which is already speakable; of the first it may have been made ahead."""
        ahead = self.ahead
        if ahead and ahead.first and not ahead.spoken:
            ahead.spoken, begun = True, False
            if ahead.first == (sentence, voice):
                async for sound in ahead.said:
                    begun = True
                    yield sound
                if not ahead.voice_error:
                    return
                if begun:
                    raise ahead.voice_error
            ahead.said.close()  # the voice may have one worker only, and it would be kept
            self.clocks.laps.pop("tts_first_audio", None)
        async with closing(self._say(sentence, voice)) as sounds:
            async for sound in sounds:
                yield sound

    # --- ahead of the turn -------------------------------------------------------------------------

    async def make_ahead(self, ahead: Ahead) -> None:
        """Work in a task of its own until all is made and asked for, or thrown away."""
        try:
            with ahead.scope, ahead.pieces, ahead.sounds:
                try:
                    await self._search()
                finally:
                    ahead.searched.set()
                if ahead.model:
                    await self._write_ahead(ahead)
                ahead.pieces.close()
                await ahead.asked.wait()
        except Exception as error:  # forgotten if the turn can do it again, else the turn's
            ahead.error = error
        finally:
            ahead.ended.set()
            if not ahead.claimed:
                ahead.close()
            self._session.engines.drafts.end(ahead.scope, *self._tokens)

    async def _write_ahead(self, ahead: Ahead) -> None:
        quoted = False
        async with anyio.create_task_group() as tasks, closing(self._write()) as pieces:
            async for piece in pieces:
                match piece:
                    case Sources():
                        quoted = piece.quoted
                    case Statement(text) if ahead.voice and not ahead.first:
                        voice = self._session.manner.voice_for(ahead.language, quoted)
                        if words := speakable(text, voice.language):
                            ahead.first = words, voice
                            tasks.start_soon(self._say_ahead, ahead, *ahead.first)
                await ahead.pieces.send(piece)
            ahead.pieces.close()

    async def _say_ahead(self, ahead: Ahead, sentence: str, voice: Voice) -> None:
        try:
            with ahead.sounds:
                async with closing(self._say(sentence, voice)) as sounds:
                    async for sound in sounds:
                        await ahead.sounds.send(sound)
        except Exception as error:  # forgotten if the turn can do it again, else the turn's
            ahead.voice_error = error

    async def beginning(self) -> Prompt:
        """All that is known of the prompt before the question is, with the passages for its words so far."""
        if self.said:
            await self._search()
        return replace(self._prompt, passages=tuple(self._passages or ()))

    # --- the work itself -----------------------------------------------------------------------------

    async def _search(self) -> None:
        knowledge = self._session.engines.knowledge
        if knowledge and self._prompt.knowledge and not is_idle(self._question):
            whole = standalone(self._question, self._session.chat.questions())
            found = await knowledge.recall(whole, scope=self._scope)
            self._passages = sorted(found, key=lambda one: self._read.get(_place(one), len(self._read)))
            self.clocks.lap("recall")

    async def _write(self) -> AsyncGenerator[Piece]:
        if self._passages is None:
            await self._search()
        prompt = replace(self._prompt, question=self._question, passages=tuple(self._passages or ()))
        async with closing(answer(self, prompt, self._session.engines.tools, self._run)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Delta):
                    self.clocks.lap("llm_first_token")
                yield piece

    @property
    def name(self) -> str:
        return self._session.engines.llm.name

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[Generated]:
        """The session's model, as `answer` uses it. Half an answer that nobody has seen yet is an error."""
        self._tokens[0] += prompt.tokens
        llm = self._engine("llm", self._session.engines.llm)
        async with closing(llm.stream(prompt, tools)) as pieces:
            async for piece in pieces:
                if isinstance(piece, CutOff) and self.ahead and not self.ahead.claimed:
                    raise EngineError("The model stopped in the middle of its answer.", retryable=True)
                self._tokens[1] += 1
                yield piece

    async def _say(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm | Mark]:
        tts = self._engine("tts", self._session.engines.tts)
        async with closing(tts.speak(sentence, voice)) as sounds:
            async for sound in sounds:
                self.clocks.lap("tts_first_audio")
                yield sound

    def _engine(self, port: str, engine: E) -> E:
        """`engine`, with room for the call if a turn waits for it. Its name is noted once it has worked."""
        if not self.ahead or self.ahead.claimed:
            self._session.engines.drafts.give_way(engine)
        return noting(engine, partial(self.clocks.worked, port))

    async def _run(self, calls: Sequence[ToolCall]) -> Sequence[ToolStep]:
        """Run the model's calls, but not before the turn has asked: nothing is changed ahead."""
        if self.ahead:
            await self.ahead.asked.wait()
        assert self._run_tools
        self._tools_ran = True
        return await self._run_tools(calls)
