"""`nexus-voice doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict

import anyio
import orjson
from rich.console import Console
from rich.text import Text

from ...settings import Settings
from .check import Check
from .documents import knowledge_base, reading
from .engines import EngineChecks
from .machine import data_folder, disk, gpu, microphone, packages, python, server_port, settings_given

MARKS = {"works": ("ok", "green"), "note": ("note", "yellow"), "fails": ("FAILS", "bold red")}
NAME_COLUMNS = 34
"""Width of the column of names."""


def doctor(settings: Settings, *, as_json: bool) -> bool:
    """Print each check as it is done. Returns whether everything that the settings choose works."""
    console = Console()
    done: list[Check] = []

    async def examine() -> None:
        with Console(stderr=True).status("Examining", speed=2) as status:
            if as_json or not status.console.is_terminal:
                status.stop()
            async with aclosing(every_check(settings)) as checks:
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


async def every_check(settings: Settings) -> AsyncGenerator[Check]:
    for look in (python, settings_given, data_folder, disk, server_port, gpu, microphone):
        yield look(settings)
    async for check in EngineChecks(settings).run():
        yield check
    yield await knowledge_base(settings)
    yield await reading()
    yield packages(settings)


def line(check: Check) -> Text:
    mark, style = MARKS[check.status]
    text = Text.assemble((f"{mark:>5}  ", style), f"{check.what:<{NAME_COLUMNS}} {check.found}")
    if check.todo:
        text.append(
            f"\n{'':>7}{'':<{NAME_COLUMNS}} → {check.todo}", "dim" if check.status == "works" else style
        )
    return text
