"""Google's Gemini models, by the Gemini API (generativelanguage, v1beta).

httpx rather than the `google-genai` SDK, which runs on asyncio only and takes a second to import.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import anyio
import httpx
import orjson

from ...core.chat import Prompt, ToolCall, Usage
from ...core.errors import EngineError
from ...text.prompting import HISTORY_CHARS
from ..http.body import Body
from ..http.client import RemoteHttp
from ..http.errors import failure, wait_in
from .wire import Answer, request, retry_delay

if TYPE_CHECKING:
    from ...ports import Tool

SETTING = "GEMINI_API_KEY"
REMEMBERED = 1_000
"""Tool calls whose signatures are kept: Gemini 3 wants them back with the call."""


class GeminiLlm:
    """Implements `ports.Llm`; enter it before use. Cancelling closes the HTTP stream at once.

    Prompts of size "small" go to `small_model`. `first_token` and `between_tokens` bound the waits
    for these, in seconds. Models are kept from thinking as far as they allow, since a voice waits.

    Raises `EngineError` as `RemoteHttp` does, and with code `llm_filtered` when Google refuses to
    answer, `llm_empty` and `llm_bad_tool_call` (both retryable).
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://generativelanguage.googleapis.com",
        model: str = "gemini-2.5-flash",
        small_model: str = "gemini-2.5-flash-lite",
        first_token: float = 20.0,
        between_tokens: float = 20.0,
        history_chars: int = HISTORY_CHARS,
    ) -> None:
        base_url = base_url.strip().rstrip("/").removesuffix("/v1beta")
        headers = {"x-goog-api-key": api_key}
        self._http = RemoteHttp("llm", base_url, headers, setting=SETTING, secret=api_key)
        self._model, self._small = model.removeprefix("models/"), small_model.removeprefix("models/")
        self._first, self._between, self._history = first_token, between_tokens, history_chars
        self._signatures: OrderedDict[str, str] = OrderedDict()
        self.usage = Usage()
        self.name = f"gemini:{self._model}"

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def ready(self) -> None:
        """Check the key and that the model exists; also opens a connection for the first question."""
        response = await self._http.exchange("GET", path(self._model), self._first)
        if not response.is_success:
            raise self._refusal(response)
        body = Body(self._http, response, self._first)
        try:
            await body.read()
        finally:
            await body.close(drain=False)

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[str | ToolCall]:
        model = (self._small if prompt.size == "small" else "") or self._model
        content = request(prompt, tools, model, self._history, self._signatures)
        limit = self._first
        deadline = anyio.current_time() + limit
        body = Body(self._http, await self._ask(model, content), inf)
        try:
            answer, events = Answer(), 0
            while not answer.finished:
                # One scope a read, none around a yield: the time the listener takes is not counted.
                with anyio.CancelScope(deadline=deadline) as scope:
                    chunk = await body.event()
                if scope.cancelled_caught:
                    raise self._http.timed_out(limit)
                if chunk is None:
                    raise self._http.broken() if events else self._http.malformed("no event stream")
                events += 1
                for text in self._texts(answer, chunk):
                    yield text
                limit = self._between
                deadline = anyio.current_time() + limit
            self.usage.prompt += answer.usage.prompt
            self.usage.completion += answer.usage.completion
            answer.check()
            self._remember(answer)
            for call in answer.calls:
                yield call
        except BaseException:
            await body.close(drain=False)
            raise
        await body.close(drain=True)

    async def _ask(self, model: str, content: dict[str, Any]) -> httpx.Response:
        """A successful response, its headers read and its body not."""
        response = await self._http.exchange(
            "POST",
            f"{path(model)}:streamGenerateContent",
            self._first,
            params={"alt": "sse"},
            content=orjson.dumps(content),
            headers={"Content-Type": "application/json"},
        )
        if response.is_success:
            return response
        raise self._refusal(response)

    def _texts(self, answer: Answer, chunk: Any) -> list[str]:
        try:
            if error := chunk.get("error"):
                status = error.get("code")
                raise self._failure(
                    status if isinstance(status, int) else 500, str(error.get("message", "")), chunk
                )
            return list(answer.feed(chunk))
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            raise self._http.malformed(repr(chunk)[:80]) from error

    def _refusal(self, response: httpx.Response) -> EngineError:
        try:
            body = orjson.loads(response.content)
        except ValueError:
            body = None
        after = wait_in(response.headers.get("retry-after", ""))
        return self._failure(response.status_code, self._http.detail(response), body, after)

    def _failure(self, status: int, detail: str, body: Any, after: float = 0.0) -> EngineError:
        if status == 400 and "api key" in detail.lower():  # Google's word for 401
            status = 401
        detail = self._http.redacted(detail)
        return failure("llm", self._http.service, status, detail, after or retry_delay(body), SETTING)

    def _remember(self, answer: Answer) -> None:
        self._signatures.update(answer.signatures)
        while len(self._signatures) > REMEMBERED:
            self._signatures.popitem(last=False)


def path(model: str) -> str:
    return f"v1beta/models/{quote(model, safe='')}"
