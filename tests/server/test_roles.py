"""Servers of one role alone, a conversation that uses three of them, and the line before a model."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute

from nexus_voice.core.chat import Prompt
from nexus_voice.core.errors import BadInput
from nexus_voice.server.app import assemble
from nexus_voice.server.queueing import Queue, QueueFull
from nexus_voice.server.roles import Role
from nexus_voice.settings import Settings
from nexus_voice.supply.choices import available, remote_choices
from openai_server import OpenAiServer
from serving import Serving, fakes, serving

from .caller import Caller
from .test_speech import wav
from .test_voice import speak

FACES = {
    "/v1/chat/completions": {Role.all, Role.llm},
    "/v1/audio/transcriptions": {Role.all, Role.stt},
    "/v1/audio/speech": {Role.all, Role.tts},
    "/v1/embeddings": {Role.all, Role.rag},
    "/stt": {Role.all, Role.app, Role.stt},
    "/tts": {Role.all, Role.app, Role.tts},
    "/synthesize": {Role.all, Role.app, Role.tts},
    "/rag/query": {Role.all, Role.app, Role.rag},
    "/chat": {Role.all, Role.app},
}
PORTS = {
    Role.llm: {"llm"},
    Role.stt: {"stt"},
    Role.tts: {"tts"},
    Role.rag: {"embedder", "llm"},
    Role.app: {"stt", "llm", "tts", "embedder"},
    Role.all: {"stt", "llm", "tts", "embedder"},
}


def client(server: Serving) -> httpx.Client:
    return httpx.Client(base_url=server.url, timeout=20, trust_env=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("role", list(Role))
def test_a_role_has_its_own_faces_and_engines_and_no_others(folder: Path, role: Role) -> None:
    with serving(fakes(folder), role) as server, client(server) as http:
        for path, roles in FACES.items():
            status = http.post(path, json={}).status_code
            assert (status != 404) == (role in roles), (path, status)
        assert http.get("/").status_code == (200 if role.converses else 404)
        for path in ("/healthz", "/readyz", "/engines", "/metrics", "/v1/models"):
            assert http.get(path).status_code == 200, path
        made = {port for port, chain in server.state.supply.chains.items() if chain.links}
        assert made == PORTS[role]
        using = http.get("/engines").json()["using"]
        assert set(using) == ({"vad", "stt", "llm", "tts"} if role.converses else PORTS[role])
        assert http.get("/readyz").json()["engines"] == using


def test_an_app_talks_through_three_other_servers(folder: Path) -> None:
    with ExitStack() as stack:
        urls = {}
        for role in (Role.stt, Role.llm, Role.tts):
            section = {"fake": {"transcript": "how are you today", "answer": "I am well. Thank you."}}
            urls[role.value] = stack.enter_context(serving(fakes(folder / role, **section), role))
        by_url = {
            port: {"kind": "auto", "base_url": f"{one.url}/v1", "api_key": "k"} for port, one in urls.items()
        }
        app = stack.enter_context(serving(fakes(folder / "app", **by_url), Role.app))
        with Caller(app.socket) as caller:
            ready = caller.hello()
            assert all(ready["engines"][port].startswith("openai") for port in urls)
            speak(caller)
            assert caller.until("final")["text"] == "how are you today"
            rate = caller.until("audio_start")["rate"]
            ended = caller.until("ended")
        assert (ended["outcome"], ended["heard"]) == ("done", "I am well. Thank you.")
        assert len(caller.audio) == pytest.approx(2 * rate * 2 * 0.05, rel=0.2)  # two sentences
        llm: Any = urls["llm"].state.engines.llm.current
        assert llm.prompts[-1].question == "how are you today"
        for port, server in urls.items():
            assert f'nexus_model_requests_total{{outcome="ok",port="{port}"}}' in metrics(server)


def metrics(server: Serving) -> str:
    with client(server) as http:
        return http.get("/metrics").text


# --- the app's engines ------------------------------------------------------------------------


def settings(folder: Path, **sections: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **sections)  # type: ignore[call-arg]


def test_an_app_makes_no_local_model_that_nobody_named(folder: Path) -> None:
    by_url = {"base_url": "http://127.0.0.1:9/v1"}
    wanted = settings(folder, stt=by_url, llm=by_url, tts={**by_url, "kind": "openai,espeak"})
    kinds = {
        port: [one.kind for one in remote_choices(port, wanted)] for port in ("stt", "llm", "tts", "embedder")
    }
    assert kinds == {"stt": ["openai"], "llm": ["openai"], "tts": ["openai", "espeak"], "embedder": []}


@pytest.mark.parametrize("port", ["stt", "llm", "tts"])
def test_an_app_without_a_models_address_says_what_to_set(folder: Path, port: str) -> None:
    with pytest.raises(BadInput, match=f"NEXUS_{port.upper()}__BASE_URL"):
        available(remote_choices(port, settings(folder)))


def test_an_app_starts_without_a_language_model_and_uses_an_ollama_once_it_is_found(folder: Path) -> None:
    async def main() -> None:
        ollama = OpenAiServer()
        ollama.models = ["qwen2.5:0.5b"]
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            ollama.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}/v1"
            sections = {
                "llm": {"kind": "auto"},
                "discovery": {"every": 0.05, "local_servers": ["http://[::1", ollama.url]},
            }
            async with assemble(fakes(folder, **sections), Role.app) as state:
                assert f"start a server at http://[::1 or {ollama.url}" in state.parts["llm"]
                assert not state.ready
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(listener.serve, ollama.serve)
                    with anyio.fail_after(10):
                        while state.parts["llm"] != "ready":  # noqa: ASYNC110 - discovery polls, too
                            await anyio.sleep(0.01)
                        pieces = [piece async for piece in state.engines.llm.stream(Prompt("Hello"))]
                    tasks.cancel_scope.cancel()
        assert "".join(map(str, pieces)) == "You said: Hello"
        assert ollama.posts[0].body["model"] == "qwen2.5:0.5b"

    anyio.run(main)


# --- the line before a model ------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Room for one request, and for one that waits; the engines take as long as they are left."""
    slow = {"first_token": 3600.0, "first_audio": 3600.0, "final_delay": 3600.0}
    limits = {"model_requests": 1, "model_queue": 1}
    with serving(fakes(tmp_path_factory.mktemp("narrow"), fake=slow, limits=limits)) as server:
        yield server


REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "typed": ("llm", "/chat", {"json": {"text": "x"}}),
    "query": ("llm", "/rag/query", {"json": {"question": "x"}}),
    "chat": ("llm", "/v1/chat/completions", {"json": {"messages": [{"role": "user", "content": "x"}]}}),
    "streamed": (
        "llm",
        "/v1/chat/completions",
        {"json": {"messages": [{"role": "user", "content": "x"}], "stream": True}},
    ),
    "transcription": ("stt", "/v1/audio/transcriptions", {"files": {"file": ("a.wav", wav())}}),
    "speech": ("tts", "/v1/audio/speech", {"json": {"input": "Hello there."}}),
    "stt": ("stt", "/stt", {"files": {"file": ("a.wav", wav())}}),
    "tts": ("tts", "/tts", {"json": {"text": "Hello there."}}),
    "synthesize": ("tts", "/synthesize", {"json": {"text": "Hello there."}}),
}


def begin(server: Serving, path: str, sent: dict[str, Any]) -> socket.socket:
    """A request whose answer nobody has read yet."""
    request = httpx.Request("POST", server.url + path, **sent)
    body = request.read()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    opened = socket.create_connection(("127.0.0.1", server.port))
    opened.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    return opened


@pytest.mark.parametrize("name", REQUESTS)
def test_beyond_the_line_a_request_is_refused_at_once(narrow: Serving, name: str) -> None:
    port, path, sent = REQUESTS[name]
    queue = narrow.state.queues[port]
    with begin(narrow, path, sent), begin(narrow, path, sent), client(narrow) as http:
        assert narrow.becomes(lambda: (queue.active, queue.waiting) == (1, 1))
        answer = http.post(path, **sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "queue_full")
        assert int(answer.headers["retry-after"]) > 0
        assert f'nexus_model_requests_waiting{{port="{port}"}} 1.0' in http.get("/metrics").text
    assert narrow.becomes(lambda: (queue.active, queue.waiting) == (0, 0)), "who leaves gives up the place"


def test_the_line_is_served_in_order_and_counts_everyone() -> None:
    served: list[tuple[str, str]] = []
    order: list[int] = []

    async def main() -> None:
        queue = Queue("llm", 2, 3, lambda port, outcome, seconds: served.append((port, outcome)))
        release = anyio.Event()

        async def request(number: int) -> None:
            async with queue.place():
                order.append(number)
                await release.wait()

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(request, number)
                await anyio.wait_all_tasks_blocked()
            assert (queue.active, queue.waiting) == (2, 3)
            with pytest.raises(QueueFull):
                async with queue.place():
                    pass
            release.set()
        for error in (BadInput("x"), ValueError()):
            with pytest.raises(type(error)):
                async with queue.place():
                    raise error
        assert (queue.active, queue.waiting) == (0, 0)

    anyio.run(main)
    assert order == list(range(5))
    assert [outcome for _, outcome in served] == ["refused", *["ok"] * 5, "bad_input", "error"]


def test_a_role_is_served_from_the_command_line(folder: Path) -> None:
    """One real process, which says where it is."""
    import os
    import subprocess
    import sys

    command = [sys.executable, "-m", "nexus_voice", "serve", "--role", "tts", "--port", "0", "--child"]
    environment = os.environ | {"NEXUS_TTS__KIND": "fake", "NEXUS_DATA_DIR": str(folder)}
    start = partial(subprocess.Popen, cwd=folder, env=environment, text=True)
    with start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as http:
            assert http.get("/engines").json()["using"] == {"tts": "fake"}
            assert json.loads(http.get("/v1/models").text)["data"][0]["id"] == "fake"
        process.communicate(timeout=20)  # closes its input, which ends it
    assert process.returncode == 0
