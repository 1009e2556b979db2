"""Memory that a new process may still take."""

from __future__ import annotations

from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Bytes that can be had without swapping, a container's limit included; None where nobody says."""
    known = [free for free in (_machine(), _container()) if free is not None]
    return min(known, default=None)


def _machine() -> int | None:
    """Linux's own estimate: free, and what the page cache could give back (proc(5))."""
    found = _fields(MEMINFO).get("MemAvailable:")
    return None if found is None else found * 1024


def _container() -> int | None:
    """What a control group (version 2) leaves, counting its idle page cache as free."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    if not limit.isdecimal():  # "max"
        return None
    return int(limit) - used + _fields(CGROUP / "memory.stat").get("inactive_file", 0)


def _fields(path: Path) -> dict[str, int]:
    try:
        rows = (line.split() for line in path.read_text().splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}
    except OSError:
        return {}
