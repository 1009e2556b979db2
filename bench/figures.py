"""Computes figures from measured times, and saves them."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import machine
from .contract import tokens_until_first_piece, unavoidable
from .speaker import STALE_AUDIO_S, TurnTimes

RESULTS = Path(__file__).with_name("results")
MISSED = math.inf


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile, linearly interpolated. Infinite values, which stand for missed turns, sort last."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    at = share * (len(ordered) - 1)
    low, part = int(at), at % 1
    if not part or math.isinf(ordered[low + 1]):
        return ordered[math.ceil(at)]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * part


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """The 50th and 95th percentile in milliseconds, and the number of values."""
    return {
        "p50": round(1e3 * percentile(values, 0.5), digits),
        "p95": round(1e3 * percentile(values, 0.95), digits),
        "count": len(values),
    }


def of_turns(turns: Sequence[TurnTimes]) -> dict[str, Any]:
    """Latencies of measured turns in milliseconds; a turn without an answer counts as infinite."""
    whole, actual = unavoidable(), unavoidable(tokens_until_first_piece())
    heard = [turn for turn in turns if turn.last is not None]
    waits = [MISSED if t.reply is None else t.reply - t.last for t in heard if t.last is not None]
    over = [turn for turn in heard if turn.over_reply]
    return {
        "turns": len(heard),
        "missed": sum(math.isinf(wait) for wait in waits),
        "talked_over": sum(t.stale is not None and t.stale - t.first > STALE_AUDIO_S for t in heard),
        "overhead_ms": spread([wait - whole for wait in waits]) | {"subtracted": round(1e3 * whole)},
        "overhead_to_first_piece_ms": spread([wait - actual for wait in waits])
        | {"subtracted": round(1e3 * actual)},
        "barge_in_ms": spread([MISSED if t.silence is None else t.silence - t.first for t in over]),
        "duck_ms": spread([MISSED if t.duck is None else t.duck - t.first for t in over]),
    }


def median_of(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A dictionary of the same shape, with the median of each number and the sum of each count of turns."""
    out: dict[str, Any] = {}
    for key, first in runs[0].items():
        values = [run[key] for run in runs]
        if isinstance(first, dict):
            out[key] = median_of(values)
        elif isinstance(first, bool) or not isinstance(first, int | float):
            out[key] = first
        elif key in ("turns", "missed", "talked_over", "count"):
            out[key] = sum(values)
        else:
            out[key] = round(statistics.median(values), 4)
    return out


def save(name: str, runs: Sequence[dict[str, Any]], **about: Any) -> None:
    """Write `results/<name>.json`: the median, all runs, and where and when they were measured."""
    RESULTS.mkdir(exist_ok=True)
    result = {
        "name": name,
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine.describe(),
        **about,
        "median": median_of(runs),
        "runs": list(runs),
    }
    text = json.dumps(_each(result, _to_json), indent=1, allow_nan=False)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def read(name: str) -> dict[str, Any] | None:
    """Read what `save` wrote, or None."""
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] | None = _each(json.loads(path.read_text()), _from_json) if path.exists() else None
    return found


def _to_json(value: Any) -> Any:
    """Replace infinity (missed) and NaN (not tried), which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "missed"
    return value


def _from_json(value: Any) -> Any:
    return math.nan if value is None else MISSED if value == "missed" else value


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _each(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    return change(value)
