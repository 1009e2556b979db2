"""The connection to an OpenAI-compatible server: address, key, kept connections, plain errors."""

from __future__ import annotations

import ipaddress
from typing import Self

import anyio
import httpx
import orjson

from ..domain.errors import BadInput, EngineError
from .openai_wire import broken, explained, failure, malformed, timed_out

OLLAMA = "http://127.0.0.1:11434/v1"
CONNECT = 5.0
"""Seconds that opening a connection may take."""


class OpenAiHttp:
    """Enter before use. Limits on waiting are the caller's, by cancel scopes; only connecting has its own."""

    def __init__(self, base_url: str, api_key: str) -> None:
        url = _checked(base_url)
        self.url = url.copy_with(userinfo=b"")  # httpx logs addresses as they are
        self._key = api_key
        self._auth = (url.username, url.password) if url.userinfo and not api_key else None
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=headers,
            auth=self._auth,
            timeout=httpx.Timeout(None, connect=CONNECT),
            # Conversations pause: a kept connection saves a TLS handshake at the next question.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=300),
            verify=self.url.scheme == "https",  # without TLS there is no need to load certificates
            trust_env=not _is_loopback(self.url.host),  # no proxy stands between us and ourselves
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        client, self._http = self._client, None
        with anyio.CancelScope(shield=True):
            await client.aclose()

    async def send(
        self, method: str, path: str, content: bytes | None = None, model: str = ""
    ) -> httpx.Response:
        """A successful response, its headers read; the caller reads the body and closes it.

        Raises `EngineError` in plain words for everything else. `model` is for the message only.
        """
        request = self._client.build_request(method, path, content=content)
        try:
            try:
                response = await self._client.send(request, stream=True)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # A kept connection that the server closed just now; once more, on a new one.
                response = await self._client.send(request, stream=True)
            if response.is_success:
                return response
            try:
                await response.aread()
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EngineError(
                f"No language model server answers at {self.url}. Start one (`ollama serve`, "
                "`llama-server -m model.gguf` or `vllm serve MODEL`) or set NEXUS_LLM__BASE_URL.",
                code="llm_unreachable",
                retryable=True,
            ) from error
        except httpx.HTTPError as error:
            raise broken() from error
        raise self._refusal(response, model)

    async def models(self, within: float) -> list[str]:
        """Names of the models the server offers; also opens a connection for the next request."""
        with anyio.move_on_after(within):
            response = await self.send("GET", "models")
            try:
                await response.aread()
                return [str(model["id"]) for model in orjson.loads(response.content)["data"]]
            except httpx.HTTPError as error:
                raise broken() from error
            except (ValueError, TypeError, KeyError) as error:
                raise malformed("no list of models") from error
            finally:
                await response.aclose()
        raise timed_out(within, "first_token")

    def _refusal(self, response: httpx.Response, model: str) -> EngineError:
        try:
            detail, _ = explained(orjson.loads(response.content))
        except ValueError:
            detail = response.reason_phrase
        if self._key:
            detail = detail.replace(self._key, "***")
        return failure(response.status_code, detail, model, response.headers.get("retry-after", ""))

    @property
    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            raise RuntimeError("an engine must be entered before use (async with)")
        return self._http


def _checked(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url.strip().rstrip("/").removesuffix("/chat/completions"))
    except httpx.InvalidURL as error:
        raise BadInput(f"NEXUS_LLM__BASE_URL is no address: {error}.", code="bad_setting") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadInput(f"NEXUS_LLM__BASE_URL must be like {OLLAMA}, not {base_url!r}.", code="bad_setting")
    return url if url.path.strip("/") else url.copy_with(path="/v1")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
