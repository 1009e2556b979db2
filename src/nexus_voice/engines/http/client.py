"""The connection to a remote provider: kept connections, plain errors by status, no key in any message."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import anyio
import httpx
import orjson

from ...core.errors import BadInput, EngineError
from .body import Body
from .errors import NOUNS, explained, failure, unreachable, wait_in

CONNECT = 5.0
"""Seconds that opening a connection may take."""
KEEP_IDLE_S = 50.0
"""Seconds an idle connection is kept for the next request: less than the 60 s or 75 s after which the
usual front ends (AWS, nginx) close theirs, so that a request seldom meets a connection being closed."""
REPEATABLE = ("GET", "HEAD")
"""Methods that may be sent again when nobody knows whether the server has seen the first request."""
WITHIN = 20.0
"""Seconds without a sign of life after which a provider is given up."""


class RemoteHttp:
    """Enter before use. Paths are relative to `base_url`.

    `what` is the port, "llm", "stt", "tts", "embed" or "search": the errors' codes begin with it.
    `setting` names the setting that holds the key, `secret` is the key (blanked out of messages; it
    must be in `headers` too), `hint` says what to do when nobody answers.

    Raises `EngineError` with code `{what}_unreachable`, `_auth` (401, 403), `_quota` (402), `_limit`
    (429), `_request` (other 4xx), `_failed` (5xx), `_timeout`, `_stream_broken` or `_malformed`.

    HTTP/1.1 on purpose: httpx never resets an HTTP/2 stream, so that a cancelled answer would go on
    at the provider, and a cancelled write spoils the connection for everybody on it.
    """

    def __init__(
        self,
        what: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        setting: str,
        secret: str = "",
        hint: str = "",
        auth: tuple[str, str] | None = None,
    ) -> None:
        try:
            self.url = httpx.URL(base_url.strip().rstrip("/"))
        except httpx.InvalidURL as error:
            raise BadInput(f"{base_url!r} is no address: {error}.", code="bad_setting") from error
        if self.url.scheme not in ("http", "https") or not self.url.host:
            message = f"An address must be like https://api.example.com, not {base_url!r}."
            raise BadInput(message, code="bad_setting")
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            # httpx would show the whole value in its error
            message = f"{setting} has characters that no key has: copy it again."
            raise BadInput(message, code="bad_setting")
        self.what, self.service = what, f"The {NOUNS.get(what, what)} service at {self.url.host}"
        self._setting, self._secret, self._hint = setting, secret, hint
        self._headers, self._auth = {"Accept-Encoding": "identity", **headers}, auth
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=self._headers,
            auth=self._auth,
            timeout=httpx.Timeout(None, connect=CONNECT),  # other waits are bounded by cancel scopes
            # A kept connection saves a TLS handshake at the next question. httpx opens a new one instead
            # when the server has closed it meanwhile.
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEEP_IDLE_S
            ),
            verify=self.url.scheme == "https",  # without TLS there is no need to load certificates
            trust_env=not is_loopback(self.url.host),  # no proxy stands between us and ourselves
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        client, self._http = self.client, None
        with anyio.CancelScope(shield=True):
            await client.aclose()

    @property
    def client(self) -> httpx.AsyncClient:
        if self._http is None:
            raise RuntimeError("an engine must be entered before use (async with)")
        return self._http

    async def exchange(
        self, method: str, path: str, within: float | None = WITHIN, **request: Any
    ) -> httpx.Response:
        """The response, whatever it says: a success with its body unread, anything else read and closed.

        `request` is httpx's: `params`, `json`, `content`, `headers`, `files`, `data`. The headers must
        come `within` seconds. A POST is sent once: when its connection dies, the provider may have done
        the work, and would bill a second request as well.
        """
        try:
            with anyio.fail_after(within):
                try:
                    response = await self._once(method, path, request)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    # Probably a kept connection that the server closed just now.
                    if method not in REPEATABLE:
                        raise
                    response = await self._once(method, path, request)
                if not (response.is_success or response.status_code == 101):
                    try:
                        await response.aread()
                    finally:
                        await response.aclose()
                return response
        except TimeoutError as error:
            raise self.timed_out(within or 0.0) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(self.what, self.url, self._hint) from error
        except httpx.HTTPError as error:
            raise self.broken() from error

    async def send(
        self, method: str, path: str, within: float | None = WITHIN, **request: Any
    ) -> httpx.Response:
        """A successful response, headers read: the caller reads the body and closes it (or use `stream`)."""
        response = await self.exchange(method, path, within, **request)
        if response.is_success or response.status_code == 101:
            return response
        raise self.refusal(response)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, within: float = WITHIN, **request: Any
    ) -> AsyncIterator[Body]:
        """A successful response's body, to be read piece by piece, each coming `within` seconds.

        Left by an error, a cancellation or the closing of the generator around it, it cuts the
        connection at once; left otherwise, it keeps the connection for the next request.
        """
        body = Body(self, await self.send(method, path, within, **request), within)
        try:
            yield body
        except BaseException:
            await body.close(drain=False)
            raise
        await body.close(drain=True)

    async def ask(self, method: str, path: str, within: float = WITHIN, **request: Any) -> Any:
        """The decoded JSON of a successful answer, all of which must come `within` seconds."""
        try:
            with anyio.fail_after(within):
                async with self.stream(method, path, within, **request) as body:
                    data = await body.read()
        except TimeoutError as error:
            raise self.timed_out(within) from error
        return self.decoded(data)

    def decoded(self, data: bytes) -> Any:
        try:
            return orjson.loads(data)
        except ValueError as error:
            raise self.malformed(data[:80].decode(errors="replace")) from error

    def refusal(self, response: httpx.Response) -> EngineError:
        """What a response that is no success (and is read) means."""
        detail, after = self.detail(response), wait_in(response.headers.get("retry-after", ""))
        return failure(self.what, self.service, response.status_code, detail, after, self._setting)

    def failed(self, status: int, detail: object) -> EngineError:
        """An error that came inside a stream, with the HTTP status that it would have had."""
        return failure(self.what, self.service, status, self.redacted(str(detail)), 0.0, self._setting)

    def detail(self, response: httpx.Response) -> str:
        """The provider's own words about an error."""
        try:
            said = explained(orjson.loads(response.content))
        except ValueError:
            plain = response.headers.get("content-type", "").startswith("text/plain")
            said = " ".join(response.text.split())[:300] if plain else ""
        return self.redacted(said or response.reason_phrase)

    def redacted(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text

    def timed_out(self, seconds: float) -> EngineError:
        message = f"{self.service} said nothing for {seconds:g} s. Try again."
        return EngineError(message, code=f"{self.what}_timeout", status=504, retryable=True)

    def broken(self) -> EngineError:
        message = f"{self.service} stopped in the middle of its answer. Try again."
        return EngineError(message, code=f"{self.what}_stream_broken", retryable=True)

    def malformed(self, what: str) -> EngineError:
        message = f"{self.service} sent something that cannot be read: {self.redacted(what)}"
        return EngineError(message, code=f"{self.what}_malformed", retryable=True)

    async def _once(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        return await self.client.send(self.client.build_request(method, path, **request), stream=True)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
