"""Documents on this machine: single files, and folders with all that is in them."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from ...core.errors import BadInput
from .source import Entry, Listing, identity, safe, unreadable

HIDDEN = (".", "~$")
"""Beginnings of names that are left out: hidden files, and those that Office keeps beside an open file."""


class Folder:
    """Its name in the knowledge base tells nothing of where it is, and differs by machine and place;
    `name` takes their place for a folder that moves."""

    mirrored = True

    def __init__(self, path: Path, limit: int, name: str = "") -> None:
        self._root, self._limit = path.resolve(), limit
        where = f"{platform.node()}\0{self._root}"
        own = f"{self._root.name or 'root'}-{hashlib.sha256(where.encode(errors='replace')).hexdigest()[:8]}"
        self.id, self.label = identity(f"folder:{name or own}"), f"{path}/"

    @property
    def path(self) -> Path:
        return self._root

    def listing(self) -> Listing:
        if not self._root.is_dir():
            raise BadInput(f"{self.label}: there is no such folder.", code="no_such_file")
        found = Listing(self._limit)

        def closed(error: OSError) -> None:
            if error.filename != str(self._root):
                found.problems[safe(self._name(error.filename)) + "/"] = closed_by(error)
            else:
                raise unreadable(f"{self.label} {closed_by(error)}")

        for parent, folders, names in os.walk(self._root, onerror=closed):
            folders[:] = sorted(name for name in folders if not name.startswith(HIDDEN))
            for name in sorted(names):
                if not name.startswith(HIDDEN) and found.readable(name):
                    self._add(found, os.path.join(parent, name))
        return found

    def open(self, entry: Entry) -> AbstractContextManager[BinaryIO]:
        return opened(entry)

    def _name(self, path: str) -> str:
        return Path(path).relative_to(self._root).as_posix()

    def _inside(self, link: str) -> bool:
        return Path(os.path.realpath(link, strict=True)).is_relative_to(self._root)

    def _add(self, found: Listing, path: str) -> None:
        try:
            if os.path.islink(path) and not self._inside(path):
                return
            about = os.stat(path)
        except FileNotFoundError:  # gone since, or a link to nothing
            return
        except OSError as error:
            found.problems[safe(self._name(path))] = closed_by(error)
            return
        if stat.S_ISREG(about.st_mode):  # no pipe or device
            found.add(path, self._name(path), about.st_size, f"{about.st_size}-{about.st_mtime_ns}")


class Files:
    """Files that were named one by one: sent once, and compared by the server."""

    id, label, mirrored = "upload", "", False

    def __init__(self, paths: Sequence[Path], limit: int) -> None:
        self._paths, self._limit = paths, limit

    def listing(self) -> Listing:
        found = Listing(self._limit)
        for path in self._paths:
            try:
                size = path.stat().st_size
            except OSError as error:
                found.problems[str(path)] = closed_by(error)
            else:
                found.add(str(path), path.name, size, "")
        return found

    def open(self, entry: Entry) -> AbstractContextManager[BinaryIO]:
        return opened(entry)


@contextmanager
def opened(entry: Entry) -> Iterator[BinaryIO]:
    try:
        file = open(entry.key, "rb")  # noqa: SIM115 - closed below; errors of its user are not ours
    except OSError as error:
        raise unreadable(closed_by(error)) from None
    with file:
        yield file


def closed_by(error: OSError) -> str:
    return f"cannot be opened: {error.strerror or error}."
