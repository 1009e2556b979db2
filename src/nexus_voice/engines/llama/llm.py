"""A language model on this machine: a GGUF file, run by llama.cpp in a supervised child process.

The child is llama.cpp's own HTTP server, either the user's `llama-server` or the one in the package
xllamacpp. It listens on the loopback behind a random key, and `OpenAiLlm` speaks to it. So a crash in C++
code costs only the answers of that moment, and the child is started again.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread
from anyio import CancelScope, Event, create_task_group, current_time, move_on_after
from anyio.abc import TaskGroup

from ...core.chat import Prompt, ToolCall
from ...core.errors import EngineError
from ...text.prompting import MAX_HISTORY_CHARS
from ...workers.pool import MAX_RESTART_PAUSE_S, MIN_RESTART_PAUSE_S, SHORT_LIFE_S
from ..openai.llm import OpenAiLlm
from .plan import plan
from .priming import Primer
from .process import LlamaProcess
from .server import Orders

if TYPE_CHECKING:
    from ...ports import Tool

RELOAD_PAUSE_S = 60.0
"""How long until a model that did not load is tried again: the file or the free memory may have changed."""
DEATH_NOTICE_S = 1.0
"""Within this time the end of a child is noticed."""
EXTRA_FIELDS = {"cache_prompt": True, "chat_template_kwargs": {"enable_thinking": False}}
"""Sent with each request: reuse what it shares with earlier prompts, and do not think silently first, for
which a conversation cannot wait."""

log = logging.getLogger(__name__)


class LlamaCppLlm:
    """Answers from the GGUF file at `path`; conversations beyond `parallel` wait for a slot.

    `context` is in tokens for each conversation, at most what the model was trained for; `threads` 0
    leaves one core to the conversation itself; `gpu_layers` below 0 puts as many on a GPU as fit.
    `binary` names a `llama-server`; "" takes one from PATH, else xllamacpp. Entering starts to load and
    does not wait; `ready` does. Raises `EngineError`: `model_broken`, `model_memory`,
    `engine_not_installed`, `llm_loading` when it takes longer than `first_token` seconds, and `OpenAiLlm`'s.
    """

    local = True

    def __init__(
        self,
        path: Path,
        *,
        context: int = 4096,
        threads: int = 0,
        gpu_layers: int = -1,
        parallel: int = 2,
        binary: str = "",
        first_token: float = 60.0,
        between_tokens: float = 20.0,
    ) -> None:
        self._model = path.stem
        self.name = f"llama.cpp:{self._model}"
        self.free_places = max(1, parallel)
        self._context = context
        self._plan = partial(plan, path, context, max(1, parallel), threads, gpu_layers, binary)
        self._first, self._between = first_token, between_tokens
        self._llm: OpenAiLlm | None = None
        self._primer: Primer | None = None
        self._parallel = self.free_places
        self._child: LlamaProcess | None = None
        self._trouble: EngineError | None = None
        self._changed = Event()
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._changed, self._trouble = Event(), None
        self._tasks = await create_task_group().__aenter__()
        self._tasks.start_soon(self._keep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._tasks
        tasks, self._tasks = self._tasks, None
        tasks.cancel_scope.cancel()
        if isinstance(error, anyio.get_cancelled_exc_class()):
            return await tasks.__aexit__(kind, error, trace)
        self._trouble = EngineError(f"{self.name} was shut down", retryable=True)
        self._notify()
        await tasks.__aexit__(None, None, None)  # an error of the body goes on as it is, in no group
        return None

    @property
    def pid(self) -> int:
        """Of the child process; 0 while there is none."""
        return self._child.pid if self._child else 0

    async def ready(self) -> None:
        """Wait, however long it takes, until the model is loaded and has answered once."""
        await self._until(lambda: self._llm is not None)

    async def models(self) -> list[str]:
        return await (await self._loaded()).models()

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, by the model's tokenizer. Raises `EngineError` while it is not loaded."""
        if self._llm is None:
            raise EngineError(f"{self.name} is still loading.", code="llm_loading", retryable=True)
        return await self._llm.tokens(texts)

    @property
    def known_model(self) -> str:
        return self._model

    async def model(self, prompt: Prompt) -> str:
        return self._model

    @property
    def primes(self) -> bool:
        return self._primer is not None

    async def prime(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> None:
        """Read `prompt` up to its question, in small steps and while nobody asks anything."""
        if self._primer:
            await self._primer.read(prompt, tools, lambda: self.free_places == self._parallel)

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[str | ToolCall]:
        self.free_places -= 1
        try:
            if self._primer:
                await self._primer.quiet()
            async with aclosing(self._answer(prompt, tools)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self.free_places += 1

    async def _answer(self, prompt: Prompt, tools: Sequence[Tool]) -> AsyncGenerator[str | ToolCall]:
        llm, begun = await self._loaded(), False
        for attempt in (1, 2):
            try:
                async with aclosing(llm.stream(prompt, tools)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except EngineError as error:
                if "context size" in error.message:
                    raise EngineError(
                        f"The question, its documents and the conversation are longer than {self.name} can "
                        f"take ({self._context} tokens). Give it a larger context.",
                        code="llm_context",
                    ) from error
                if begun or attempt == 2 or not error.retryable or not await self._gone(llm):
                    raise
            llm = await self._loaded()  # that one died before it said a word: ask the next

    async def _gone(self, llm: OpenAiLlm) -> bool:
        with move_on_after(DEATH_NOTICE_S):
            await self._until(lambda: self._llm is not llm)
        return self._llm is not llm

    async def _loaded(self) -> OpenAiLlm:
        if self._tasks is None:
            raise RuntimeError("an engine must be entered before use (async with)")
        with move_on_after(self._first):
            while self._llm is None:
                await self._until(lambda: self._llm is not None)
            return self._llm
        raise EngineError(
            f"{self.name} is still loading. Try again in a moment.",
            code="llm_loading",
            status=503,
            retryable=True,
        )

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._trouble:
                raise self._trouble.with_traceback(None)
            await self._changed.wait()

    async def _keep(self) -> None:
        """Keep one child alive."""
        pause = 0.0
        while True:
            began = current_time()
            self._child = None
            try:
                orders = await anyio.to_thread.run_sync(self._plan)
                self._child = LlamaProcess(orders)
                fate = await self._child.live(partial(self._born, orders))
            except EngineError as error:
                fate = error
            finally:
                llm, primer, self._llm, self._primer = self._llm, self._primer, None, None
                with CancelScope(shield=True):
                    for part in (llm, primer):
                        if part:
                            await part.__aexit__()
            if self._child and self._child.loaded:  # its next life is worth waiting for
                young = current_time() - began < SHORT_LIFE_S
                pause = (
                    min(MAX_RESTART_PAUSE_S, max(MIN_RESTART_PAUSE_S, 2 * pause))
                    if young
                    else MIN_RESTART_PAUSE_S
                )
            else:
                self._trouble, pause = fate, RELOAD_PAUSE_S
            self._notify()
            log.error("%s; starting it again in %.1f s", fate.message.rstrip("."), pause)
            await anyio.sleep(pause)

    async def _born(self, orders: Orders, url: str) -> None:
        history_chars = min(MAX_HISTORY_CHARS, orders.context)  # about a quarter of it
        llm = OpenAiLlm(
            f"{url}/v1",
            orders.key,
            orders.name,
            first_token=self._first,
            between_tokens=self._between,
            extra=EXTRA_FIELDS,
            history_chars=history_chars,
        )
        self._primer = await Primer(
            url, orders.key, orders.parallel, history_chars, EXTRA_FIELDS
        ).__aenter__()
        self._llm, self._trouble = await llm.__aenter__(), None
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = Event()
