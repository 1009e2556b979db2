"""The command `nexus-voice`. Each subcommand imports what it needs when it runs, so that `--help` is fast."""

from __future__ import annotations

import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from ..server.roles import Role
from .models import app as models

app = typer.Typer(
    help="A voice assistant you run yourself: it listens, looks in your documents, and answers aloud.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(models, name="models", help="Models that run on this machine: list, pull, remove, verify.")

Url = Annotated[
    str, typer.Option(help="The server, such as http://127.0.0.1:8080; by default the one that runs here.")
]


class Mode(StrEnum):
    faster = "faster"
    planning = "planning"
    detailed = "detailed"


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one. [default: 8080]")
    ] = None,
    role: Annotated[
        Role, typer.Option(help="The whole assistant, or one part of it alone; see docs/services.md.")
    ] = Role.all,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Start the server."""
    import os

    from .fast_imports import skip_unneeded_imports

    skip_unneeded_imports()
    from .configure import misspelt, settings
    from .serve import serve

    flags: dict[str, Any] = {"host": host, "port": port}
    wanted = settings(server={name: value for name, value in flags.items() if value is not None})
    for mistake in misspelt(dict(os.environ)):
        typer.echo(f"nexus-voice: {mistake}", err=True)
    serve(wanted, role=role, child=child, since=begun())


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="The question, in writing.", show_default=False)] = "",
    audio: Annotated[Path | None, typer.Option(help="The question as a sound file (WAV, FLAC, …).")] = None,
    save: Annotated[Path | None, typer.Option(help="Keep the spoken answer as this WAV file.")] = None,
    url: Url = "",
    mode: Annotated[Mode | None, typer.Option(help="How much to think before answering.")] = None,
    voice: Annotated[str | None, typer.Option(help="The voice of the answer, such as en-gb.")] = None,
    knowledge: Annotated[bool, typer.Option(help="Look in the documents.")] = True,
    collection: Annotated[
        list[str] | None,
        typer.Option(help="Look in this collection only, by its name or id; may be repeated."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the whole answer.")] = 90.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Ask one question, in writing or with a recording."""
    from .ask import ask, recording
    from .configure import settings
    from .conversation import Question

    if bool(text.strip()) == (audio is not None):
        raise typer.BadParameter('Give either a question ("What is barge-in?") or --audio FILE.')
    question = Question(
        text=text.strip(),
        audio=recording(audio) if audio else None,
        speak=audio is not None or save is not None,
        mode=mode.value if mode else None,
        knowledge=knowledge,
        voice=voice,
    )
    done = ask(
        settings(),
        question,
        url=url,
        save=save,
        as_json=as_json,
        timeout=timeout,
        collections=collection or (),
    )
    if not done:
        raise typer.Exit(1)


@app.command()
def ingest(
    places: Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders, https://… or s3://bucket/prefix.", metavar="PLACE"),
    ] = None,
    url: Url = "",
    collection: Annotated[
        str,
        typer.Option(
            help="Collection to add to, by its name or id; it is made if there is none. By default the one "
            "for all."
        ),
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and follow changes.")] = False,
    every: Annotated[
        float, typer.Option(min=1, help="With --watch: seconds between two looks at a bucket.")
    ] = 60,
    delete: Annotated[
        bool | None,
        typer.Option(
            "--delete/--keep",
            help="Forget documents that are gone from a folder or bucket, or keep them. "
            "By default they are forgotten, unless all are gone.",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Name of the folder there, to go on with it from another place or machine.")
    ] = "",
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh", help="Read the documents there again that an older version of the reader has read."
        ),
    ] = False,
) -> None:
    """Add documents to the running server's knowledge base; keep folders and buckets in step with it."""
    from .configure import settings
    from .ingest import Wish, ingest

    if not places and not refresh:
        raise typer.BadParameter("Name files, folders or addresses, or use --refresh.")
    wish = Wish(collection, every if watch else None, delete, name, refresh)
    if not ingest(settings(), places or [], url=url, wish=wish):
        raise typer.Exit(1)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check this installation: what works, what does not, and what to do about it."""
    from ..telemetry.logs import configure
    from .configure import settings
    from .doctor.command import doctor

    configure("critical")
    if not doctor(settings(), as_json=as_json):
        raise typer.Exit(1)


@app.command()
def bench() -> None:
    """Say where the measurements are."""
    typer.echo(
        "Benchmarks live in the repository: run `make bench` there; results go to bench/results/.\n"
        "`python -m bench retrieval` there measures the search in documents."
    )


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"nexus-voice {__version__} (Python {sys.version.split()[0]})")


def begun() -> float | None:
    """When this process began, in seconds since the epoch, or None where the system does not say."""
    import os
    import time

    try:
        with open("/proc/self/stat") as stat, open("/proc/uptime") as uptime:
            ticks = float(stat.read().rpartition(")")[2].split()[19])
            return time.time() - float(uptime.read().split()[0]) + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def explained(error: BaseException) -> str | None:
    """The message of a `NexusError`, also inside a group; None for other errors."""
    from ..core.errors import NexusError

    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.message if isinstance(error, NexusError) else None


def main() -> None:
    # A shell starts background jobs with SIGINT ignored; `kill -INT` is to stop this command anyway.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        message = explained(error)
        if message is None:
            raise
        print(f"nexus-voice: {message}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
