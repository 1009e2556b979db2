"""Any OpenAI-compatible chat server: vLLM, llama-server, Ollama, Groq, OpenAI.

httpx directly rather than the `openai` SDK, which is built on it: the SDK takes more than a second
to import and twice the CPU per token.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...core.chat import Prompt, ToolCall, Usage
from ...core.errors import EngineError
from ...text.prompting import MAX_HISTORY_CHARS, messages
from ..http.body import Body
from ..http.client import RemoteEngine, checked_url, is_loopback
from ..http.errors import UNEXPECTED_SHAPE
from ..http.token_timeout import TokenTimeout
from . import OLLAMA
from .http import connection, models
from .tokens import OpenAiTokens
from .wire import Answer

if TYPE_CHECKING:
    from ...ports import Tool

_NO_CHAT = ("embed", "bge-", "rerank", "whisper", "tts", "guard", "moderation", "dall-e", "image")
_CODES = {"limit": "rate_limit", "failed": "unavailable"}
"""Endings of error codes that clients of this engine have always got."""


class OpenAiLlm(RemoteEngine):
    """Streams from `base_url`'s `/chat/completions`; cancelling closes the HTTP stream at once.

    With an empty `model` it takes the server's first; prompts of size "small" go to `small_model` where one
    is set. `first_token` and `between_tokens` bound the waits for these, in seconds. `extra` is
    added to every request's JSON, over our own fields. `provider` is for the name only. Connections are
    kept alive to other machines only, unless `keep_alive` says otherwise: llama-server closes its
    connections after a streamed answer without saying so, and a new one on this machine takes no time.

    Raises `EngineError` as `RemoteHttp` does, except for `llm_rate_limit` (429), `llm_unavailable` (5xx),
    `llm_model` (404), `llm_filtered` and `llm_bad_tool_call`.
    """

    def __init__(
        self,
        base_url: str = OLLAMA,
        api_key: str = "",
        model: str = "",
        small_model: str = "",
        *,
        first_token: float = 20.0,
        between_tokens: float = 20.0,
        temperature: float | None = None,
        extra: Mapping[str, Any] | None = None,
        history_chars: int = MAX_HISTORY_CHARS,
        provider: str = "openai",
        keep_alive: bool | None = None,
    ) -> None:
        if keep_alive is None:
            keep_alive = not is_loopback(checked_url(base_url, "NEXUS_LLM__BASE_URL").host)
        self._http = connection("llm", base_url, api_key, keep_alive, special=_refusal, codes=_CODES)
        self._tokens = OpenAiTokens(self._http)
        self._model, self._small = model, small_model
        self._first, self._between, self._history = first_token, between_tokens, history_chars
        self._options = {"temperature": temperature} if temperature is not None else {}
        self._extra = dict(extra or {})
        # OpenAI's newer models know only the new name, most other servers only the old one.
        self._limit = "max_completion_tokens" if self._http.url.host == "api.openai.com" else "max_tokens"
        self._counted = True
        self.usage = Usage()
        self._listed = ""
        self._provider = provider
        self.name = f"{provider}:{model}" if model else provider

    @property
    def known_model(self) -> str:
        return self._model or self._listed

    async def model(self, prompt: Prompt) -> str:
        return (self._small if prompt.size == "small" else "") or self._model or await self._first_model()

    async def models(self) -> list[str]:
        """Names of the models the server offers; also opens a connection for the next request."""
        return await models(self._http, self._first)

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, as the server's tokenizer counts. Raises `EngineError` where it has none."""
        return await self._tokens(texts, self._model or self._listed)

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[str | ToolCall]:
        errors, answer = self._http.errors, Answer()
        timeout = TokenTimeout(errors, self._first, self._between)
        async with await timeout.wait(self._open(prompt, tools)) as body:
            try:
                while (chunk := await timeout.wait(body.event())) is not None:
                    before = answer.progress
                    try:
                        if "error" in chunk or chunk.get("object") == "error":
                            raise errors.in_stream(chunk)
                        text = answer.take(chunk)
                    except UNEXPECTED_SHAPE as error:  # `errors.reading` would cost every token a generator
                        raise errors.malformed(chunk) from error
                    if text:
                        yield text
                    if answer.progress > before:
                        timeout.progressed()
                if not answer.chunks:
                    raise errors.malformed("no event stream; does NEXUS_LLM__BASE_URL end in /v1?")
                if not (body.complete or answer.finish_reason):
                    raise errors.broken()
                for call in answer.tool_calls():
                    yield call
            finally:
                self.usage.prompt += answer.usage.prompt
                self.usage.completion += answer.usage.completion

    async def _open(self, prompt: Prompt, tools: Sequence[Tool]) -> Body:
        """The answer, its headers read."""
        model = await self.model(prompt)
        order = {"model": model, "messages": messages(prompt, self._history), "stream": True, **self._options}
        if tools:
            order["tools"] = [offer(tool) for tool in tools]
        while True:
            usage = {"stream_options": {"include_usage": True}} if self._counted else {}
            whole = {**order, **usage, self._limit: prompt.max_tokens, **self._extra}
            try:
                return await self._http.open("POST", "chat/completions", None, json=whole)
            except EngineError as error:
                if error.code == "llm_model":
                    self._listed = ""  # it may have been replaced by another
                if error.code != "llm_request" or not self._can_do_without(error.message):
                    raise

    def _can_do_without(self, objection: str) -> bool:
        """Whether the server objects to something that is not needed, and is now left out."""
        if "stream_options" in objection and self._counted:
            self._counted = False
            return True
        if "max_completion_tokens" in objection and self._limit != "max_completion_tokens":
            self._limit = "max_completion_tokens"
            return True
        return False

    async def _first_model(self) -> str:
        """The first of the server's models that looks like one to chat with."""
        if not self._listed:
            listed = await self.models()
            chat = [model for model in listed if not any(word in model.lower() for word in _NO_CHAT)]
            if not listed:
                raise EngineError(
                    "The language model server has no model: pull or load one.", code="llm_model"
                )
            self._listed = (chat or listed)[0]
            self.name = f"{self._provider}:{self._listed}"
        return self._listed


def _refusal(status: int, detail: str) -> EngineError | None:
    if status == 404:
        return EngineError(
            f"The language model server has no such model, or no chat at this address (404): check "
            f"NEXUS_LLM__MODEL and that NEXUS_LLM__BASE_URL ends in /v1. It says: {detail}",
            code="llm_model",
        )
    if "quota" in detail.lower() and status not in (401, 403):
        message = "The language model server says that the account has no credit left."
        return EngineError(message, code="llm_quota")
    return None


def offer(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}
