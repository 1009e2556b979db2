"""One chat completion as it grows, and its pieces in OpenAI's format."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
import structlog

from ...core.chat import Prompt, ToolCall
from ...core.errors import EngineError, NexusError
from ...engines.chain.fallback import Fallback
from ...talk.answer import Delta, answer
from ..queueing import Queue
from .errors import body
from .prompts import ClientTool
from .stop_sequences import Stops

log = structlog.get_logger()

CHARS_PER_TOKEN = 4
"""English in the usual vocabularies; engines do not count for us."""


def sse(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def tokens(text: str) -> int:
    """An estimate."""
    return -(-len(text) // CHARS_PER_TOKEN)


@dataclass(slots=True)
class Completion:
    """Ends after `prompt.max_tokens` pieces at the latest: models stream token by token."""

    llm: Fallback
    queue: Queue
    prompt: Prompt
    tools: Sequence[ClientTool]
    stops: Stops
    with_usage: bool = False
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    finish: str = "stop"
    model: str = ""
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    async def pieces(self) -> AsyncGenerator[str | ToolCall]:
        tokens_made = 0
        async with self.queue.place(), aclosing(answer(self.llm, self.prompt, self.tools)) as pieces:
            async for piece in pieces:
                self.model = self.model or self.llm.name
                match piece:
                    case ToolCall():
                        self.calls.append(piece)
                        yield piece
                    case Delta(text):
                        tokens_made += 1
                        if shown := self.stops.feed(text):
                            self.text += shown
                            yield shown
                        if self.stops.found:
                            return
                        if tokens_made >= self.prompt.max_tokens:
                            self.finish = "length"
                            break
        if rest := self.stops.rest():
            self.text += rest
            yield rest
        if self.calls:
            self.finish = "tool_calls"

    # --- whole -----------------------------------------------------------------------------------

    async def whole(self) -> dict[str, Any]:
        async with aclosing(self.pieces()) as pieces:
            async for _ in pieces:
                pass
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "refusal": None}
        if self.calls:
            message["tool_calls"] = [_call(call) for call in self.calls]
        else:
            message["content"] = self.text
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}
        return self._about("chat.completion") | {"choices": [choice], "usage": self.usage()}

    def usage(self) -> dict[str, int]:
        """Estimated tokens."""
        prompt = self.prompt
        asked = [prompt.system, prompt.question, *(line.text for line in prompt.history)]
        asked += [step.result for step in prompt.steps]
        said = self.text + "".join(orjson.dumps(call.arguments).decode() for call in self.calls)
        sent, made = sum(map(tokens, asked)), tokens(said)
        return {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}

    # --- in pieces -------------------------------------------------------------------------------

    async def events(self) -> AsyncGenerator[bytes]:
        """Server-sent events. An error before the first is raised, a later one sent."""
        begun = False
        try:
            async with aclosing(self.pieces()) as pieces:
                async for piece in pieces:
                    first: dict[str, Any] = {} if begun else {"role": "assistant"}
                    begun = True
                    match piece:
                        case ToolCall():
                            call = {"index": len(self.calls) - 1, **_call(piece)}
                            yield self._chunk({"content": None, **first, "tool_calls": [call]})
                        case text:
                            yield self._chunk({**first, "content": text})
        except Exception as error:
            if not begun:
                raise
            yield self._broken(error)
            return
        self.model = self.model or self.llm.name
        yield self._chunk({} if begun else {"role": "assistant", "content": ""}, self.finish)
        if self.with_usage:
            yield sse(self._about("chat.completion.chunk") | {"choices": [], "usage": self.usage()})
        yield b"data: [DONE]\n\n"

    def _about(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self.with_usage else {}
        return sse(self._about("chat.completion.chunk") | {"choices": [choice], **usage})

    def _broken(self, error: Exception) -> bytes:
        if isinstance(error, NexusError):
            return sse(body(error.status, error.code, error.message))
        log.error("completion failed", exc_info=error)
        return sse(body(500, EngineError.code, "Something went wrong on our side. The log has the details."))


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": call.id, "type": "function", "function": function}
