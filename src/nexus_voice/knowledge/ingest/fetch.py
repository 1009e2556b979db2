"""Fetches a document from the web: with one GET, as anybody on the internet could send it, within limits.

It sends no cookies and no credentials, and uses no proxy. `guard.py` decides where it may connect to, also
for every redirect. It uses httpcore, because httpx unpacks a compressed piece as a whole, however large that
becomes.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from tempfile import SpooledTemporaryFile

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpcore
import httpx

from ... import __version__
from ...core.errors import BadInput, EngineError
from .guard import Allowed, Guard, Resolve, resolved

MAX_REDIRECTS = 5
REDIRECT_STATUSES = {301, 302, 303, 307, 308}
TEMPORARY_STATUSES = {408, 425, 429, 500, 502, 503, 504}
"""A later try may have another outcome."""
HEADERS = [("User-Agent", f"nexus-voice/{__version__}"), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]
MAX_URL_CHARS = 2_000
"""Browsers and the indexes of databases take no more either."""
MAX_DISPOSITION_CHARS = 1_000
"""Of a Content-Disposition header; Python's parser takes seconds for a longer one."""
MAX_BODY_IN_MEMORY_BYTES = 1 << 20
"""A longer body is kept in a temporary file until it is complete."""
MAX_UNPACKED_STEP_BYTES = 1 << 20
"""Unpacked at a time, since the event loop has others to serve."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url` is where the document was found in the end, and `name` a file name for it. `type` is the
    Content-Type and `fingerprint` the version as the server tells it, each "" if it does not say."""

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
    """Fetch at most `limit` bytes, counted unpacked, `within` so many seconds. `allowed` are hosts and
    networks that may be reached although they are not public.

    Raises `BadInput` with the code `url_bad`, `url_refused`, `url_status` or `too_large`; and `EngineError`
    with `url_unreachable`, `url_status` or `too_slow`, after which a later try may succeed.
    """
    at = target(url)
    guard = Guard(Allowed.of(allowed), resolve)
    try:
        with anyio.fail_after(within):
            tls = await anyio.to_thread.run_sync(httpx.create_ssl_context)  # reads files
            async with httpcore.AsyncConnectionPool(tls, network_backend=guard) as pool:
                for _ in range(MAX_REDIRECTS + 1):
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
    raise BadInput(f"{at.host} redirects more than {MAX_REDIRECTS} times.", code="url_status", status=502)


def target(url: str | httpx.URL) -> httpx.URL:
    """The address, without its fragment. Raises `BadInput` if it is no address of the web."""
    if len(str(url)) > MAX_URL_CHARS:
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
    if len(str(found)) > MAX_URL_CHARS:  # a letter of another alphabet becomes six characters
        raise too_long()
    return found


async def once(pool: httpcore.AsyncConnectionPool, url: httpx.URL, limit: int) -> Fetched | httpx.URL:
    """What is there, or the address to which the server redirects."""
    raw = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    with explained(url.host):
        async with pool.stream("GET", raw, headers=HEADERS) as response:
            headers = httpx.Headers(response.headers)
            if response.status in REDIRECT_STATUSES and "location" in headers:
                return moved(url, headers["location"])
            if response.status not in (200, 203):
                raise refusal(response.status, url.host)
            data = await body(response, headers, limit, url.host)
    version = headers.get("etag") or headers.get("last-modified") or ""
    return Fetched(data, headers.get("content-type", ""), name_of(url, headers), str(url), version[:300])


def moved(url: httpx.URL, to: str) -> httpx.URL:
    if len(to) > MAX_URL_CHARS:
        raise too_long()
    try:
        return target(url.join(to))
    except httpx.InvalidURL:
        raise BadInput(f"{url.host} redirects to what is no web address.", code="url_bad") from None


async def body(response: httpcore.Response, headers: httpx.Headers, limit: int, host: str) -> bytes:
    """The body. It is unpacked piece by piece, so that a small one that grows without end is stopped at
    `limit`."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise broken(host, f"packs it as {coding[:40]}, which was not asked for")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limit:
        raise too_large(host, limit)
    received = 0
    gzip = Gzip() if "gzip" in coding else None
    # Growing and copying tens of megabytes in memory would hold the interpreter's lock; a file does not.
    with SpooledTemporaryFile(MAX_BODY_IN_MEMORY_BYTES) as out:
        async for piece in response.aiter_stream():
            received += len(piece)
            while received <= limit and out.tell() <= limit and (piece or (gzip and gzip.more)):
                room = min(MAX_UNPACKED_STEP_BYTES, limit + 1 - out.tell())
                out.write(gzip.unpacked(piece, room) if gzip else piece)
                piece = gzip.rest if gzip else b""
                await anyio.lowlevel.checkpoint()
            if max(received, out.tell()) > limit:
                raise too_large(host, limit)
        if gzip and received and not gzip.whole:
            raise broken(host, "broke off in the middle")
        out.seek(0)
        return await anyio.to_thread.run_sync(out.read)


class Gzip:
    """Unpacks some bytes at a time. `rest` is what it has not looked at. `more` is True if it could give more
    without new data, and `whole` if the file has ended where it should."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.rest, self.more = b"", False

    def unpacked(self, data: bytes, most: int) -> bytes:
        if self.whole:
            self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)  # a file may consist of several in a row
        out = self._member.decompress(data, most)
        self.rest = self._member.unconsumed_tail or self._member.unused_data
        self.more = len(out) == most and not self.whole
        return out

    @property
    def whole(self) -> bool:
        return self._member.eof


def name_of(url: httpx.URL, headers: httpx.Headers) -> str:
    """The file name that the server gives, else the last part of the address; without folders."""
    message = Message()
    message["content-disposition"] = headers.get("content-disposition", "")[:MAX_DISPOSITION_CHARS]
    name = message.get_filename() or url.path.rstrip("/") or url.host
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable())[:200] or url.host


@contextmanager
def explained(host: str) -> Iterator[None]:
    """Turns the errors of the network into ours."""
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
    return BadInput(f"The address is longer than {MAX_URL_CHARS:,} characters.", code="url_bad")


def broken(host: str, what: str) -> EngineError:
    return EngineError(f"{host} {what}. Try again later.", code="url_unreachable", retryable=True)


def too_large(host: str, limit: int) -> BadInput:
    message = f"What {host} sends is larger than {limit:,} bytes."
    return BadInput(message, code="too_large", status=413)


def refusal(status: int, host: str) -> BadInput | EngineError:
    if status in TEMPORARY_STATUSES:
        message = f"{host} cannot answer now (HTTP {status}). Try again later."
        return EngineError(message, code="url_status", retryable=True)
    why = {401: "wants a login", 403: "refuses it", 404: "does not have this page", 410: "has removed it"}
    message = f"{host} {why.get(status, 'answers with no document')} (HTTP {status})."
    return BadInput(message, code="url_status", status=502)
