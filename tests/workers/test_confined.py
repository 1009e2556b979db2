"""Processes that read hostile data: what they may not do, and how they come and go."""

import ctypes
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from ctypes.util import find_library
from itertools import combinations
from pathlib import Path
from typing import Any

import anyio.abc
import anyio.to_thread
import psutil
import pytest

from nexus_voice.core.errors import EngineError
from nexus_voice.workers.confinement import LAYERS, Confinement
from nexus_voice.workers.pool import Workers

pytestmark = pytest.mark.anyio

MIB = 1 << 20


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def prisoners(**options: Any) -> Workers:
    return Workers("confined_parts:Prisoner", 1, name="prisoner", **options)


async def ask(workers: Workers, method: str, *items: Any) -> Any:
    async def given() -> AsyncIterator[Any]:
        for item in items:
            yield item

    async with aclosing(workers.call(method, given())) as results:
        return await anext(results)


async def test_a_confined_process_has_no_secrets_no_files_and_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    async with prisoners(memory=200 * MIB, nice=5) as workers:
        environment = await ask(workers, "environment")
        assert "SOME_API_KEY" not in environment
        assert environment["PATH"] == os.environ["PATH"]
        assert await ask(workers, "write", str(tmp_path / "file")) in ("OSError", "PermissionError")
        assert await ask(workers, "hoard", 300 * MIB) == "MemoryError"
        assert await ask(workers, "hoard", MIB) == MIB
        assert (await ask(workers, "core"))[:2] == [0, 0]
        assert (await ask(workers, "core"))[2] >= 5


@asynccontextmanager
async def places(folder: Path) -> AsyncIterator[list[Any]]:
    """What a process may try to reach: a port, a private file, a socket in a folder and an abstract one."""
    private, local, abstract = folder / "letter.txt", folder / "socket", f"\0nexus-voice-{os.getpid()}"
    private.write_text("Dear diary")
    private.chmod(0o600)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(abstract)
        listener.listen()
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as tcp,
            await anyio.create_unix_listener(local),
        ):
            port = tcp.extra(anyio.abc.SocketAttribute.local_port)
            yield [port, str(private), str(local), abstract]
    local.unlink()


def is_true(confinement: Confinement, attempts: dict[str, bool | str]) -> None:
    done = worked(attempts)
    assert confinement.network == (not done & {"tcp", "udp"})
    assert confinement.local_sockets == (not done & {"unix", "abstract"})
    assert confinement.files == (not done & {"read", "list", "passwords", "remove"})
    assert confinement.processes == (not done & {"signal", "memory", "secrets", "trace"})


async def test_what_is_reported_of_the_confinement_is_what_happens(tmp_path: Path) -> None:
    async with places(tmp_path) as reachable, prisoners() as free:
        attempts = await ask(free, "attempt", reachable)
        assert free.confinement is None
    assert {"tcp", "udp", "unix", "abstract", "read", "list", "signal", "remove"} <= worked(attempts)
    async with places(tmp_path) as reachable, prisoners(memory=200 * MIB) as workers:
        attempts = await ask(workers, "attempt", reachable)
        assert workers.confinement is not None
        is_true(workers.confinement, attempts)


SCRIPT = """
import dataclasses, json, sys
from confined_parts import Prisoner
from nexus_voice.workers.confinement import confine
report = confine(1 << 30, without=sys.argv[2:])
attempts = []
Prisoner().attempt(iter([json.loads(sys.argv[1])]), attempts.append)
print(json.dumps([dataclasses.asdict(report), attempts[0]]))
"""


@pytest.mark.parametrize(
    "without",
    [*combinations(LAYERS, 1), *combinations(LAYERS, 2), *combinations(LAYERS, 3), tuple(LAYERS)],
    ids=" and ".join,
)
async def test_the_report_is_true_whatever_the_system_lacks(tmp_path: Path, without: tuple[str, ...]) -> None:
    async with places(tmp_path) as reachable:
        command = [sys.executable, "-c", SCRIPT, json.dumps(reachable), *without]
        ended = await anyio.run_process(command, stderr=None)
    report, attempts = json.loads(ended.stdout)
    is_true(Confinement(**report), attempts)
    assert all(layer in report["missing"] for layer in without)


def worked(attempts: dict[str, bool | str]) -> set[str]:
    return {name for name, outcome in attempts.items() if outcome is True}


async def test_what_the_system_offers_is_in_force() -> None:
    async with prisoners(memory=200 * MIB) as workers:
        started = await ask(workers, "start")
        assert started["thread"] is True
        confinement = workers.confinement
    assert confinement is not None
    if landlock():
        assert confinement.files
        assert "files" in str(confinement)
    if seccomp():
        assert (confinement.network, confinement.local_sockets, confinement.processes) == (True,) * 3
        assert worked(started) == {"thread"}


def landlock() -> bool:
    """Whether this kernel has it, asked without our code."""
    return sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


def seccomp() -> bool:
    return Path("/proc/sys/kernel/seccomp").exists() and find_library("seccomp") is not None


def test_what_a_system_lacks_is_said() -> None:
    whole = Confinement(True, True, True, True)
    assert str(whole) == "closed to it: network, local sockets, files, processes"
    part = Confinement(True, False, True, False, "seccomp: Unable to find libseccomp")
    assert str(part) == (
        "closed to it: network, files; still open: local sockets, processes "
        "(not to be had here: seccomp: Unable to find libseccomp)"
    )


async def test_others_keep_their_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    async with prisoners() as workers:
        assert (await ask(workers, "environment"))["SOME_API_KEY"] == "secret"


async def test_a_process_comes_with_the_first_call_and_goes_when_it_is_idle() -> None:
    async with prisoners(idle=0.05) as workers:
        assert not workers.pids
        for _ in range(2):
            await ask(workers, "environment")
            process = psutil.Process(workers.pids[0])
            await anyio.to_thread.run_sync(process.wait, 10)


async def test_a_process_that_dies_in_its_calls_is_replaced_without_growing_delay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with prisoners(idle=60) as workers:
        for _ in range(5):
            with pytest.raises(EngineError, match="stopped working"):
                await ask(workers, "die")
        await ask(workers, "environment")
    assert caplog.text.count("restarting in 0.1 s") == 5


async def test_a_process_that_could_not_start_is_tried_again_with_the_next_call() -> None:
    async with Workers("no_such_module:thing", 1, name="prisoner", idle=60) as workers:
        for _ in range(2):
            with pytest.raises(EngineError, match="could not be started"):
                await ask(workers, "environment")
