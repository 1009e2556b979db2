"""Documents from the web: real servers on loopback, and every way inside that must stay shut."""

from __future__ import annotations

import gzip
import ipaddress
import itertools
import socket
import ssl
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.core.errors import BadInput, EngineError, NexusError
from nexus_voice.knowledge.ingest.fetch import Fetched, fetch
from nexus_voice.knowledge.ingest.guard import Allowed, Resolve, public
from openai_server import Reply, Request
from vendors.loopback import Vendor

pytestmark = [
    pytest.mark.anyio,
    # httpcore leaves its body's generators to the collector when a response is left half-read; trio minds.
    pytest.mark.filterwarnings(
        "ignore:.*(_receive_response_body|__aiter__|aiter_stream):pytest.PytestUnraisableExceptionWarning"
    ),
]
HERE = ["127.0.0.0/8", "::1"]
HTML = "text/html; charset=utf-8"


def page(text: str = "<h1>Tea</h1>", status: int = 200, **headers: str) -> Reply:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply([text.encode()], status, HTML, named)


def usual(request: Request) -> Reply:
    return page(request.path)


@pytest.fixture(autouse=True, scope="module")
def _few_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trusts one unused certificate, because each fetch would load over a hundred authorities for 60 ms."""
    _, certificate = signed("unused.test")
    trusted = tmp_path_factory.mktemp("authorities") / "trusted.pem"
    trusted.write_bytes(certificate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        yield


@asynccontextmanager
async def serving(host: str = "127.0.0.1") -> AsyncIterator[Vendor]:
    server = Vendor(usual)
    listener = await anyio.create_tcp_listener(local_host=host)
    port = listener.extra(SocketAttribute.local_port)
    server.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()


@pytest.fixture
async def server() -> AsyncIterator[Vendor]:
    async with serving() as server:
        yield server


async def code_of(url: str, allowed: Sequence[str] = HERE, **options: object) -> str:
    with pytest.raises(NexusError) as caught:
        await fetch(url, allowed=allowed, **options)  # type: ignore[arg-type]
    assert caught.value.message.endswith(".")
    return caught.value.code


def answering(*answers: list[str]) -> tuple[Resolve, list[str]]:
    """A resolver that gives another answer each time, and the names it was asked."""
    left, asked = iter(answers), list[str]()

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(left)

    return resolve, asked


async def test_a_page_comes_with_its_type_name_and_version(server: Vendor) -> None:
    server.replies += [
        page(ETag='"7a"', Last_Modified="Mon, 02 Nov 2026 10:00:00 GMT"),
        page(Last_Modified="Mon, 02 Nov 2026 10:00:00 GMT"),
        page(Content_Disposition="attachment; filename*=UTF-8''T%C3%A9.pdf"),
    ]
    url = f"{server.url}/a/green%20tea.html"
    assert await fetch(f" {url}#top", allowed=HERE) == Fetched(
        b"<h1>Tea</h1>", HTML, "green tea.html", url, '"7a"'
    )
    assert (await fetch(url, allowed=HERE)).fingerprint == "Mon, 02 Nov 2026 10:00:00 GMT"
    assert (await fetch(server.url, allowed=HERE)).name == "Té.pdf"
    assert (await fetch(server.url, allowed=HERE)).name == "127.0.0.1"
    sent = server.requests[0].headers
    assert sent["user-agent"].startswith("nexus-voice/")
    assert not sent.keys() & {"cookie", "authorization", "referer", "proxy-authorization"}


async def test_ipv6_works_and_is_guarded() -> None:
    async with serving("::1") as server:
        assert (await fetch(f"{server.url}/x", allowed=["::1"])).data == b"/x"
        assert await code_of(f"{server.url}/x", allowed=[]) == "url_refused"
        assert server.connections == 1


async def test_the_next_address_is_tried_when_one_does_not_answer(server: Vendor) -> None:
    port = server.url.rpartition(":")[2]
    resolve, asked = answering(["::1", "127.0.0.1"])
    found = await fetch(f"http://docs.test:{port}/", allowed=["docs.test"], resolve=resolve)
    assert found.data == b"/"
    assert asked == ["docs.test"]


@pytest.mark.parametrize(
    "url",
    [
        "", "tea", "ftp://example.org/a", "file:///etc/passwd", "http:///a", "https://user:pass@example.org/",
        "http://@h@x/", "javascript:alert(1)", "http://exam\tple.org", "http://[::1", "//example.org/a",
        f"https://example.org/{'é' * 60_000}",
        f"https://example.org/{'é' * 600}",
    ],
)  # fmt: skip
async def test_what_is_no_web_address_is_not_asked_for(url: str) -> None:
    resolve, asked = answering()
    assert await code_of(url, resolve=resolve) == "url_bad"
    assert not asked


async def test_nothing_inside_is_connected_to(server: Vendor) -> None:
    for address in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "017700000001", "127.1", "0", "[::]"):
        url = server.url.replace("127.0.0.1", address)
        assert await code_of(url, allowed=[]) in ("url_refused", "url_unreachable"), url
    assert await code_of("http://169.254.169.254/latest/meta-data/", allowed=HERE) == "url_refused"
    assert server.connections == 0


async def test_one_address_inside_is_enough_to_refuse_a_host(server: Vendor) -> None:
    resolve, _ = answering(["93.184.215.14", "10.0.0.7"])
    assert await code_of("http://rebind.test/", allowed=[], resolve=resolve) == "url_refused"


async def test_a_name_is_asked_for_once_and_that_answer_is_connected_to(server: Vendor) -> None:
    port = server.url.rpartition(":")[2]
    resolve, asked = answering(["127.0.0.1"], ["10.0.0.7"])
    url = f"http://rebind.test:{port}/"
    assert (await fetch(url, allowed=["127.0.0.1"], resolve=resolve)).data == b"/"
    assert asked == ["rebind.test"]
    # a redirect asks again, and is checked again
    resolve, asked = answering(["127.0.0.1"], ["10.0.0.7"])
    server.replies.append(Reply([], 302, headers={"Location": url}, end="close"))
    assert await code_of(url, allowed=["127.0.0.1"], resolve=resolve) == "url_refused"
    assert asked == ["rebind.test", "rebind.test"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(server: Vendor, status: int) -> None:
    server.replies += [page(status=status, Location="/there"), page(status=status, Location="../b?q=1")]
    found = await fetch(f"{server.url}/a", allowed=HERE)
    assert (found.data, found.url) == (b"/b?q=1", f"{server.url}/b?q=1")


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("http://10.0.0.1/", "url_refused"),
        ("http://169.254.169.254/latest/meta-data", "url_refused"),
        ("//192.168.1.1/", "url_refused"),
        ("http://[::ffff:10.0.0.1]/", "url_refused"),
        ("http://a:b@127.0.0.1/", "url_bad"),
        ("file:///etc/passwd", "url_bad"),
        ("http://[::1", "url_bad"),
    ],
)
async def test_a_redirect_leads_nowhere_that_an_address_may_not(server: Vendor, to: str, code: str) -> None:
    server.replies.append(page(status=302, Location=to))
    assert await code_of(server.url) == code


async def test_redirects_end(server: Vendor) -> None:
    server.replies += [page(status=302, Location=f"/{i}") for i in range(6)]
    assert await code_of(server.url) == "url_status"
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("status", "passing"), [(204, False), (304, False), (401, False), (404, False), (429, True), (503, True)]
)
async def test_a_page_that_is_not_there_is_an_error(server: Vendor, status: int, passing: bool) -> None:
    server.replies.append(page(status=status))
    with pytest.raises(NexusError, match=str(status)) as caught:
        await fetch(server.url, allowed=HERE)
    assert caught.value.code == "url_status"
    assert isinstance(caught.value, EngineError if passing else BadInput)


async def test_a_body_stops_at_the_limit(server: Vendor) -> None:
    server.replies += [
        Reply([b"x" * 1_000]),
        Reply([b"x" * 1_001]),
        Reply(itertools.repeat(b"x" * 100)),  # type: ignore[arg-type]
        Reply([b""], headers={"Content-Encoding": "gzip"}),
    ]
    assert len((await fetch(server.url, limit=1_000, allowed=HERE)).data) == 1_000
    for _ in range(2):
        assert await code_of(server.url, limit=1_000) == "too_large"
    assert (await fetch(server.url, allowed=HERE)).data == b""


async def test_packed_bodies_are_unpacked_within_the_limit(server: Vendor) -> None:
    packed = {"Content-Encoding": "gzip"}
    text = bytes(range(256)) * 20_000
    whole = gzip.compress(text)
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    many = bomb.compress(bytes(20_000_000)) + bomb.flush()
    assert len(many) < 100_000
    server.replies += [
        Reply([whole[i : i + 999] for i in range(0, len(whole), 999)], headers=packed),
        Reply([gzip.compress(b"one ") + gzip.compress(b"two")], headers=packed),
        Reply([gzip.compress(bytes(5_000_000))], headers=packed),
        Reply([many], headers=packed),
        Reply(itertools.repeat(gzip.compress(b"") * 500), headers=packed),  # type: ignore[arg-type]
    ]
    assert (await fetch(server.url, allowed=HERE)).data == text
    assert (await fetch(server.url, allowed=HERE)).data == b"one two"
    assert (await fetch(server.url, limit=5_000_000, allowed=HERE)).data == bytes(5_000_000)
    assert await code_of(server.url, limit=10_000_000) == "too_large"
    assert await code_of(server.url, limit=100_000) == "too_large"


async def test_a_body_that_breaks_off_is_an_error(server: Vendor) -> None:
    server.replies += [
        Reply([b"half"], end="cut"),
        Reply([gzip.compress(b"x" * 1_000)[:-9]], headers={"Content-Encoding": "gzip"}),
        Reply([b"not gzip"], headers={"Content-Encoding": "gzip"}),
        Reply([b"x"], headers={"Content-Encoding": "br"}),
    ]
    for _ in range(4):
        assert await code_of(server.url) == "url_unreachable"


@pytest.mark.parametrize("silent", ["headers", "body"])
async def test_a_server_that_says_nothing_is_given_up(server: Vendor, silent: str) -> None:
    never = anyio.Event()
    server.replies.append(Reply([b"x", never], before=never if silent == "headers" else None))
    assert await code_of(server.url, within=0.2) == "too_slow"


async def test_nobody_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert await code_of(f"http://127.0.0.1:{port}/") == "url_unreachable"

    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    assert await code_of("http://nowhere.test/", resolve=nowhere) == "url_unreachable"


async def test_proxies_of_the_environment_are_not_used(
    server: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await fetch(f"{server.url}/x", allowed=HERE)).data == b"/x"


async def test_public_hosts_are_fetched_on_the_ports_of_the_web_alone() -> None:
    resolve, _ = answering(["93.184.215.14"], ["127.0.0.1"])
    assert await code_of("http://example.test:25/", allowed=[], resolve=resolve) == "url_refused"


def test_what_is_permitted_is_read_from_hosts_and_networks() -> None:
    allowed = Allowed.of(["Wiki.example.org", "10.0.0.0/8", " fd00::1 ", "bücher.example"])
    assert allowed.host("wiki.EXAMPLE.org.")
    assert allowed.host("xn--bcher-kva.example")
    assert not allowed.host("evil.wiki.example.org")
    assert [allowed.address(ipaddress.ip_address(one)) for one in ("10.9.8.7", "fd00::1", "11.0.0.1")] == [
        True,
        True,
        False,
    ]
    for wrong in ("10.0.0.0/40", "http://wiki", "wiki:8080", "", "two words", "[::1]"):
        with pytest.raises(BadInput, match="host"):
            Allowed.of([wrong])


# TLS


def signed(host: str) -> tuple[bytes, bytes]:
    """A key, and a certificate for `host` that is signed with it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string(f"CN={host}")
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's side, for docs.test, and the certificate that a client must trust for it."""
    private, certificate = signed("docs.test")
    folder = tmp_path_factory.mktemp("tls")
    trusted, whole = folder / "trusted.pem", folder / "whole.pem"
    trusted.write_bytes(certificate)
    whole.write_bytes(private + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(whole)
    return context, trusted


class Secure(ThreadingHTTPServer):
    """Says every path back, over TLS; `names` are those that clients said in their greeting."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.names: list[str | None] = []
        tls.sni_callback = lambda _, name, __: self.names.append(name)
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """Clients may turn away from the certificate."""


class Echo(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())


@pytest.fixture
def secure(tls: tuple[ssl.SSLContext, Path]) -> Iterator[Secure]:
    with Secure(tls[0]) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(
    secure: Secure, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    resolve, _ = answering(["127.0.0.1"], ["127.0.0.1"])
    found = await fetch(f"https://docs.test:{secure.server_port}/x", allowed=HERE, resolve=resolve)
    assert found.data == b"/x"
    assert secure.names == ["docs.test"]
    with pytest.raises(EngineError, match=r"certificate.*other\.test") as caught:
        await fetch(f"https://other.test:{secure.server_port}/x", allowed=HERE, resolve=resolve)
    assert caught.value.code == "url_unreachable"


async def test_a_certificate_that_nobody_signed_is_an_error(secure: Secure) -> None:
    with pytest.raises(EngineError, match="certificate") as caught:
        await fetch(f"https://127.0.0.1:{secure.server_port}/", allowed=HERE)
    assert caught.value.code == "url_unreachable"
    assert await code_of(f"http://127.0.0.1:{secure.server_port}/") == "url_unreachable"


# Spellings of addresses

INSIDE = st.sampled_from(
    [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "0.0.0.0/8", "169.254.0.0/16",
        "100.64.0.0/10", "198.18.0.0/15", "224.0.0.0/3",
    ]
).map(ipaddress.IPv4Network).flatmap(lambda net: st.integers(int(net[0]), int(net[-1])))  # fmt: skip
NUMBER = st.sampled_from([str, hex, lambda n: f"0{n:o}", lambda n: f"0X{n:08X}"])


@st.composite
def spelt(draw: Callable[[st.SearchStrategy[object]], object]) -> str:
    """An address inside, as inet_aton or IPv6 may spell it."""
    value: int = draw(INSIDE)  # type: ignore[assignment]
    parts = draw(st.integers(1, 6))
    if parts == 5:
        prefix = draw(st.sampled_from([0xFFFF << 32, 0x64FF9B << 96, 0]))
        return f"[{ipaddress.IPv6Address(prefix | value)}]"  # type: ignore[operator]
    if parts == 6:
        return f"[{ipaddress.IPv6Address((0x2002 << 112) | (value << 80) | 1)}]"
    octets = [value >> 24 & 255, value >> 16 & 255, value >> 8 & 255][: parts - 1]  # type: ignore[operator]
    rest = value & (1 << 8 * (5 - parts)) - 1  # type: ignore[operator]
    return ".".join(draw(NUMBER)(number) for number in [*octets, rest])  # type: ignore[operator]


@given(spelt(), st.sampled_from(["http", "https"]), st.sampled_from(["", ":80", ":443", ":8080"]))
def test_no_spelling_of_an_address_inside_is_reached(host: str, scheme: str, port: str) -> None:
    async def asked() -> str:
        return await code_of(f"{scheme}://{host}{port}/", allowed=[])

    assert anyio.run(asked) in ("url_refused", "url_bad"), host


@given(st.text(max_size=60) | st.text("htps:/.@[]%0123456789xa#?\\", max_size=30).map("http://".__add__))
def test_no_text_is_an_unexplained_error(text: str) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError

    async def asked() -> str:
        return await code_of(text, allowed=[], resolve=nowhere)

    assert anyio.run(asked) in ("url_bad", "url_unreachable")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.0.0.9",
        "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1",
        "100::1", "2001::1", "2001:db8::1", "2002:a00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12::1",
        "fe80::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert public(ipaddress.ip_address(address))
