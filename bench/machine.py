"""Starts processes on chosen cores and measures their CPU time and memory, as Linux reports them."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

SERVER_CORE = 0
CLIENT_CORE = min(1, (os.cpu_count() or 1) - 1)
NICE = -15
_TICK = os.sysconf("SC_CLK_TCK")
_PACKAGES = ("uvicorn", "websockets", "picows", "uvloop", "numpy", "anyio", "fastapi")


def settle(core: int | None) -> None:
    """Pin this process to one core, if one is named, and raise its priority where that is allowed."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1) if core is None else {core})
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))
        os.nice(NICE)


def _own_session(core: int | None) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    settle(core)


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    port: int


@contextlib.contextmanager
def running(
    command: list[str],
    port: int,
    environment: dict[str, str],
    core: int | None,
    ready: str,
    prepare: Callable[[Path], None] = lambda data: None,
) -> Iterator[Running]:
    """`command` on one core, until the block ends; entered when the path `ready` answers 200.

    `prepare` may put something into the data folder before it starts.
    """
    with TemporaryDirectory(prefix="nexus-bench-") as folder:
        prepare(Path(folder))
        log = Path(folder, "log")
        environment = os.environ | environment | {"NEXUS_DATA_DIR": folder, "PYTHONPATH": os.getcwd()}
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdout=out,
                stderr=out,
                preexec_fn=lambda: _own_session(core),
            )
        try:
            _wait(f"http://127.0.0.1:{port}{ready}", process, log)
            yield Running(process.pid, port)
        finally:
            _stop(process)


def server(
    port: int,
    environment: dict[str, str],
    *words: str,
    core: int | None = SERVER_CORE,
    prepare: Callable[[Path], None] = lambda data: None,
) -> contextlib.AbstractContextManager[Running]:
    """The product's server, started as a user starts it."""
    command = [sys.executable, "-m", "nexus_voice", "serve", "--port", str(port), *words]
    return running(command, port, environment, core, "/readyz", prepare)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path, within: float = 120) -> None:
    until = time.monotonic() + within
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    raise SystemExit(f"The server did not start.\n{log.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign, within in ((signal.SIGINT, 8), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within)


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of all threads of these processes so far."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK


def resident_bytes(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE")


def proportional_bytes(pids: list[int]) -> int:
    """Resident memory in which a page shared by several processes counts once in all."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return total


def busy_seconds(core: int) -> float:
    """CPU time that all processes have used on this core so far, interrupts included."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _, _, irq, softirq = (int(field) for field in line.split()[1:8])
            return (user + nice + system + irq + softirq) / _TICK
    return 0.0


def describe() -> dict[str, str]:
    """The machine and the versions, which are saved with the results."""
    model = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }
