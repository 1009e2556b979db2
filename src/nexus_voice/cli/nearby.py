"""Finds the server to talk to: the one that is named, the one that runs here, or one started just now."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from ..core.errors import EngineError, NexusError
from ..settings import Settings

START_TIMEOUT_S = 60.0
"""How long a server that we started may take to answer."""
LOADING_TIMEOUT_S = 120.0
"""How long a server's engines may take to load. The very first start converts a model."""
LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}
ALL_INTERFACES = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not bound


def address(host: str, port: int) -> str:
    """The URL to open in a browser on this machine."""
    host = "127.0.0.1" if host in ALL_INTERFACES else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class NoServer(NexusError):
    code = "no_server"
    status = 503


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address: `http` without a slash at its end, `socket` with its path."""

    http: str
    socket: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Read `http://host:port`, `ws://host:port/ws/voice`, `host:port` and the like."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
            raise NoServer(f"{url!r} is no address of a server. Try http://127.0.0.1:8080.", code="bad_url")
        secure = "s" if parts.scheme in ("https", "wss") else ""
        path = parts.path.rstrip("/")
        socket = path if parts.scheme in ("ws", "wss") and path else "/ws/voice"
        base = path if parts.scheme in ("http", "https") else ""
        return cls(
            f"http{secure}://{parts.netloc}{base}",
            f"ws{secure}://{parts.netloc}{base}{socket}",
        )

    @property
    def local(self) -> bool:
        return urlsplit(self.http).hostname in LOCAL_HOSTS


def get(url: str, timeout: float = 5.0) -> Any:
    """Get JSON from a server, whatever the status. Raises `OSError` or `ValueError`."""
    opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in LOCAL_HOSTS else build_opener()
    try:
        with opener.open(url, timeout=timeout) as response:
            return json.load(response)
    except HTTPError as error:
        with error:
            return json.load(error)


def answers(server: Address, timeout: float = 2.0) -> bool:
    """Whether a Nexus Voice server answers there."""
    try:
        body = get(f"{server.http}/healthz", timeout)
    except (OSError, ValueError):
        return False
    return isinstance(body, dict) and body.get("status") == "ok" and "version" in body


@contextmanager
def server(url: str, settings: Settings, say: Callable[[str], None]) -> Iterator[Address]:
    """The server at `url`, or without one the server that the settings describe, started if necessary."""
    if url:
        named = Address.of(url)
        if not answers(named, 10.0):
            raise NoServer(f"No Nexus Voice answers at {named.http}. Start one with: nexus-voice serve")
        yield warm(named, say)
        return
    usual = Address.of(address(settings.server.host, settings.server.port))
    if settings.server.port and answers(usual):
        yield warm(usual, say)
        return
    say("No server is running here: starting one for this question")
    with started() as own:
        yield warm(own, say)


def warm(server: Address, say: Callable[[str], None]) -> Address:
    """Wait until no part of the server is loading any more."""
    give_up = time.monotonic() + LOADING_TIMEOUT_S
    while time.monotonic() < give_up:
        try:
            parts: dict[str, str] = get(f"{server.http}/readyz").get("parts", {})
        except (OSError, ValueError, AttributeError):
            raise NoServer(f"The server at {server.http} has stopped answering.") from None
        loading = sorted(name for name, status in parts.items() if status == "warming")
        if not loading:
            return server
        say(f"Loading {', '.join(loading)}")
        time.sleep(0.1)
    raise EngineError(
        f"The server's engines are not loaded after {LOADING_TIMEOUT_S:.0f} s: {', '.join(loading)}."
    )


@contextmanager
def started() -> Iterator[Address]:
    """Start a server on a free port. It ends with the block, and with this process."""
    command = [sys.executable, "-m", "nexus_voice", "serve", "--child", "--host", "127.0.0.1", "--port", "0"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; the child ends when we close its input
        )
        with process:
            try:
                url = _first_line(process)
                if not url:
                    log.seek(0)
                    lines = log.read().decode(errors="replace").strip().splitlines()
                    raise NoServer(
                        "The server did not start: " + (lines[-1] if lines else "it said nothing.")
                    )
                yield Address.of(url)
            finally:
                _stop(process)


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline().decode().strip() if selector.select(START_TIMEOUT_S) else ""


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.close()
    for end in (process.terminate, process.kill):
        try:
            process.wait(5)
            return
        except subprocess.TimeoutExpired:
            end()
