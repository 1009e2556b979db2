"""Runs many speakers against one server, and measures what they cost it."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from dataclasses import dataclass
from typing import Any

from . import figures, machine
from .contract import LEAD_IN
from .machine import CLIENT_CORE, SERVER_CORE, Running
from .speaker import Sound, Speaker

SETTLE_S = 1.0
"""Seconds between the last connection and the first frame."""
RETRY_S = 5.0
"""Seconds after which a speaker who was refused tries again."""


@dataclass(frozen=True, slots=True)
class Counters:
    at: float
    server: float
    client: float
    other: float
    busy: tuple[float, float]

    @classmethod
    def now(cls, server: list[int], other: list[int]) -> Counters:
        own = os.times()
        return cls(
            time.monotonic(),
            machine.cpu_seconds(server),
            own.user + own.system,
            machine.cpu_seconds(other),
            (machine.busy_seconds(SERVER_CORE), machine.busy_seconds(CLIENT_CORE)),
        )


def measured_turns(sessions: int) -> int:
    """How many turns of each session are measured. A multiple of four covers the detector's window evenly."""
    return 8 if sessions <= 5 else 4


async def run(
    server: Running,
    sessions: int,
    sound: Sound,
    *,
    turns: int,
    refused: int = 0,
    other: list[int] | None = None,
) -> dict[str, Any]:
    """All figures of one run: `sessions` speakers, and `refused` more who try to get in.

    Each takes one cold turn, `turns` that count, and one that keeps up the load for the others. CPU is
    taken over the time in which every session is between its first and its last cycle. `other` are
    processes that share the client's core.
    """
    cycles = turns + 2
    pids = machine.family(server.pid)
    memory = machine.resident_bytes(pids)
    speakers = [Speaker(sound, cycles) for _ in range(sessions)]
    for speaker in speakers:
        await speaker.connect(server.port)
    inside = [speaker for speaker in speakers if speaker.admitted]
    await asyncio.sleep(SETTLE_S)
    gc.collect()
    gc.disable()
    begin = time.monotonic() + 0.3
    for index, speaker in enumerate(inside):
        speaker.start(begin + sound.cycle * index / max(1, len(inside)))
    knocks: list[Speaker] = []
    crowd = [asyncio.create_task(_knock(server.port, sound, knocks)) for _ in range(refused)]
    await asyncio.sleep(begin + LEAD_IN + 2 * sound.cycle - time.monotonic())
    pids = machine.family(server.pid)
    before = Counters.now(pids, other or [])
    await asyncio.sleep(begin + LEAD_IN + cycles * sound.cycle - time.monotonic())
    after = Counters.now(pids, other or [])
    await asyncio.gather(*(speaker.finished for speaker in inside))
    lost = sum(speaker.closed for speaker in inside)
    grown = machine.resident_bytes(machine.family(server.pid)) - memory
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    for speaker in inside:
        speaker.leave()
    gc.enable()
    late = [late for speaker in inside for late in speaker.late]
    return {
        "sessions": sessions,
        "admitted": len(inside),
        "lost": lost,
        **figures.of_turns([turn for speaker in inside for turn in speaker.turns[1 : turns + 1]]),
        **_cost(before, after, max(1, len(inside))),
        "memory_mb_per_session": round(grown / 2**20 / max(1, len(inside)), 3),
        "send_late_p99_ms": round(1e3 * figures.percentile(late, 0.99), 2),
        "refused": len(knocks),
        "refused_politely": sum(speaker.refusal.polite for speaker in knocks),
        "refused_impolitely": sum(not (each.refusal.polite or each.admitted) for each in knocks),
    }


def _cost(before: Counters, after: Counters, sessions: int) -> dict[str, float]:
    window = after.at - before.at
    server, client, other = (
        getattr(after, name) - getattr(before, name) for name in ("server", "client", "other")
    )
    busy = [b - a for a, b in zip(before.busy, after.busy, strict=True)]
    return {
        "cpu_s_per_session_minute": round(server / sessions / (window / 60), 4),
        "server_core_share": round(server / window, 4),
        "client_core_share": round(client / window, 4),
        "foreign_server_core_share": round((busy[0] - server) / window, 4),
        "foreign_client_core_share": round((busy[1] - client - other) / window, 4),
        "window_s": round(window, 2),
    }


async def _knock(port: int, sound: Sound, tried: list[Speaker]) -> None:
    """Try to connect again and again, at intervals, and disconnect when it works."""
    while True:
        speaker = Speaker(sound, 1)
        tried.append(speaker)
        await speaker.connect(port)
        speaker.leave()
        await asyncio.sleep(RETRY_S)
