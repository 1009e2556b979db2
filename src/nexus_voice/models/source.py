"""What a source of models is: a place that may have a model's files, and what it says when it has not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..core.errors import NexusError
from .model import File, Model

Progress = Callable[[str, int, int], None]
"""(file, bytes so far, its size in bytes). The bytes fall when a file has to start anew."""


class SourceError(NexusError):
    """A source does not give a model; another one may.

    `passing`: it works for no model just now, and the same request may succeed a little later.
    """

    code = "source_failed"
    status = 502
    passing = False


class ChecksumMismatch(SourceError):
    code = "checksum_mismatch"


class Source(Protocol):
    @property
    def name(self) -> str:
        """For people, such as "the package index"."""
        ...

    def has(self, model: Model) -> bool:
        """Whether it makes sense to ask for it."""
        ...

    def fetch(self, model: Model, part: Path, progress: Progress) -> tuple[str, tuple[File, ...]]:
        """Bring all files, checked, into the folder `part` -> (revision, files).

        What an earlier fetch has left there may be used again. Raises `SourceError`, `DiskFull`, OSError.
        """
        ...
