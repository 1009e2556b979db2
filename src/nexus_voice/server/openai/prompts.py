"""Chat messages in OpenAI's format -> `Prompt` and tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from ...core.chat import Message, Prompt, ToolCall, ToolStep
from ...core.errors import EngineError
from .errors import Invalid

MAX_CHARS = 400_000
"""Characters of all messages of a request together."""


class Function(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    arguments: str = "{}"


class ToolCallParam(BaseModel):
    id: str = Field(min_length=1)
    type: Literal["function"] = "function"
    function: Function


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCallParam] | None = None
    tool_call_id: str = ""


class FunctionDefinition(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class ToolParam(BaseModel):
    type: Literal["function"] = "function"
    function: FunctionDefinition


@dataclass(slots=True)
class ClientTool:
    """A tool that the client runs itself."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    side_effects: bool = True

    async def __call__(self, **arguments: Any) -> str:
        raise EngineError(f"The tool {self.name!r} is run by the client.")


@dataclass(slots=True)
class _Lines:
    """The conversation so far: what is history, and what belongs to the latest question."""

    history: list[Message] = field(default_factory=list)
    turn: list[Message] = field(default_factory=list)
    open: dict[str, ToolCall] = field(default_factory=dict)

    def ask(self, text: str) -> None:
        self.history += self.turn
        self.turn = [Message("user", text)]

    def say(self, text: str, calls: Sequence[ToolCallParam], where: str) -> None:
        if text.strip():
            self.turn.append(Message("assistant", text))
        self.open |= {call.id: _parsed(call, where) for call in calls}

    def result(self, id: str, text: str, where: str) -> None:
        call = self.open.pop(id, None)
        if call is None:
            raise Invalid(f"{where}: no tool call before it has the id {id!r}.", "messages")
        self.turn.append(Message("tool", text, ToolStep(call, text)))


def prompt_of(messages: Sequence[ChatMessage], most: int) -> Prompt:
    """System messages are the client's own instructions here. Raises `Invalid`.

    Words said before a tool call of the latest turn are left out: of it a `Prompt` knows the question
    and the finished calls only.
    """
    lines, system, size = _Lines(), [], 0
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        text = _text(message.content, where)
        size += len(text)
        match message.role:
            case "system" | "developer":
                system.append(text)
            case "user":
                lines.ask(text)
            case "assistant":
                lines.say(text, message.tool_calls or (), where)
            case "tool":
                lines.result(message.tool_call_id, text, where)
    if size > MAX_CHARS:
        raise Invalid(f"The messages have more than {MAX_CHARS:,} characters.", "messages", status=413)
    if lines.open:
        raise Invalid("Every tool call needs a message with its result.", "messages")
    asked, *since = lines.turn or [Message("assistant", "")]
    if asked.role != "user" or (since and since[-1].role == "assistant"):
        raise Invalid("The last message must be the user's, or a tool's result.", "messages")
    return Prompt(
        question=asked.text,
        system="\n\n".join(system),
        history=tuple(lines.history),
        steps=tuple(message.step for message in since if message.step),
        max_tokens=most,
        knowledge=False,
        caller="openai",
        ours=False,
    )


def _text(content: str | list[dict[str, Any]] | None, where: str) -> str:
    if not isinstance(content, list):
        return content or ""
    parts = []
    for part in content:
        text = part.get("text")
        if part.get("type") != "text" or not isinstance(text, str):
            raise Invalid(f"{where}: only text can be read here.", "messages", code="unsupported_content")
        parts.append(text)
    return "\n".join(parts)


def _parsed(call: ToolCallParam, where: str) -> ToolCall:
    try:
        arguments = orjson.loads(call.function.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        raise Invalid(f"{where}: a tool call's arguments are a JSON object, as text.", "messages")
    return ToolCall(call.id, call.function.name, arguments)
