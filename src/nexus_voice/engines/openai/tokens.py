"""Texts counted by a server's own tokenizer: `POST /tokenize` of llama-server and of vLLM.

It is no part of OpenAI's protocol, and stands beside `/v1`. Whether a server has it is tried once, with
a word of ours: nothing of the user's is sent to a server that could not use it.
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

UNKNOWN = ("llm_request", "llm_model", "llm_auth", "llm_malformed")
"""Codes of errors that mean there is no such call, or not for us."""

Way = Callable[[RemoteHttp, Sequence[str], str], Awaitable[list[int] | None]]


class OpenAiTokens:
    """Raises `EngineError`: `no_tokenizer` where there is none, or what the connection raises."""

    def __init__(self, http: RemoteHttp) -> None:
        self._http = http
        self._way: Way | None = None
        self._tried = False

    async def __call__(self, texts: Sequence[str], model: str) -> list[int]:
        """Tokens of each text."""
        if not self._tried:
            self._way = await self._find(model)
            self._tried = True
        counts = await self._way(self._http, texts, model) if self._way else None
        if counts is None:
            raise EngineError(f"{self._http.errors.service} does not count tokens.", code="no_tokenizer")
        return counts

    async def _find(self, model: str) -> Way | None:
        for way in (llama_server, vllm):
            if await way(self._http, ["ready"], model):
                return way
        return None


async def llama_server(http: RemoteHttp, texts: Sequence[str], model: str) -> list[int] | None:
    content = [piece for text in texts for piece in (text, SEPARATOR)]
    tokens = await _posted(http, {"content": content, "parse_special": False})
    if not isinstance(tokens, list) or tokens.count(SEPARATOR) != len(texts):
        return None
    ends = [place for place, token in enumerate(tokens) if token == SEPARATOR]
    return [end - begin - 1 for begin, end in zip([-1, *ends], ends, strict=False)]


async def vllm(http: RemoteHttp, texts: Sequence[str], model: str) -> list[int] | None:
    found: list[object] = [None] * len(texts)
    limit = anyio.CapacityLimiter(MAX_REQUESTS)

    async def count(place: int, text: str) -> None:
        async with limit:
            try:
                found[place] = await _posted(
                    http, {"model": model, "prompt": text, "add_special_tokens": False}
                )
            except EngineError as error:
                found[place] = error

    async with anyio.create_task_group() as tasks:
        for place, text in enumerate(texts):
            tasks.start_soon(count, place, text)
    for one in found:
        if isinstance(one, EngineError):
            raise one
    counts = [len(one) for one in found if isinstance(one, list)]
    return counts if len(counts) == len(texts) else None


async def _posted(http: RemoteHttp, body: dict[str, object]) -> object:
    """The answer's `tokens`; None when the server knows no such call."""
    url = http.url.copy_with(path=http.url.path.rstrip("/").removesuffix("/v1") + "/tokenize")
    try:
        answer = await http.ask("POST", str(url), TIMEOUT_S, json=body)
    except EngineError as error:
        if error.code in UNKNOWN:
            return None
        raise
    return answer.get("tokens") if isinstance(answer, dict) else None
