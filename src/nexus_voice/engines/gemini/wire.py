"""Turns a prompt into a Gemini request, and Gemini's streamed chunks into text and tool calls. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...core.chat import Prompt, ToolCall, Usage
from ...core.errors import EngineError
from ...text.prompting import messages

if TYPE_CHECKING:
    from ...ports import Tool

_FILTERED_REASONS = {
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "MODEL_ARMOR",
}  # fmt: skip
_BAD_CALL_REASONS = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}
_NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google wants instead of a signature for a call in the history whose signature is not known."""
_THINKING: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("gemini-2.5-flash", {"thinkingBudget": 0}, 0),
    ("gemini-2.5-pro", {"thinkingBudget": 128}, 128),  # the least that it takes
    ("gemini-3", {"thinkingLevel": "low"}, 1024),
    ("gemini-4", {"thinkingLevel": "low"}, 1024),
    ("gemini-1", {}, 0),
    ("gemini-2.0", {}, 0),
    ("gemma", {}, 0),
    ("", {}, 1024),
)
"""(beginning of the model's name, configuration for as little thinking as it allows, tokens that the thinking
takes). Thoughts delay the first word and count as output."""


def request(
    prompt: Prompt, tools: Sequence[Tool], model: str, history_chars: int, signatures: Mapping[str, str]
) -> dict[str, Any]:
    """The body of a streamGenerateContent request. `signatures`: id of a tool call -> Gemini's signature."""
    lines = messages(prompt, history_chars)
    system = lines.pop(0)["content"] if lines[0]["role"] == "system" else ""
    thinking, extra = next((how, most) for start, how, most in _THINKING if model.startswith(start))
    config: dict[str, Any] = {"maxOutputTokens": prompt.max_tokens + extra}
    if thinking:
        config["thinkingConfig"] = thinking
    signed = not model.startswith(("gemini-1", "gemini-2", "gemma"))
    body: dict[str, Any] = {
        "contents": list(_contents(lines, signatures, _NO_SIGNATURE if signed else "")),
        "generationConfig": config,
    }
    if system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if tools:
        body["tools"] = [{"functionDeclarations": [_offer(tool) for tool in tools]}]
    return body


def _contents(
    lines: Sequence[Mapping[str, Any]], signatures: Mapping[str, str], unsigned: str
) -> Iterator[dict[str, Any]]:
    name = ""
    for line in lines:
        match line:
            case {"tool_calls": [{"id": id, "function": {"name": name, "arguments": arguments}}]}:
                part: dict[str, Any] = {"functionCall": {"name": name, "args": json.loads(arguments)}}
                if signature := signatures.get(id, unsigned):
                    part["thoughtSignature"] = signature
                yield {"role": "model", "parts": [part]}
            case {"role": "tool", "content": result}:  # it follows its call at once
                part = {"functionResponse": {"name": name, "response": {"result": result}}}
                yield {"role": "user", "parts": [part]}
            case {"role": role, "content": text}:  # an empty part would be refused
                yield {"role": "model" if role == "assistant" else "user", "parts": [{"text": text or " "}]}


def _offer(tool: Tool) -> dict[str, Any]:
    offer: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if tool.parameters.get("properties"):  # an empty schema would be refused
        parameters = {key: value for key, value in tool.parameters.items() if key != "$schema"}
        offer["parametersJsonSchema"] = parameters
    return offer


class Answer:
    """Collects one streamed answer."""

    def __init__(self) -> None:
        self.finished = ""
        """Why the model stopped; empty while it goes on."""
        self.usage = Usage()
        self.calls: list[ToolCall] = []
        self.signatures: dict[str, str] = {}
        """Id of a tool call -> the signature that came with it."""
        self._spoke = False

    def take(self, chunk: Any) -> list[str]:
        """The texts in one GenerateContentResponse. Raises `EngineError` when Google refuses to answer, and
        `TypeError`, `KeyError` and the like for what is no such response."""
        texts: list[str] = []
        if reason := (chunk.get("promptFeedback") or {}).get("blockReason"):
            raise filtered(reason)
        if usage := chunk.get("usageMetadata"):  # sums up to here, in every chunk
            made = (usage.get("candidatesTokenCount") or 0) + (usage.get("thoughtsTokenCount") or 0)
            self.usage = Usage(int(usage.get("promptTokenCount") or 0), int(made))
        for candidate in (chunk.get("candidates") or [])[:1]:
            for part in (candidate.get("content") or {}).get("parts") or []:
                if call := part.get("functionCall"):
                    self._call(call, part.get("thoughtSignature"))
                elif (text := part.get("text")) and not part.get("thought"):
                    self._spoke = True
                    texts.append(text + "")  # a TypeError when it is no string
            self.finished = candidate.get("finishReason") or self.finished
        return texts

    def check(self) -> None:
        """Raises `EngineError` when the answer has ended and is empty."""
        if self.finished in _BAD_CALL_REASONS and not self.calls:
            raise _bad_call(f"({self.finished})")
        if self._spoke or self.calls:
            return
        if self.finished in _FILTERED_REASONS:
            raise filtered(self.finished)
        message = f"Gemini ended without a word ({self.finished}). Try again."
        raise EngineError(message, code="llm_empty", retryable=True)

    def _call(self, call: Any, signature: Any) -> None:
        name, arguments = call.get("name"), call.get("args") or {}
        if not (isinstance(name, str) and name and isinstance(arguments, dict)):
            raise _bad_call(repr(name)[:80])
        found = ToolCall(f"call_{uuid4().hex[:12]}", name, arguments)
        self.calls.append(found)
        if signature:
            self.signatures[found.id] = str(signature)


def filtered(reason: str) -> EngineError:
    message = f"Gemini refused to answer this ({reason}). Ask in other words."
    return EngineError(message, code="llm_filtered")


def _bad_call(what: str) -> EngineError:
    message = f"Gemini asked for a tool in a way that cannot be read {what}. Try again."
    return EngineError(message, code="llm_bad_tool_call", retryable=True)
