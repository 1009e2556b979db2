"""The sources of models by the names that the settings give them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..core.errors import BadInput
from . import wheels
from .download import FromHub
from .source import Source


def sources(names: Iterable[str], folder: Path | None) -> list[Source]:
    """`folder` is that of the wheels, if there is one. Raises `BadInput`."""
    known: dict[str, list[Source]] = {
        "folder": [wheels.folder(folder)] if folder else [],
        "index": [wheels.index()],
        "hub": [FromHub()],
    }
    try:
        return [source for name in names for source in known[name]]
    except KeyError as error:
        raise BadInput(f"NEXUS_MODELS__SOURCES names {error}. Choices: {', '.join(known)}.") from None
