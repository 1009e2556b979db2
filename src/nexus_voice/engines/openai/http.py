"""The connection to an OpenAI-compatible server, and the list of its models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.errors import EngineError
from ..http.client import RemoteHttp, checked_url

_LLM_HINT = "Start one (`ollama serve`, `llama-server -m model.gguf` or `vllm serve MODEL`) or set {}."


def connection(port: str, base_url: str, api_key: str, keep_alive: bool = True, **errors: Any) -> RemoteHttp:
    """A connection to an OpenAI-compatible server; `errors` are further arguments of `ServiceErrors`.

    `/v1` is added to an address without a path, and a user and password in it are sent as such.
    Raises `BadInput` for what is no address.
    """
    group = "NEXUS_EMBEDDER" if port == "embed" else f"NEXUS_{port.upper()}"
    url = checked_url(base_url.strip().rstrip("/").removesuffix("/chat/completions"), f"{group}__BASE_URL")
    url = url if url.path.strip("/") else url.copy_with(path="/v1")
    key = api_key.strip()
    hint = _LLM_HINT if port == "llm" else "Start one that is OpenAI-compatible, or set {}."
    return RemoteHttp(
        port,
        str(url.copy_with(userinfo=b"")),  # httpx logs addresses as they are
        {"Authorization": f"Bearer {key}"} if key else {},
        setting=f"{group}__API_KEY",
        secret=key,
        auth=(url.username, url.password) if url.userinfo and not key else None,
        hint=hint.format(f"{group}__BASE_URL"),
        keep_alive=keep_alive,
        **errors,
    )


async def models(http: RemoteHttp, within: float) -> list[str]:
    """Names of the models the server offers; also opens a connection for the next request."""
    listed = await http.ask("GET", "models", within)
    with http.errors.reading("no list of models"):
        return [str(model["id"]) for model in listed["data"]]


async def likely_model(http: RemoteHttp, within: float, words: Sequence[str], default: str) -> str:
    """The server's only model, else the first that has one of `words` in its name, else `default`, which is
    also taken for a server that lists none. Raises `EngineError` when it refuses the key or is silent."""
    try:
        listed = await models(http, within)
    except EngineError as error:
        if not error.code.endswith(("_request", "_malformed")):
            raise
        return default
    if len(listed) == 1:
        return listed[0]
    return next((name for name in listed if any(word in name.lower() for word in words)), default)
