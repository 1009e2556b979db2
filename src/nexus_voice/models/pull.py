"""Pulls a model: asks one source after the other for its files.

Everything goes into `ROOT/<name>.part/`, which is renamed to `ROOT/<name>/` at the very end.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.errors import NexusError
from . import files
from .files import CannotWrite, DiskFull, Installed
from .model import File, Model
from .source import Progress, Source, SourceError

DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class LicenceNotAccepted(NexusError):
    code = "licence_not_accepted"
    status = 403


def pull(
    model: Model,
    root: Path,
    sources: list[Source],
    *,
    accept_licence: bool = False,
    progress: Progress = lambda name, done, size: None,
    waiting: Callable[[], None] = lambda: None,
    passed_over: Callable[[Source, SourceError], None] = lambda source, error: None,
) -> Installed:
    """The installed model: at once when it is here, else from the first source that gives it. Blocks.

    `waiting` is called when another pull of it is under way, which this one then waits for; `passed_over`
    for each source that does not give it. One that works for no model just now is taken out of `sources`.
    Raises the last source's `SourceError`, `LicenceNotAccepted`, `DiskFull`, `CannotWrite`. A full disk
    deletes what came; after ctrl-C it stays, and the next pull goes on from there.
    """
    if (here := _here(root, model)) is not None:
        return here
    if model.terms and not accept_licence:
        raise LicenceNotAccepted(f"{model.terms} To accept that, pull it with --accept-licence.")
    with files.locked(root, model.name, waiting):
        if (here := _here(root, model)) is not None:
            return here
        part = files.part_of(root, model.name)
        try:
            with _disk(root, part):
                _begin(root / model.name, part)
                revision, found = _fetch(model, part, sources, progress, passed_over)
                _finish(model, part, root / model.name, revision, found)
        finally:
            with suppress(OSError):
                part.rmdir()  # if nothing came
    return files.get(root, model.name)


def _here(root: Path, model: Model) -> Installed | None:
    return next((one for one in files.installed(root) if one.model.name == model.name), None)


def _fetch(
    model: Model,
    part: Path,
    sources: list[Source],
    progress: Progress,
    passed_over: Callable[[Source, SourceError], None],
) -> tuple[str, tuple[File, ...]]:
    failure = SourceError(f"No source that can be asked has {model.name}.", code="no_source")
    for source in [source for source in sources if source.has(model)]:
        try:
            return source.fetch(model, part, progress)
        except SourceError as error:
            failure = error
            if error.passing:
                sources.remove(source)
            passed_over(source, error)
    raise failure


@contextmanager
def _disk(root: Path, part: Path) -> Iterator[None]:
    """Put the disk's errors into plain words. If it is full, what came is deleted."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL_ERRORS:
            shutil.rmtree(part, ignore_errors=True)
            raise DiskFull(
                f"The disk of {root} is full. What had come was deleted; make room and pull again."
            ) from error
        raise CannotWrite(
            f"{error.filename or root} cannot be written: {error.strerror or error}."
        ) from error


def _begin(home: Path, part: Path) -> None:
    """Make the folder of the pull. If an installed model has lost a file, its other files are used again."""
    if home.exists():
        if not (home / files.MANIFEST).is_file():
            raise CannotWrite(f"{home} is in the way and was not made by a pull. Move it elsewhere.")
        if part.exists():
            shutil.rmtree(part)
        home.rename(part)
    part.mkdir(exist_ok=True)


def _finish(model: Model, part: Path, home: Path, revision: str, found: tuple[File, ...]) -> None:
    files.clear(part, (file.name for file in found))  # of what a source has left that did not get to its end
    files.write_manifest(part, model, revision, found)
    part.rename(home)
