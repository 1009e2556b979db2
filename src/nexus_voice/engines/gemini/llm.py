"""Google's Gemini models, through the Gemini API (generativelanguage, v1beta).

httpx rather than the `google-genai` SDK, which runs on asyncio only and takes a second to import.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from ...core.chat import Prompt, ToolCall, Usage
from ...text.prompting import MAX_HISTORY_CHARS
from ..http.client import RemoteEngine, RemoteHttp
from ..http.token_timeout import TokenTimeout
from .wire import Answer, request

if TYPE_CHECKING:
    from ...ports import Tool

MAX_SIGNATURES = 1_000
"""That are kept, one for each tool call: Gemini 3 wants them back with the call."""


class GeminiLlm(RemoteEngine):
    """Implements `ports.Llm`; enter it before use. Cancelling closes the HTTP stream at once.

    Prompts of size "small" go to `small_model`. `first_token` and `between_tokens` bound the waits
    for these, in seconds. Models are kept from thinking as far as they allow, since the user waits.

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
        history_chars: int = MAX_HISTORY_CHARS,
    ) -> None:
        base_url = base_url.strip().rstrip("/").removesuffix("/v1beta")
        headers = {"x-goog-api-key": api_key}
        self._http = RemoteHttp("llm", base_url, headers, setting="GEMINI_API_KEY", secret=api_key)
        self._model, self._small = model.removeprefix("models/"), small_model.removeprefix("models/")
        self._first, self._between, self._history = first_token, between_tokens, history_chars
        self._signatures: OrderedDict[str, str] = OrderedDict()
        self.usage = Usage()
        self.name = f"gemini:{self._model}"

    async def ready(self) -> None:
        """Check the key and that the model exists; also opens a connection for the first question."""
        await self._http.ask("GET", path(self._model), self._first)

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[str | ToolCall]:
        model = (self._small if prompt.size == "small" else "") or self._model
        order = request(prompt, tools, model, self._history, self._signatures)
        errors, answer, events = self._http.errors, Answer(), 0
        timeout = TokenTimeout(errors, self._first, self._between)
        opening = self._http.open(
            "POST", f"{path(model)}:streamGenerateContent", None, params={"alt": "sse"}, json=order
        )
        async with await timeout.wait(opening) as body:
            try:
                while not answer.finished:
                    if (chunk := await timeout.wait(body.event())) is None:
                        raise errors.broken() if events else errors.malformed("no event stream")
                    events += 1
                    with errors.reading(chunk):
                        if chunk.get("error"):
                            raise errors.in_stream(chunk)
                        texts = answer.take(chunk)
                    for text in texts:
                        yield text
                    timeout.progressed()
                answer.check()
                self._remember(answer)
                for call in answer.calls:
                    yield call
            finally:
                self.usage.prompt += answer.usage.prompt
                self.usage.completion += answer.usage.completion

    def _remember(self, answer: Answer) -> None:
        self._signatures.update(answer.signatures)
        while len(self._signatures) > MAX_SIGNATURES:
            self._signatures.popitem(last=False)


def path(model: str) -> str:
    return f"v1beta/models/{quote(model, safe='')}"
