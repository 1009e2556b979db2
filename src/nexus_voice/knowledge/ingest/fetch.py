"""A document from the web: one GET, as anybody on the internet could make it, within limits.

No cookies, no proxy, no credentials go along; where it may lead is `guard.py`'s to say, also for every
redirect. httpcore rather than httpx, which unpacks a compressed piece whole, however large it becomes.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from io import BytesIO

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpcore
import httpx

from ... import __version__
from ...core.errors import BadInput, EngineError
from .guard import Allowed, Guard, Resolve, resolved

REDIRECTS = 5
"""Most that are followed."""
MOVED = {301, 302, 303, 307, 308}
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that a later try may not meet again."""
HEADERS = [("User-Agent", f"nexus-voice/{__version__}"), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]
MAX_URL = 2_000
"""Characters; browsers and databases' indexes take no more either."""
MAX_DISPOSITION = 1_000
"""Characters of a Content-Disposition header that are read: longer ones take Python's parser seconds."""
STEP = 1 << 20
"""Bytes unpacked at a time: the event loop has others to serve."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url` is where it was found in the end; `type` the Content-Type, `name` a file's name for it,
    `fingerprint` the version as the server tells it, each "" when the server says nothing."""

    data: bytes
    type: str
    name: str
    url: str
    fingerprint: str


async def fetch(
    url: str,
    *,
    limit: int = 50_000_000,
    within: float = 30,
    allowed: Sequence[str] = (),
    resolve: Resolve = resolved,
) -> Fetched:
    """At most `limit` bytes, unpacked, within so many seconds. `allowed` are hosts and networks that may
    be reached although they are not public.

    Raises `BadInput` with code `url_bad`, `url_refused`, `url_status` or `too_large`, and `EngineError`,
    which a later try may not meet again, with `url_unreachable`, `url_status` or `too_slow`.
    """
    at = target(url)
    guard = Guard(Allowed.of(allowed), resolve)
    try:
        with anyio.fail_after(within):
            tls = await anyio.to_thread.run_sync(httpx.create_ssl_context)  # reads files
            async with httpcore.AsyncConnectionPool(tls, network_backend=guard) as pool:
                for _ in range(REDIRECTS + 1):
                    found = await once(pool, at, limit)
                    if isinstance(found, Fetched):
                        return found
                    at = found
    except TimeoutError:
        raise EngineError(
            f"{at.host} takes longer than {within:g} s. Try again later.",
            code="too_slow",
            status=504,
            retryable=True,
        ) from None
    raise BadInput(f"{at.host} redirects more than {REDIRECTS} times.", code="url_status", status=502)


def target(url: str | httpx.URL) -> httpx.URL:
    """The address, if it is one of the web. Raises `BadInput`."""
    if len(str(url)) > MAX_URL:
        raise too_long()
    try:
        found = httpx.URL(url.strip() if isinstance(url, str) else url)
    except httpx.InvalidURL as error:
        raise BadInput(f"{str(url)[:200]!r} is no web address: {error}.", code="url_bad") from None
    if found.scheme not in ("http", "https") or not found.host:
        raise BadInput(
            f"{str(url)[:200]!r} is no web address. Write it like https://example.org/page.", code="url_bad"
        )
    if found.userinfo:
        raise BadInput("A web address with a name or a password in it is not fetched.", code="url_bad")
    found = found.copy_with(fragment=None)
    if len(str(found)) > MAX_URL:  # a letter of another alphabet is written with six
        raise too_long()
    return found


async def once(pool: httpcore.AsyncConnectionPool, url: httpx.URL, limit: int) -> Fetched | httpx.URL:
    """What is there, or where it has gone."""
    raw = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    with explained(url.host):
        async with pool.stream("GET", raw, headers=HEADERS) as response:
            headers = httpx.Headers(response.headers)
            if response.status in MOVED and "location" in headers:
                return moved(url, headers["location"])
            if response.status not in (200, 203):
                raise refusal(response.status, url.host)
            data = await body(response, headers, limit, url.host)
    version = headers.get("etag") or headers.get("last-modified") or ""
    return Fetched(data, headers.get("content-type", ""), name_of(url, headers), str(url), version[:300])


def moved(url: httpx.URL, to: str) -> httpx.URL:
    if len(to) > MAX_URL:
        raise too_long()
    try:
        return target(url.join(to))
    except httpx.InvalidURL:
        raise BadInput(f"{url.host} redirects to what is no web address.", code="url_bad") from None


async def body(response: httpcore.Response, headers: httpx.Headers, limit: int, host: str) -> bytes:
    """Unpacked as it comes, so that a small body that grows without end is stopped at `limit`."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise broken(host, f"packs it as {coding[:40]}, which was not asked for")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limit:
        raise too_large(host, limit)
    out, received = BytesIO(), 0  # gives its bytes away without copying them
    gzip = Gzip() if "gzip" in coding else None
    async for piece in response.aiter_stream():
        received += len(piece)
        while received <= limit and out.tell() <= limit and (piece or (gzip and gzip.more)):
            out.write(gzip.unpacked(piece, min(STEP, limit + 1 - out.tell())) if gzip else piece)
            piece = gzip.rest if gzip else b""
            await anyio.lowlevel.checkpoint()
        if max(received, out.tell()) > limit:
            raise too_large(host, limit)
    if gzip and received and not gzip.whole:
        raise broken(host, "broke off in the middle")
    return out.getvalue()


class Gzip:
    """Unpacks so many bytes at a time. `rest` is what it did not look at, `more` says that it holds some
    back, `whole` that the file ended where it should."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.rest, self.more = b"", False

    def unpacked(self, data: bytes, most: int) -> bytes:
        if self.whole:
            self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)  # a file may be several in a row
        out = self._member.decompress(data, most)
        self.rest = self._member.unconsumed_tail or self._member.unused_data
        self.more = len(out) == most and not self.whole
        return out

    @property
    def whole(self) -> bool:
        return self._member.eof


def name_of(url: httpx.URL, headers: httpx.Headers) -> str:
    """As the server calls the file, else the last part of the address; without folders."""
    message = Message()
    message["content-disposition"] = headers.get("content-disposition", "")[:MAX_DISPOSITION]
    name = message.get_filename() or url.path.rstrip("/") or url.host
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable())[:200] or url.host


@contextmanager
def explained(host: str) -> Iterator[None]:
    """The network's errors in plain words."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise broken(
                host, f"shows a certificate that cannot be trusted ({cause.verify_message})"
            ) from error
        if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
            raise broken(host, "cannot be reached") from error
        raise broken(host, "broke off in the middle") from error
    except zlib.error as error:
        raise broken(host, "sends what cannot be unpacked") from error


def too_long() -> BadInput:
    return BadInput(f"The address is longer than {MAX_URL:,} characters.", code="url_bad")


def broken(host: str, what: str) -> EngineError:
    return EngineError(f"{host} {what}. Try again later.", code="url_unreachable", retryable=True)


def too_large(host: str, limit: int) -> BadInput:
    message = f"What {host} sends is larger than {limit:,} bytes."
    return BadInput(message, code="too_large", status=413)


def refusal(status: int, host: str) -> BadInput | EngineError:
    if status in PASSING:
        message = f"{host} cannot answer now (HTTP {status}). Try again later."
        return EngineError(message, code="url_status", retryable=True)
    why = {401: "wants a login", 403: "refuses it", 404: "does not have this page", 410: "has removed it"}
    message = f"{host} {why.get(status, 'answers with no document')} (HTTP {status})."
    return BadInput(message, code="url_status", status=502)
