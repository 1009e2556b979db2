"""`nexus-voice ingest`: documents into the knowledge base of a running server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from ..domain.errors import BadInput, NexusError
from ..knowledge.documents import SUFFIXES
from ..settings import Settings
from . import nearby

PATIENCE = 600.0
"""Seconds one document may take: a book is embedded at about twenty passages a second."""


def found(paths: list[Path]) -> list[tuple[Path, str]]:
    """(file, its name in the knowledge base), in order. Raises `BadInput` when there is nothing.

    A file keeps its name; one in a folder is named by its way there, so that two of the same name in
    different folders are two documents.
    """
    files: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            inside = [(one, " - ".join(one.relative_to(path).parts)) for one in readable(path)]
            if not inside:
                raise BadInput(f"{path}: holds no file that can be read ({', '.join(SUFFIXES)}).")
            files += inside
        elif path.is_file():
            files.append((path, path.name))
        else:
            raise BadInput(f"{path}: there is no such file or folder.", code="no_such_file")
    return files


def readable(folder: Path) -> Iterator[Path]:
    """Files of supported types below `folder`, hidden ones left out."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(parent, name)


def ingest(settings: Settings, paths: list[Path], *, url: str) -> bool:
    """Send every document and print what became of it; whether all were taken."""
    files = found(paths)
    console, notes = Console(highlight=False, markup=False, soft_wrap=True), Console(stderr=True)
    failed = 0
    columns = TextColumn("{task.description}"), MofNCompleteColumn()
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        bar = progress.add_task("Connecting", total=len(files))
        with (
            nearby.server(url, settings, lambda text: progress.update(bar, description=text)) as server,
            httpx.Client(timeout=PATIENCE, trust_env=not server.local) as client,
        ):
            for path, name in files:
                progress.update(bar, description=name)
                good, line = send(client, server, path, name)
                failed += not good
                console.print(line)
                progress.advance(bar)
    if len(files) > 1:
        console.print(f"{len(files) - failed} of {len(files)} documents are in the knowledge base.")
    return not failed


def send(client: httpx.Client, server: nearby.Address, path: Path, name: str) -> tuple[bool, str]:
    """Whether the server took it, and a line that says so."""
    try:
        response = client.post(f"{server.http}/rag/ingest", files={"files": (name, path.read_bytes())})
        body: dict[str, Any] = response.json()
    except OSError as error:
        return False, f"{path}: {error.strerror or error}."
    except (httpx.HTTPError, ValueError) as error:
        raise NexusError(f"The server at {server.http} did not answer: {error}", code="no_server") from None
    one = (body.get("documents") or [body])[0]
    if problem := one.get("error"):
        return False, f"{path}: {problem['message']}"
    return True, f"{path}: {one['status']}, “{one['title']}”, {one['chunks']} passages"
