"""The HTTP connection to a remote provider: kept connections, plain errors, no key in any message."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Self

import anyio
import httpx

from ...core.errors import BadInput
from .body import Body
from .errors import ServiceErrors

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 20.0
"""How long a provider may show no sign of life."""
KEEP_IDLE_S = 50.0
"""How long an idle connection is kept for the next request: less than the 60 s or 75 s after which the
usual front ends (AWS, nginx) close theirs, so that a request seldom meets a connection being closed."""
MAX_IDLE_CONNECTIONS = 64
MAX_JSON_BYTES = 8 << 20
"""Of an answer that is decoded as a whole: about a minute of speech, or 64 embeddings of 3,072 numbers."""
REPEATABLE = ("GET", "HEAD")
"""Methods that may be sent again when nobody knows whether the server has seen the first request."""


class RemoteHttp:
    """Enter before use. Paths are relative to `base_url`.

    `port`, `setting`, `secret` and `errors` are those of `ServiceErrors`; the secret must be in `headers`
    too. Without `keep_alive` every request has a connection of its own.

    Raises `EngineError` with code `{port}_unreachable`, `_auth` (401, 403), `_quota` (402), `_limit` (429),
    `_request` (other 4xx), `_failed` (5xx), `_timeout`, `_stream_broken` or `_malformed`.

    HTTP/1.1 on purpose: httpx never resets an HTTP/2 stream, so that a cancelled answer would go on
    at the provider, and a cancelled write spoils the connection for everybody on it.
    """

    def __init__(
        self,
        port: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        setting: str,
        secret: str = "",
        auth: tuple[str, str] | None = None,
        keep_alive: bool = True,
        **errors: Any,
    ) -> None:
        self.url = checked_url(base_url)
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            # httpx would show the whole value in its error
            message = f"{setting} has characters that no key has: copy it again."
            raise BadInput(message, code="bad_setting")
        self.errors = ServiceErrors(port, self.url, setting, secret, **errors)
        self._headers, self._auth = {"Accept-Encoding": "identity", **headers}, auth
        self._max_idle = MAX_IDLE_CONNECTIONS if keep_alive else 0
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=self._headers,
            auth=self._auth,
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),  # cancel scopes bound the other waits
            # A kept connection saves a TLS handshake at the next question. httpx opens a new one instead
            # when the server has closed it meanwhile.
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=self._max_idle,
                keepalive_expiry=KEEP_IDLE_S,
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
        self, method: str, path: str, within: float | None = ANSWER_TIMEOUT_S, **request: Any
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
            raise self.errors.timed_out(within or 0.0) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self.errors.unreachable() from error
        except httpx.HTTPError as error:
            raise self.errors.broken() from error

    async def open(
        self, method: str, path: str, within: float | None = ANSWER_TIMEOUT_S, **request: Any
    ) -> Body:
        """A successful answer, to be entered and read piece by piece, each coming `within` seconds."""
        response = await self.exchange(method, path, within, **request)
        if not response.is_success:
            raise self.errors.refused(response)
        return Body(self.errors, response, within)

    async def ask(
        self,
        method: str,
        path: str,
        within: float = ANSWER_TIMEOUT_S,
        max_bytes: int = MAX_JSON_BYTES,
        **request: Any,
    ) -> Any:
        """The decoded JSON of a successful answer, all of which must come `within` seconds."""
        try:
            with anyio.fail_after(within):
                async with await self.open(method, path, None, **request) as body:
                    data = await body.read(max_bytes)
        except TimeoutError as error:
            raise self.errors.timed_out(within) from error
        return self.errors.decoded(data)

    async def _once(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        return await self.client.send(self.client.build_request(method, path, **request), stream=True)


class RemoteEngine:
    """An engine that consists of one connection, and lives as long as that is open."""

    _http: RemoteHttp

    @property
    def local(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(self._http.url.host)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()


def checked_url(text: str, setting: str = "An address") -> httpx.URL:
    """Raises `BadInput`, which names the `setting`, unless `text` is the address of an HTTP server."""
    try:
        url = httpx.URL(text.strip().rstrip("/"))
        if url.scheme in ("http", "https") and url.host:
            return url
        why = ""
    except httpx.InvalidURL as error:
        why = f" ({error})"
    message = f"{setting} must be like https://api.example.com, not {text!r}{why}."
    raise BadInput(message, code="bad_setting")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
