"""A model hub on 127.0.0.1 that speaks the real one's HTTP: `/OWNER/REPO/resolve/REVISION/PATH`.

Small files are answered by the hub itself (ETag: git's name of the blob); large ones are redirected to
a second server, another origin as in life, with their SHA-256 and size on the redirect. Bytes can be
cut off, changed, held back or refused.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from nexus_voice.models.model import Model

LARGE = 100_000
"""Bytes from which a file is kept apart, as with LFS."""


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Hub:
    url: str = ""
    cdn: str = ""
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    """Each further answer of the second server breaks off after so many bytes of its body."""
    changed: set[str] = field(default_factory=set)
    """Paths whose bytes arrive wrong."""
    refusal: tuple[int, str] | None = None
    """Status and X-Error-Code for everything."""
    ranges: bool = True
    plain: bool = False
    """A web server that knows nothing of the hub's headers."""
    held: threading.Event | None = None
    """The second server answers once this is set."""

    def add(self, model: Model, version: int = 1) -> dict[str, bytes]:
        """Give the hub a model of that layout: one large file, the others small."""
        files = self.repos.setdefault(model.repo, {})
        for index, path in enumerate(model.files):
            large = path.endswith((".bin", ".onnx", ".gguf", ".pth"))
            seed = hashlib.sha256(f"{path}{version}".encode()).digest()
            files[path] = seed * (12_000 if large else 20 + index)
        whole = b"".join(files[path] for path in sorted(files))
        self.commits[model.repo] = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        return {path.rpartition("/")[2]: files[path] for path in model.files}

    def fetched(self, name: str) -> list[Request]:
        """The downloads of a large file's bytes."""
        return [one for one in self.requests if one.method == "GET" and one.path == f"/{name}"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def note(self) -> str:
        path = unquote(self.path)
        self.hub.requests.append(
            Request(self.command, path, {key.lower(): value for key, value in self.headers.items()})
        )
        return path

    def say(self, status: int, headers: dict[str, str], body: bytes = b"", cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True

    def answer(self) -> None:
        raise NotImplementedError


class _Pages(_Handler):
    def answer(self) -> None:
        path = self.note()
        repo, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        files, commit = self.hub.repos.get(repo, {}), self.hub.commits.get(repo, "")
        if self.hub.refusal:
            status, code = self.hub.refusal
            self.say(status, {"X-Error-Code": code} if code else {}, b'{"error": "no"}')
        elif revision not in ("main", commit) or name not in files:
            code = "EntryNotFound" if files else "RepoNotFound"
            self.say(404 if files else 401, {"X-Error-Code": code})
        elif self.hub.plain:
            self.say(200, {"ETag": '"5f-61"'}, files[name])
        elif len(files[name]) >= LARGE:
            digest = hashlib.sha256(files[name]).hexdigest()
            linked = {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(files[name]))}
            place = {"Location": f"{self.hub.cdn}/{name.rpartition('/')[2]}", "X-Repo-Commit": commit}
            self.say(302, place | linked)
        else:
            blob = hashlib.sha1(b"blob %d\0" % len(files[name]) + files[name], usedforsecurity=False)
            wrong = files[name].swapcase() if name in self.hub.changed else files[name]
            self.say(200, {"ETag": f'"{blob.hexdigest()}"', "X-Repo-Commit": commit}, wrong)


class _Bytes(_Handler):
    def answer(self) -> None:
        name = self.note().removeprefix("/")
        held = {path: data for files in self.hub.repos.values() for path, data in files.items()}
        path = next(path for path in held if path.rpartition("/")[2] == name)
        data = held[path]
        if path in self.hub.changed:
            data = bytes([data[0] ^ 1]) + data[1:]
        if self.hub.held:
            self.hub.held.wait(20)
        cut = self.hub.cuts.pop(0) if self.hub.cuts else None
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start and self.hub.ranges:
            where = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            self.say(206, where, data[start:], cut)
        else:
            self.say(200, {}, data, cut)


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()
    servers = [
        ThreadingHTTPServer(("127.0.0.1", 0), type(base.__name__, (base,), {"hub": hub}))
        for base in (_Pages, _Bytes)
    ]
    hub.url, hub.cdn = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
