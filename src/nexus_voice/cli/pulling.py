"""A download with its progress on the terminal: bars for people, nothing for pipes."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as Speed

from ..models.files import Installed
from ..models.model import Model
from ..models.pull import pull


def download(model: Model, root: Path, *, accept_licence: bool) -> Installed:
    notes = Console(stderr=True, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes, disable=not notes.is_terminal) as bars:
        rows: dict[str, TaskID] = {}

        def advance(name: str, done: int, size: int) -> None:
            if name not in rows:
                rows[name] = bars.add_task(name, total=size, completed=done)
            bars.update(rows[name], completed=done)

        def waiting() -> None:
            notes.print(f"{model.name} is being pulled already; waiting for that.")

        return pull(model, root, accept_licence=accept_licence, progress=advance, waiting=waiting)
