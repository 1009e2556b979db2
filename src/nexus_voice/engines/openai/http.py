"""The connection to an OpenAI-compatible server: its address completed, its models, plain errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import httpx

from ...core.errors import BadInput, EngineError
from ..http.client import RemoteHttp
from .tokens import OpenAiTokens
from .wire import failure

OLLAMA = "http://127.0.0.1:11434/v1"
_LLM_HINT = "Start one (`ollama serve`, `llama-server -m model.gguf` or `vllm serve MODEL`) or set {}."


def connection(what: str, base_url: str, api_key: str) -> RemoteHttp:
    """To an OpenAI-compatible server; `what` is the port (see `RemoteHttp`), and names the settings.

    `/v1` is added to an address without a path, and a user and password in it are sent as such.
    Raises `BadInput` for what is no address.
    """
    group = "NEXUS_EMBEDDER" if what == "embed" else f"NEXUS_{what.upper()}"
    url, api_key = _checked(base_url, f"{group}__BASE_URL"), api_key.strip()
    hint = _LLM_HINT if what == "llm" else "Start one that is OpenAI-compatible, or set {}."
    return RemoteHttp(
        what,
        str(url.copy_with(userinfo=b"")),  # httpx logs addresses as they are
        {"Authorization": f"Bearer {api_key}"} if api_key else {},
        setting=f"{group}__API_KEY",
        secret=api_key,
        hint=hint.format(f"{group}__BASE_URL"),
        auth=(url.username, url.password) if url.userinfo and not api_key else None,
    )


async def models(http: RemoteHttp, within: float) -> list[str]:
    """Names of the models the server offers; also opens a connection for the next request."""
    listed = await http.ask("GET", "models", within)
    try:
        return [str(model["id"]) for model in listed["data"]]
    except (TypeError, KeyError) as error:
        raise http.malformed("no list of models") from error


async def likely_model(http: RemoteHttp, within: float, words: Sequence[str], default: str) -> str:
    """The server's only model, or the first that has one of `words` in its name, or `default`.

    The last also for a server that lists none. Raises `EngineError` when it refuses the key or is mute.
    """
    try:
        listed = await models(http, within)
    except EngineError as error:
        if error.code not in (f"{http.what}_request", f"{http.what}_malformed"):
            raise
        return default
    if len(listed) == 1:
        return listed[0]
    return next((name for name in listed if any(word in name.lower() for word in words)), default)


class OpenAiHttp:
    """For chat. Enter before use. Limits on waiting are the caller's, by cancel scopes."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = connection("llm", base_url, api_key)
        self.url = self._http.url
        self.tokens = OpenAiTokens(self._http)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def send(
        self, method: str, path: str, content: bytes | None = None, model: str = ""
    ) -> httpx.Response:
        """A successful response, its headers read; the caller reads the body and closes it.

        Raises `EngineError` in plain words for everything else. `model` is for the message only.
        """
        json = {"Content-Type": "application/json"}
        response = await self._http.exchange(method, path, None, content=content, headers=json)
        if response.is_success:
            return response
        after = response.headers.get("retry-after", "")
        raise failure(response.status_code, self._http.detail(response), model, after)

    async def models(self, within: float) -> list[str]:
        return await models(self._http, within)


def _checked(base_url: str, setting: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url.strip().rstrip("/").removesuffix("/chat/completions"))
    except httpx.InvalidURL as error:
        raise BadInput(f"{setting} is no address: {error}.", code="bad_setting") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadInput(f"{setting} must be like {OLLAMA}, not {base_url!r}.", code="bad_setting")
    return url if url.path.strip("/") else url.copy_with(path="/v1")
