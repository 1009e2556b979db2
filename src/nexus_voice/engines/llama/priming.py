"""Has llama.cpp read the beginning of a prompt into its cache, before the question is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import anyio

from ...core.chat import Prompt
from ...core.errors import EngineError
from ...text.prompting import messages
from ..openai.http import connection
from ..openai.llm import offer

if TYPE_CHECKING:
    from ...ports import Tool

STEP_S = 0.5
"""What reading one step should take: a call that comes meanwhile waits for its end."""
MIN_STEP_CHARS, FIRST_STEP_CHARS, MAX_STEP_CHARS = 128, 256, 8192
STEP_TIMEOUT_S = 2.0


class Primer:
    """Reads beginnings of prompts on the server at `url`, one at a time and in steps.

    A step is a request that reads so much of the text, or so much more, and answers nothing: a request that
    is given up goes on in the server until its batch is done, which can take seconds, and meanwhile its slot
    and its cache are kept from the question that they were meant for. Enter it before use.
    """

    def __init__(self, url: str, key: str, slots: int, history_chars: int, extra: dict[str, Any]) -> None:
        self._url, self._http = url, connection("llm", url, key, keep_alive=False)
        self._history_chars, self._extra = history_chars, extra
        self._chars = FIRST_STEP_CHARS
        self._read: deque[str] = deque(maxlen=slots)
        """What was read last, and is probably still in the server's cache."""
        self._step: anyio.Event | None = None
        self._busy = False

    async def __aenter__(self) -> Primer:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def quiet(self) -> None:
        """Wait until no step is being read."""
        if self._step:
            await self._step.wait()

    async def read(self, prompt: Prompt, tools: Sequence[Tool], idle: Callable[[], bool]) -> None:
        """Read `prompt` up to its question, for as long as the server is `idle` otherwise.

        Does nothing while another one is read, or when the server cannot do it.
        """
        if self._busy:
            return
        self._busy = True
        try:
            text = await self._beginning(prompt, tools)
            at = max((common(text, known) for known in self._read), default=0)
            self._read.append("")
            while at < len(text) and idle():
                at = min(at + self._chars, len(text))
                await self._read_step(text[:at])
                self._read[-1] = text[:at]
                await anyio.lowlevel.checkpoint()  # the step itself cannot be cancelled
        except EngineError:
            pass  # a server that cannot do it, or has died: the question itself will tell
        finally:
            self._busy = False

    async def _read_step(self, text: str) -> None:
        self._step, began = anyio.Event(), anyio.current_time()
        try:
            with anyio.CancelScope(shield=True):
                order = {"prompt": text, "n_predict": 0, "cache_prompt": True}
                await self._http.ask("POST", f"{self._url}/completion", STEP_TIMEOUT_S, json=order)
        finally:
            self._step.set()
            self._step = None
        wanted = self._chars * STEP_S / max(anyio.current_time() - began, 1e-3)
        self._chars = round(
            min(max(wanted, self._chars / 2, MIN_STEP_CHARS), 2 * self._chars, MAX_STEP_CHARS)
        )

    async def _beginning(self, prompt: Prompt, tools: Sequence[Tool]) -> str:
        """The text that the model sees before the question, in the model's own template."""
        mark = token_hex(16)
        order: dict[str, Any] = {
            "messages": messages(replace(prompt, question=mark, steps=()), self._history_chars),
            **self._extra,
        }
        if tools:
            order["tools"] = [offer(tool) for tool in tools]
        answer = await self._http.ask("POST", f"{self._url}/apply-template", STEP_TIMEOUT_S, json=order)
        with self._http.errors.reading("no prompt"):
            return str(answer["prompt"]).partition(mark)[0]


def common(one: str, other: str) -> int:
    """Characters that both begin with."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)
