"""Spoken conversation under load: `voice`, `listening` and `overload`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from . import contract, figures, load, machine
from .machine import CLIENT_CORE, Running
from .speaker import load_sound

PORT, STUB_PORT = 18080, 18090
MAX_SEND_LATE_MS = 10.0
"""If the frames of a run were sent later than this (p99), the run measured the client, not the server."""
LISTENING_TURNS = 2


@contextmanager
def pipeline(llm: str, sessions: int) -> Iterator[tuple[Running, list[int]]]:
    """A new server for one run, and the processes beside it on the client's core."""
    limit = {"NEXUS_LIMITS__SESSIONS": str(sessions)}
    if llm == "fake":
        with machine.server(PORT, contract.server_settings() | limit) as server:
            yield server, []
        return
    stub = [sys.executable, "-m", "bench.llm_stub", str(STUB_PORT)]
    url = f"http://127.0.0.1:{STUB_PORT}/v1"
    with (
        machine.running(stub, STUB_PORT, {}, CLIENT_CORE, "/v1/models") as model,
        machine.server(PORT, contract.server_settings(url) | limit) as server,
    ):
        yield server, [model.pid]


def once(sessions: int, *, llm: str = "fake", mute: bool = False, refused: int = 0) -> dict[str, Any]:
    """Measure one run on a new server."""
    turns = LISTENING_TURNS if mute else load.measured_turns(sessions)
    with pipeline(llm, sessions) as (server, other):
        return uvloop.run(
            load.run(server, sessions, load_sound(mute), turns=turns, refused=refused, other=other)
        )


def measure(name: str, sessions: int, reps: int, **how: Any) -> dict[str, Any]:
    """Measure `reps` times, print each run, and save the median."""
    runs = []
    for _ in range(reps):
        run = once(sessions, **how)
        if run["send_late_p99_ms"] > MAX_SEND_LATE_MS:
            print(f"{name}: frames left {run['send_late_p99_ms']} ms late; do not trust this run")
        print(f"{name}: {line(run)}", flush=True)
        runs.append(run)
    figures.save(name, runs, llm=how.get("llm", "fake"))
    return runs[0]


def line(run: dict[str, Any]) -> str:
    """Print one run in one line."""

    def pair(key: str) -> str:
        return f"{run[key]['p50']:.0f}/{run[key]['p95']:.0f}"

    turns = (
        ""
        if not run["turns"]
        else (
            f"overhead {pair('overhead_ms')} ms, missed {run['missed']}/{run['turns']}, "
            f"barge-in {pair('barge_in_ms')} ms, duck {pair('duck_ms')} ms, "
        )
    )
    refused = f", refused {run['refused_politely']}/{run['refused']} politely" if run["refused"] else ""
    return (
        f"{run['admitted']} sessions: {turns}{run['cpu_s_per_session_minute']:.2f} CPU-s/session-min, "
        f"core {run['server_core_share']:.0%}, {run['memory_mb_per_session']:.2f} MB/session, "
        f"lost {run['lost']}{refused} (client core {run['client_core_share']:.0%}, sent "
        f"{run['send_late_p99_ms']} ms late, foreign {run['foreign_server_core_share']:.0%}/"
        f"{run['foreign_client_core_share']:.0%})"
    )


def voice(sessions: list[int], reps: int, llm: str) -> None:
    tag = "" if llm == "fake" else f"-{llm}"
    for count in sessions:
        measure(f"voice{tag}-{count:03d}", count, reps, llm=llm)


def listening(sessions: list[int], reps: int) -> None:
    for count in sessions:
        measure(f"listening-{count:03d}", count, reps, mute=True)


def overload(sessions: int, reps: int) -> None:
    """Twice as many speakers as the server accepts; the refused ones try again every few seconds."""
    measure("overload", sessions, reps, refused=sessions)
