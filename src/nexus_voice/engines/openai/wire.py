"""What OpenAI-compatible servers say: the event stream of a chat answer, and their errors.

Pure: bytes in, values and `EngineError`s out. One `orjson.loads` per token and no models of the
messages, since this runs for every token of every conversation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from ...core.chat import ToolCall, Usage
from ...core.errors import EngineError
from ..http.errors import wait_in

LONGEST_LINE = 1 << 20
"""Bytes of one event line; a server that sends more is not speaking this protocol."""


class Answer:
    """Decodes one streamed `/chat/completions` answer, fed with bytes cut anywhere.

    `done`: the stream said `[DONE]`. `progress` grows whenever the model produced something,
    thoughts and pieces of tool calls included (keep-alive comments and role chunks are not).
    """

    def __init__(self) -> None:
        self.done = False
        self.progress = 0
        self._rest = b""
        self.usage = Usage()
        """As the server counts; zeros until it says so, which is at the end."""
        self._events = 0
        self._spoke = False
        self._finish = ""
        self._calls: list[_Call] = []

    def feed(self, data: bytes) -> Iterator[str]:
        """The text in `data`. Raises `EngineError` for an error in the stream or a malformed one."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise malformed("an endless line")
        for line in lines:
            # Comments, `event:`, `id:` and what no one knows are ignored, as the SSE standard says.
            if not line.startswith(b"data:"):
                continue
            payload = line[5:].strip()
            if payload == b"[DONE]":
                self.done = True
                return
            if payload and (text := self._event(payload)):
                self._spoke = True
                yield text

    def tool_calls(self) -> list[ToolCall]:
        """The calls, once the stream has ended. Raises `EngineError` when the end was not a proper one."""
        if not self._events:
            raise malformed("no event stream", hint="check that NEXUS_LLM__BASE_URL ends in /v1")
        if not (self.done or self._finish):
            raise broken()
        if self._finish == "content_filter" and not self._spoke:
            raise EngineError("The language model's provider refused to answer this.", code="llm_filtered")
        return [call.parsed() for call in self._calls]

    def _event(self, payload: bytes) -> str:
        try:
            chunk = orjson.loads(payload)
            if "error" in chunk or chunk.get("object") == "error":
                raise stream_failure(chunk)
            if usage := chunk.get("usage"):
                self.usage = Usage(
                    int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
                )
            if not (choices := chunk.get("choices")):
                self._events += 1  # usage, or a ping
                return ""
            choice = choices[0]
            delta = choice.get("delta") or {}
            self._events += 1
            if finish := choice.get("finish_reason"):
                self._finish = finish
            if fragments := delta.get("tool_calls"):
                self.progress += 1
                for fragment in fragments:
                    self._fragment(fragment)
            text: str = delta.get("content") or ""
            if text or delta.get("reasoning_content") or delta.get("reasoning"):
                self.progress += 1
            return text + ""  # a TypeError when it is no string
        except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            raise malformed(payload[:80].decode(errors="replace")) from error

    def _fragment(self, fragment: dict[str, Any]) -> None:
        """One piece of a call. Id and name come first; some servers repeat the id, some number no call."""
        index, id, function = fragment.get("index") or 0, fragment.get("id"), fragment.get("function") or {}
        same = [call for call in self._calls if call.index == index]
        call = same[-1] if same else None
        if call is None or (id and call.id and id != call.id):
            call = _Call(index)
            self._calls.append(call)
        call.id = call.id or id or ""
        call.name = call.name or function.get("name") or ""
        arguments = function.get("arguments") or ""
        call.arguments += arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()


@dataclass(slots=True)
class _Call:
    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""

    def parsed(self) -> ToolCall:
        """Arguments that are no JSON object fail the call: guessed ones could do harm."""
        try:
            arguments = orjson.loads(self.arguments.strip() or b"{}") or {}
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict) or not self.name or not isinstance(self.name, str):
            raise EngineError(
                f"The language model asked for the tool {self.name!r} in a way that cannot be read.",
                code="llm_bad_tool_call",
                retryable=True,
            )
        return ToolCall(self.id or f"call_{uuid4().hex[:12]}", self.name, arguments)


def malformed(what: str, hint: str = "is it an OpenAI-compatible one?") -> EngineError:
    return EngineError(
        f"The language model server sent something that is not a streamed chat answer ({what}): {hint}",
        code="llm_malformed",
        retryable=True,
    )


def broken() -> EngineError:
    return EngineError(
        "The language model server stopped in the middle of its answer. Try again.",
        code="llm_stream_broken",
        retryable=True,
    )


def timed_out(seconds: float, limit: str) -> EngineError:
    """`limit` is the setting that ran out."""
    return EngineError(
        f"The language model server said nothing for {seconds:g} s. "
        f"Use a smaller model, or raise NEXUS_LLM__{limit.upper()}.",
        code="llm_timeout",
        status=504,
        retryable=True,
    )


def stream_failure(chunk: dict[str, Any]) -> EngineError:
    """An error object in place of a chunk."""
    detail, code = explained(chunk)
    status = code if isinstance(code, int) else 0
    if "rate_limit" in str(code):
        status = 429
    return failure(status or 500, detail, "", "")


def failure(status: int, detail: str, model: str, retry_after: str) -> EngineError:
    """A provider's refusal. `detail` is its own words; of use to the user only where we know no better."""
    server = "The language model server"
    if status in (401, 403):
        message = f"{server} refused the key ({status}): check NEXUS_LLM__API_KEY."
        return EngineError(message, code="llm_auth")
    if status == 404:
        message = f"{server} has no model {model!r} or no chat at this address (404): "
        message += "check NEXUS_LLM__MODEL and that NEXUS_LLM__BASE_URL ends in /v1."
        return EngineError(message, code="llm_model")
    if status == 402 or "quota" in detail.lower():
        return EngineError(f"{server} says that the account has no credit left.", code="llm_quota")
    after = wait_in(retry_after)
    if status == 429:
        when = f"in {after:g} s" if after else "in a moment"
        message = f"{server} is at its limit (429). Try again {when}."
        return EngineError(message, code="llm_rate_limit", status=503, retryable=True, retry_after=after)
    if status in (408, 409) or status >= 500:
        message = f"{server} is in trouble ({status}): {detail or 'no reason given'}. Try again."
        return EngineError(message, code="llm_unavailable", retryable=True, retry_after=after)
    return EngineError(f"{server} refused the request ({status}): {detail}", code="llm_request")


def explained(body: Any) -> tuple[str, Any]:
    """(message, code) of an error body, of which there are several dialects; at most 300 characters."""
    error = body.get("error", body) if isinstance(body, dict) else body
    code = None
    if isinstance(error, dict):
        code = error.get("code") or error.get("type")
        error = error.get("message") or error.get("detail") or ""
    return " ".join(str(error).split())[:300], code
