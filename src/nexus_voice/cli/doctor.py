"""`nexus-voice doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import sys
from contextlib import aclosing
from dataclasses import asdict

import anyio
import orjson
from rich.console import Console
from rich.text import Text

from ..settings import Settings
from .checks import Check, Workshop

MARKS = {"works": ("ok", "green"), "note": ("note", "yellow"), "fails": ("FAILS", "bold red")}
WIDTH = 34
"""Columns of a check's name."""


def doctor(settings: Settings, *, as_json: bool) -> bool:
    """Print every check as it is done; whether everything that was chosen works."""
    console = Console()
    done: list[Check] = []

    async def examine() -> None:
        with Console(stderr=True).status("Examining", speed=2) as status:
            if as_json or not status.console.is_terminal:
                status.stop()
            async with aclosing(Workshop(settings).checks()) as checks:  # type: ignore[type-var]
                async for check in checks:
                    done.append(check)
                    if not as_json:
                        console.print(line(check), soft_wrap=True, highlight=False)

    anyio.run(examine)
    failed = [check for check in done if check.status == "fails"]
    if as_json:
        body = {"ok": not failed, "checks": [asdict(check) for check in done]}
        sys.stdout.write(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n")
    elif failed:
        console.print(f"\n{len(failed)} of {len(done)} checks failed.", highlight=False)
    else:
        console.print("\nEverything that is chosen works.", highlight=False)
    return not failed


def line(check: Check) -> Text:
    mark, style = MARKS[check.status]
    text = Text.assemble((f"{mark:>5}  ", style), f"{check.what:<{WIDTH}} {check.found}")
    if check.todo:
        text.append(f"\n{'':>7}{'':<{WIDTH}} → {check.todo}", "dim" if check.status == "works" else style)
    return text
