"""Pulls a model from the hub: checks the room on the disk, resumes where it stopped, compares every checksum.

Everything goes into `ROOT/<name>.part/`, which is renamed to `ROOT/<name>/` at the very end.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import NexusError
from . import files
from .files import CannotWrite, File, Installed
from .hub import Hub, HubError, Remote
from .model import Model

Progress = Callable[[str, int, int], None]
"""(file, bytes so far, its size in bytes). The bytes fall when a file has to start anew."""
FREE_SPACE_MARGIN = 200_000_000
"""Bytes that a pull leaves free."""
MAX_ATTEMPTS = 5
"""A download is given up after so many attempts in a row that brought nothing."""
FIRST_RETRY_PAUSE_S = 0.5
"""Pause before the second attempt, doubled before each further one."""
DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class LicenceNotAccepted(NexusError):
    code = "licence_not_accepted"
    status = 403


class DiskFull(NexusError):
    code = "disk_full"
    status = 507


class ChecksumMismatch(NexusError):
    code = "checksum_mismatch"
    status = 502


class DownloadBroken(NexusError):
    code = "download_broken"
    status = 502


def pull(
    model: Model,
    root: Path,
    *,
    accept_licence: bool = False,
    progress: Progress = lambda name, done, size: None,
    waiting: Callable[[], None] = lambda: None,
) -> Installed:
    """The installed model: at once when it is here, else after its download. Blocks; needs no event loop.

    `waiting` is called when another pull of it is under way, which this one then waits for. Raises
    `HubError` and its kinds, `LicenceNotAccepted`, `DiskFull`, `ChecksumMismatch`, `DownloadBroken`,
    `CannotWrite`. A full disk or a wrong checksum deletes what came; after a broken download, or
    ctrl-C, it stays and the next pull goes on from there.
    """
    if (here := _here(root, model)) is not None:
        return here
    if model.terms and not accept_licence:
        raise LicenceNotAccepted(f"{model.terms} To accept that, pull it with --accept-licence.")
    with files.locked(root, model.name, waiting):
        if (here := _here(root, model)) is not None:
            return here
        hub = Hub()
        wanted = _wanted(hub, model)
        part = files.part_of(root, model.name)
        with _disk(root, part):
            _begin(root / model.name, part)
            _make_room(model, part, wanted)
            for remote in wanted:
                _fetch(hub, remote, part, progress)
            _finish(model, part, root / model.name, wanted)
    return files.get(root, model.name)


def _here(root: Path, model: Model) -> Installed | None:
    return next((one for one in files.installed(root) if one.model.name == model.name), None)


def _wanted(hub: Hub, model: Model) -> list[Remote]:
    """All files as of one commit, that of the first file, so that two versions are never mixed."""
    found: list[Remote] = []
    for path in model.files:
        found.append(hub.look(model.repo, path, found[0].commit if found else model.revision))
    return found


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


def _make_room(model: Model, part: Path, wanted: list[Remote]) -> None:
    """Delete what an earlier pull left of other versions. Raises `DiskFull` if the rest does not fit."""
    kept = {name for remote in wanted for name in (remote.file.name, _partial(part, remote.file).name)}
    for left in part.iterdir():
        if left.name not in kept:
            left.unlink()
    size = sum(remote.file.size for remote in wanted)
    missing = max(0, size - sum(_size(file) for file in part.iterdir()))
    free = shutil.disk_usage(part).free
    if missing and free < missing + FREE_SPACE_MARGIN:
        if not any(part.iterdir()):
            part.rmdir()
        raise DiskFull(
            f"{model.name} needs {(missing + FREE_SPACE_MARGIN) / 1e9:.2f} GB, but the disk of "
            f"{part.parent} has only {free / 1e9:.2f} GB free. Make room, or set NEXUS_DATA_DIR elsewhere."
        )


def _partial(part: Path, file: File) -> Path:
    """The file that a download is written to; the checksum in its name keeps versions apart."""
    return part / f"{file.name}.{file.checksum.partition(':')[2][:16]}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _fetch(hub: Hub, remote: Remote, part: Path, progress: Progress) -> None:
    """Bring one file into the part folder, complete and checked."""
    file, target, partial = remote.file, part / remote.file.name, _partial(part, remote.file)
    if target.exists():  # from an interrupted pull, perhaps of another version
        if files.checksum(target, file.checksum) == file.checksum:
            progress(file.name, file.size, file.size)
            return
        target.unlink()
    attempts = 0
    while (had := _size(partial)) < file.size:
        try:
            _attempt(hub, remote, partial, had, progress)
            broken: HubError | None = None
        except HubError as error:
            if not error.passing:
                raise
            broken = error
        attempts = 0 if _size(partial) > had else attempts + 1
        if attempts == MAX_ATTEMPTS:
            raise DownloadBroken(
                f"The download of {file.name} broke off at {had / 1e6:.0f} of {file.size / 1e6:.0f} MB"
                f"{f' ({broken.message})' if broken else ''}. Pull again, and it goes on from there."
            ) from broken
        if attempts:
            time.sleep(FIRST_RETRY_PAUSE_S * 2 ** (attempts - 1))
    partial.touch()  # an empty file has nothing to download
    progress(file.name, file.size, file.size)
    if files.checksum(partial, file.checksum) != file.checksum:
        partial.unlink()
        raise ChecksumMismatch(
            f"{file.name} of {remote.repo} arrived damaged: its checksum is not the hub's. It was deleted; "
            f"pull again. If that does not help, {hub.endpoint} serves a wrong file."
        )
    partial.replace(target)


def _attempt(hub: Hub, remote: Remote, partial: Path, start: int, progress: Progress) -> None:
    """Request the rest of a file once. However that ends, what came is on the disk."""
    with hub.stream(remote, start) as (begins, chunks), partial.open("ab" if begins else "wb") as out:
        done = begins
        try:
            for chunk in chunks:
                out.write(chunk)
                done += len(chunk)
                progress(remote.file.name, min(done, remote.file.size), remote.file.size)
                if done > remote.file.size:
                    break  # not the file we were told of: the checksum will say so
        finally:
            out.flush()
        os.fsync(out.fileno())


def _finish(model: Model, part: Path, home: Path, wanted: list[Remote]) -> None:
    files.write_manifest(part, model, wanted[0].commit, tuple(remote.file for remote in wanted))
    part.rename(home)
