"""Downloads models from the hub: resumes where it stopped, and compares every checksum."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from . import files
from .hub import Hub, HubError, Remote
from .model import File, Model, local
from .pinned import PINNED
from .source import ChecksumMismatch, Progress, SourceError

MAX_ATTEMPTS = 5
"""A download is given up after so many attempts in a row that brought nothing."""
FIRST_RETRY_PAUSE_S = 0.5
"""Pause before the second attempt, doubled before each further one."""


class DownloadBroken(SourceError):
    code = "download_broken"


class FromHub:
    """Implements `Source`. What a broken download brought stays in `part`: the next goes on from there."""

    name = "the model hub"

    def has(self, model: Model) -> bool:
        return True

    def fetch(self, model: Model, part: Path, progress: Progress) -> tuple[str, tuple[File, ...]]:
        hub = Hub()
        wanted = _wanted(hub, model)
        # Nothing of other versions:
        files.clear(part, (n for one in wanted for n in (one.file.name, _partial(part, one.file).name)))
        found = tuple(remote.file for remote in wanted)
        files.check_room(model, part, found)
        for remote in wanted:
            _fetch(hub, remote, part, progress)
        return wanted[0].commit, found


def _wanted(hub: Hub, model: Model) -> list[Remote]:
    """All files as of one commit, that of the first file, so that two versions are never mixed. Where we know
    a file's checksum, it counts instead of the hub's."""
    known = {file.name: file for file in PINNED[model.name].files} if model.name in PINNED else {}
    found: list[Remote] = []
    for path in model.files:
        remote = hub.look(model.repo, path, found[0].commit if found else model.revision)
        file = known.get(local(path), remote.file)
        if file.size != remote.file.size:
            raise ChecksumMismatch(f"the hub now has another {path} in {model.repo}")
        found.append(replace(remote, file=file))
    return found


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
