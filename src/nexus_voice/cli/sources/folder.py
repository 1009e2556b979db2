"""Documents on this machine: single files, and folders with everything below them."""

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

HIDDEN_PREFIXES = (".", "~$")
"""Prefixes of file names that are left out: hidden files, and the lock files of Office."""


class Folder:
    """A folder that the knowledge base mirrors.

    Its id is made of the folder's name and a hash of the machine and the path, so that it does not reveal
    where the folder is. A folder that moves keeps its id when `name` is given instead.
    """

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
                found.problems[safe(self._name(error.filename)) + "/"] = cannot_open(error)
            else:
                raise unreadable(f"{self.label} {cannot_open(error)}")

        for parent, folders, names in os.walk(self._root, onerror=closed):
            folders[:] = sorted(name for name in folders if not name.startswith(HIDDEN_PREFIXES))
            for name in sorted(names):
                if not name.startswith(HIDDEN_PREFIXES) and found.readable(name):
                    self._add(found, os.path.join(parent, name))
        return found

    def open(self, entry: Entry) -> AbstractContextManager[BinaryIO]:
        return open_entry(entry)

    def _name(self, path: str) -> str:
        return Path(path).relative_to(self._root).as_posix()

    def _inside(self, link: str) -> bool:
        return Path(os.path.realpath(link, strict=True)).is_relative_to(self._root)

    def _add(self, found: Listing, path: str) -> None:
        try:
            if os.path.islink(path) and not self._inside(path):
                return
            about = os.stat(path)
        except FileNotFoundError:  # deleted meanwhile, or a broken link
            return
        except OSError as error:
            found.problems[safe(self._name(path))] = cannot_open(error)
            return
        if stat.S_ISREG(about.st_mode):  # not a pipe or a device
            found.add(path, self._name(path), about.st_size, f"{about.st_size}-{about.st_mtime_ns}")


class Files:
    """Files that were named one by one. They are sent once, and the server compares them."""

    id, label, mirrored = "upload", "", False

    def __init__(self, paths: Sequence[Path], limit: int) -> None:
        self._paths, self._limit = paths, limit

    def listing(self) -> Listing:
        found = Listing(self._limit)
        for path in self._paths:
            try:
                size = path.stat().st_size
            except OSError as error:
                found.problems[str(path)] = cannot_open(error)
            else:
                found.add(str(path), path.name, size, "")
        return found

    def open(self, entry: Entry) -> AbstractContextManager[BinaryIO]:
        return open_entry(entry)


@contextmanager
def open_entry(entry: Entry) -> Iterator[BinaryIO]:
    try:
        file = open(entry.key, "rb")  # noqa: SIM115 - closed below, outside of this `except`
    except OSError as error:
        raise unreadable(cannot_open(error)) from None
    with file:
        yield file


def cannot_open(error: OSError) -> str:
    return f"cannot be opened: {error.strerror or error}."
