"""Counts tokens with a server's own tokenizer: `POST /tokenize` of llama-server and of vLLM.

That is no part of OpenAI's protocol, and its address is beside `/v1`. Whether a server has it is tried once,
with a word of ours, so that no text of the user's is sent to a server that could not use it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from ...core.errors import EngineError
from ..http.client import RemoteHttp

TIMEOUT_S = 5.0
"""Callers usually wait less."""
SEPARATOR = -1
"""No token has this number: llama-server passes it through, so that many texts go in one request."""
MAX_REQUESTS = 8
"""At a time to vLLM, which takes one text in each."""

NO_TOKENIZER_CODES = ("llm_request", "llm_model", "llm_auth", "llm_malformed")
"""Codes of errors that mean that the server has no such call, or not for us."""

Method = Callable[[RemoteHttp, Sequence[str], str], Awaitable[list[int] | None]]


class OpenAiTokens:
    """Raises `EngineError` with code `no_tokenizer` where there is none, or what the connection raises."""

    def __init__(self, http: RemoteHttp) -> None:
        self._http = http
        self._method: Method | None = None
        self._tried = False

    async def __call__(self, texts: Sequence[str], model: str) -> list[int]:
        """Tokens of each text."""
        if not self._tried:
            self._method = await self._find(model)
            self._tried = True
        counts = await self._method(self._http, texts, model) if self._method else None
        if counts is None:
            raise EngineError(f"{self._http.errors.service} does not count tokens.", code="no_tokenizer")
        return counts

    async def _find(self, model: str) -> Method | None:
        for method in (llama_server, vllm):
            if await method(self._http, ["ready"], model):
                return method
        return None


async def llama_server(http: RemoteHttp, texts: Sequence[str], model: str) -> list[int] | None:
    """Tokens of each text; None when this is no llama-server."""
    content = [piece for text in texts for piece in (text, SEPARATOR)]
    tokens = await _posted(http, {"content": content, "parse_special": False})
    if not isinstance(tokens, list) or tokens.count(SEPARATOR) != len(texts):
        return None
    ends = [index for index, token in enumerate(tokens) if token == SEPARATOR]
    return [end - start - 1 for start, end in zip([-1, *ends], ends, strict=False)]


async def vllm(http: RemoteHttp, texts: Sequence[str], model: str) -> list[int] | None:
    """Tokens of each text; None when this is no vLLM server."""
    results: list[object] = [None] * len(texts)
    limit = anyio.CapacityLimiter(MAX_REQUESTS)

    async def tokenize(index: int, text: str) -> None:
        async with limit:
            try:
                results[index] = await _posted(
                    http, {"model": model, "prompt": text, "add_special_tokens": False}
                )
            except EngineError as error:
                results[index] = error

    async with anyio.create_task_group() as tasks:
        for index, text in enumerate(texts):
            tasks.start_soon(tokenize, index, text)
    for result in results:
        if isinstance(result, EngineError):
            raise result
    counts = [len(result) for result in results if isinstance(result, list)]
    return counts if len(counts) == len(texts) else None


async def _posted(http: RemoteHttp, body: dict[str, object]) -> object:
    """The answer's `tokens`; None when the server knows no such call."""
    url = http.url.copy_with(path=http.url.path.rstrip("/").removesuffix("/v1") + "/tokenize")
    try:
        answer = await http.ask("POST", str(url), TIMEOUT_S, json=body)
    except EngineError as error:
        if error.code in NO_TOKENIZER_CODES:
            return None
        raise
    return answer.get("tokens") if isinstance(answer, dict) else None
