"""Any OpenAI-compatible chat server: vLLM, llama-server, Ollama, Groq, OpenAI.

httpx directly rather than the `openai` SDK, which is built on it: the SDK takes more than a second
to import and twice the CPU per token.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import anyio
import httpx
import orjson

from ...core.chat import Prompt, ToolCall, Usage
from ...core.errors import EngineError
from ...text.prompting import HISTORY_CHARS, messages
from .http import OLLAMA, OpenAiHttp
from .wire import Answer, broken, timed_out

if TYPE_CHECKING:
    from ...ports import Tool

_NO_CHAT = ("embed", "bge-", "rerank", "whisper", "tts", "guard", "moderation", "dall-e", "image")


class OpenAiLlm:
    """Streams from `base_url`'s `/chat/completions`; cancelling closes the HTTP stream at once.

    An empty `model` means the server's first; prompts of size "small" go to `small_model` where one
    is set. `first_token` and `between_tokens` bound the waits for these, in seconds. `extra` is
    added to every request's JSON, over our own fields. `provider` is for the name only.
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
        history_chars: int = HISTORY_CHARS,
        provider: str = "openai",
    ) -> None:
        self._http = OpenAiHttp(base_url, api_key)
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

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def models(self) -> list[str]:
        """Names of the models the server offers; also opens a connection for the next request."""
        return await self._http.models(self._first)

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, as the server's tokenizer counts. Raises `EngineError` where it has none."""
        return await self._http.tokens(texts, self._model or self._listed)

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[str | ToolCall]:
        limit, awaited = self._first, "first_token"
        deadline = anyio.current_time() + limit
        with anyio.CancelScope(deadline=deadline) as scope:
            response = await self._ask(prompt, tools)
        if scope.cancelled_caught:
            raise timed_out(limit, awaited)
        answer, body, data = Answer(), response.aiter_bytes(), b"\n"
        try:
            while data and not answer.done:
                # One scope a read, none around a yield: the time the listener takes is not counted.
                with anyio.CancelScope(deadline=deadline) as scope:
                    data = await anext(body, b"")
                if scope.cancelled_caught:
                    raise timed_out(limit, awaited)
                before = answer.progress
                for text in answer.feed(data or b"\n"):
                    yield text
                if answer.progress > before:
                    limit, awaited = self._between, "between_tokens"
                    deadline = anyio.current_time() + limit
            for call in answer.tool_calls():
                yield call
        except httpx.HTTPError as error:
            raise broken() from error
        finally:
            self.usage.prompt += answer.usage.prompt
            self.usage.completion += answer.usage.completion
            # The body's end after [DONE] frees the connection for the next question. Otherwise the
            # connection is cut, by a cancelled read, which unwinds every layer of httpx as it goes.
            with suppress(httpx.HTTPError), anyio.move_on_after(0.05 if answer.done else 0, shield=True):
                async for _ in body:
                    pass
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def _ask(self, prompt: Prompt, tools: Sequence[Tool]) -> httpx.Response:
        """The response, its headers read and its body not."""
        model = (self._small if prompt.size == "small" else "") or self._model or await self._first_model()
        body = {"model": model, "messages": messages(prompt, self._history), "stream": True, **self._options}
        if tools:
            body["tools"] = [_offer(tool) for tool in tools]
        while True:
            try:
                return await self._post(body, prompt.max_tokens)
            except EngineError as error:
                if error.code == "llm_model":
                    self._listed = ""  # it may have been replaced by another
                if error.code != "llm_request" or not self._yields(error.message):
                    raise

    def _yields(self, objection: str) -> bool:
        """Whether the server objects to something that we can do without, and now do."""
        if "stream_options" in objection and self._counted:
            self._counted = False
            return True
        if "max_completion_tokens" in objection and self._limit != "max_completion_tokens":
            self._limit = "max_completion_tokens"
            return True
        return False

    async def _post(self, body: dict[str, Any], most: int) -> httpx.Response:
        usage = {"stream_options": {"include_usage": True}} if self._counted else {}
        content = orjson.dumps({**body, **usage, self._limit: most, **self._extra})
        return await self._http.send("POST", "chat/completions", content, body["model"])

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


def _offer(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}
