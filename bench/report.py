"""Prints a table of the measured figures and their targets. The exit status is 1 when a target is missed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from . import figures


@dataclass(frozen=True, slots=True)
class Target:
    what: str
    result: str
    """The file in `results/`."""
    path: str
    """The path to the figure in the file's median."""
    most: float
    unit: str


TARGETS = (
    Target("pipeline overhead, 1 session, p50", "voice-001", "overhead_ms.p50", 60, "ms"),
    Target("pipeline overhead, 1 session, p95", "voice-001", "overhead_ms.p95", 95, "ms"),
    Target("100 sessions on one core: overhead p95", "voice-100", "overhead_ms.p95", 200, "ms"),
    Target("100 sessions on one core: missed turns", "voice-100", "missed", 0, ""),
    Target("CPU per session-minute, 10 sessions", "voice-010", "cpu_s_per_session_minute", 0.7, "s"),
    Target("the same, listening only", "listening-010", "cpu_s_per_session_minute", 0.4, "s"),
    Target("barge-in: first speech frame to silence, p50", "voice-001", "barge_in_ms.p50", 225, "ms"),
    Target("barge-in: first speech frame to silence, p95", "voice-001", "barge_in_ms.p95", 235, "ms"),
    Target("onset to duck, p95", "voice-001", "duck_ms.p95", 100, "ms"),
    Target("memory per voice session, 100 sessions", "voice-100", "memory_mb_per_session", 0.5, "MB"),
    Target("twice the capacity: overhead p95 of those admitted", "overload", "overhead_ms.p95", 200, "ms"),
    Target("twice the capacity: missed turns", "overload", "missed", 0, ""),
    Target("twice the capacity: refused impolitely", "overload", "refused_impolitely", 0, ""),
    Target("text: request to first token, p95", "text", "first_token_ms.p95", 300, "ms"),
    Target("120 characters to first audio over HTTP, p95", "speech", "http_ms.p95", 50, "ms"),
    Target("the next engine behind an open breaker, first token, p95", "engines", "open_ms.p95", 50, "ms"),
    Target(
        "first token, 800 tokens of passages read ahead, p50", "speculation", "all_read_ms.p50", 1000, "ms"
    ),
    Target("event loop's lag, 8 transcriptions at a time, p99", "lag", "transcriptions.lag_ms.p99", 20, "ms"),
    Target("event loop's lag, 8 embeddings at a time, p99", "lag", "embeddings.lag_ms.p99", 20, "ms"),
    Target(
        "spoken question to first sound, default install, p50", "answer-001", "first_sound_ms.p50", 600, "ms"
    ),
    Target("the same, p95", "answer-001", "first_sound_ms.p95", 1000, "ms"),
    Target("the same: memory of everything", "answer-001", "memory_mb", 900, "MB"),
    Target("100,000 passages in SQLite: opening", "index", "sqlite.open_s", 1, "s"),
    Target("100,000 passages in SQLite: a question, p95", "index", "sqlite.query_ms.p95", 50, "ms"),
    Target("100,000 passages in PostgreSQL: a question, p95", "index", "postgres.query_ms.p95", 50, "ms"),
)


def value(target: Target) -> float:
    """The measured figure; NaN when there is none."""
    result = figures.read(target.result)
    at: Any = result["median"] if result else {}
    for name in target.path.split("."):
        at = at.get(name, math.nan) if isinstance(at, dict) else math.nan
    return float(at)


def _cell(number: float, unit: str) -> str:
    return "not measured" if math.isnan(number) else f"{number:g} {unit}".strip()


HEADS = ("run", "runs", "overhead ms p50 / p95", "barge-in ms", "duck ms", "missed")
HEADS += ("CPU s/session-min", "core", "MB/session")


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def report() -> int:
    missed = 0
    print(row("figure", "measured", "target", ""), "|---|---|---|---|", sep="\n")
    for target in TARGETS:
        measured = value(target)
        good = measured <= target.most
        missed += not good
        verdict = "met" if good else "" if math.isnan(measured) else "**missed**"
        print(row(target.what, _cell(measured, target.unit), _cell(target.most, target.unit), verdict))
    print("", row(*HEADS), "|---" * len(HEADS) + "|", sep="\n")
    for path in sorted(figures.RESULTS.glob("*.json")):
        if "overhead_ms" in (result := figures.read(path.stem) or {}).get("median", {}):
            print(_row(result))
    return 1 if missed else 0


def _row(result: dict[str, Any]) -> str:
    m = result["median"]

    def pair(key: str) -> str:
        return " / ".join("-" if math.isnan(m[key][p]) else f"{m[key][p]:.0f}" for p in ("p50", "p95"))

    return row(
        result["name"],
        len(result["runs"]),
        pair("overhead_ms"),
        pair("barge_in_ms"),
        pair("duck_ms"),
        f"{m['missed']}/{m['turns']}",
        f"{m['cpu_s_per_session_minute']:.2f}",
        f"{m['server_core_share']:.0%}",
        f"{m['memory_mb_per_session']:.2f}",
    )
