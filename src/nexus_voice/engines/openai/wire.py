"""The streamed chat answer of OpenAI's protocol, put together. Pure.

There are no models of the messages, since this runs for every token of every conversation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from ...core.chat import ToolCall, Usage
from ...core.errors import EngineError


class Answer:
    """Collects one answer from its chunks, decoded JSON.

    `progress` grows whenever the model produced something, thoughts and pieces of tool calls included;
    role chunks and pings produce nothing.
    """

    def __init__(self) -> None:
        self.chunks = 0
        self.progress = 0
        self.finish_reason = ""
        self.usage = Usage()
        """As the server counts; zeros until it says so, which is at the end."""
        self._spoke = False
        self._calls: list[_Call] = []
        self._latest: dict[int, _Call] = {}
        """The last call of each index."""

    def take(self, chunk: Any) -> str:
        """The text in `chunk`, often none. Raises `TypeError`, `KeyError` and the like for what is no
        chunk of an answer."""
        if usage := chunk.get("usage"):
            made = int(usage.get("completion_tokens") or 0)
            self.usage = Usage(int(usage.get("prompt_tokens") or 0), made)
        self.chunks += 1
        if not (choices := chunk.get("choices")):
            return ""  # usage, or a ping
        choice = choices[0]
        delta = choice.get("delta") or {}
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        fragments = delta.get("tool_calls") or ()
        for fragment in fragments:
            self._fragment(fragment)
        text: str = delta.get("content") or ""
        self._spoke = self._spoke or bool(text)
        if text or fragments or delta.get("reasoning_content") or delta.get("reasoning"):
            self.progress += 1
        return text + ""  # a TypeError when it is no string

    def tool_calls(self) -> list[ToolCall]:
        """The calls, once the answer has ended. Raises `EngineError` for one that cannot be read, and for an
        answer that the provider has withheld."""
        if self.finish_reason == "content_filter" and not self._spoke:
            raise EngineError("The language model's provider refused to answer this.", code="llm_filtered")
        return [call.parsed() for call in self._calls]

    def _fragment(self, fragment: dict[str, Any]) -> None:
        """One piece of a call. Id and name come first; some servers repeat the id, some number no call."""
        index, id, function = fragment.get("index") or 0, fragment.get("id"), fragment.get("function") or {}
        call = self._latest.get(index)
        if call is None or (id and call.id and id != call.id):
            call = self._latest[index] = _Call()
            self._calls.append(call)
        call.id = call.id or id or ""
        call.name = call.name or function.get("name") or ""
        arguments = function.get("arguments") or ""
        call.arguments.append(arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode())


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    """As pieces of JSON."""

    def parsed(self) -> ToolCall:
        """Arguments that are no JSON object fail the call: guessed ones could do harm."""
        try:
            arguments = orjson.loads("".join(self.arguments).strip() or b"{}") or {}
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict) or not self.name or not isinstance(self.name, str):
            raise EngineError(
                f"The language model asked for the tool {self.name!r} in a way that cannot be read.",
                code="llm_bad_tool_call",
                retryable=True,
            )
        return ToolCall(self.id or f"call_{uuid4().hex[:12]}", self.name, arguments)
