"""Models on disk: `ROOT/<name>/` holds a model's files and the manifest that the pull wrote.

A folder gets this name only when everything in it is there and checked, so a folder with a manifest is an
installed model. Anything else in ROOT (other caches, pulls in progress) is left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..core.errors import NexusError
from .catalogue import CATALOGUE, RANKS
from .model import PORTS, File, Model, local

MANIFEST = "manifest.json"
PART_SUFFIX = ".part"
"""Suffix of an unfinished pull's folder. No model's name ends so."""
BLOCK_BYTES = 1 << 20
FREE_SPACE_MARGIN = 200_000_000
"""Bytes that a pull leaves free, or needs for a while."""


class ModelNotInstalled(NexusError):
    code = "model_not_installed"
    status = 404


class PullRunning(NexusError):
    code = "pull_running"
    status = 409


class CannotWrite(NexusError):
    code = "cannot_write"


class DiskFull(NexusError):
    code = "disk_full"
    status = 507


@dataclass(frozen=True, slots=True)
class Installed:
    model: Model
    folder: Path
    revision: str
    """The hub's commit, or the wheels that it came in."""
    files: tuple[File, ...]

    @property
    def path(self) -> Path:
        """What the engine of this kind is given: the model's file or its folder."""
        return self.folder / self.model.entry

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def installed(root: Path) -> list[Installed]:
    """All complete models in `root`, by port; within one port the preferred first.

    A model of the user's own choice comes before the catalogue's. This is cheap: only manifests are read.
    """
    try:
        folders = [entry for entry in root.iterdir() if not entry.name.endswith(PART_SUFFIX)]
    except OSError:
        return []
    found = [one for folder in folders if (one := _read(folder)) is not None]
    return sorted(found, key=_preference)


def _preference(one: Installed) -> tuple[int, int, str]:
    return PORTS.index(one.model.port), RANKS.get(one.model.name, -1), one.model.name


def get(root: Path, name: str) -> Installed:
    """The installed model of that name. Raises `ModelNotInstalled`."""
    for one in installed(root):
        if one.model.name == name:
            return one
    raise ModelNotInstalled(f"The model {name!r} is not installed. See `nexus-voice models list`.")


def _read(folder: Path) -> Installed | None:
    """What a folder's manifest says, if the files it names are there with their sizes."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        name = manifest["model"]["name"]
        model = CATALOGUE[RANKS[name]] if name in RANKS else _model(manifest["model"])
        files = tuple(File(str(f["name"]), int(f["size"]), str(f["checksum"])) for f in manifest["files"])
        whole = all((folder / local(file.name)).stat().st_size == file.size for file in files)
        entry = not model.entry or model.entry in {file.name for file in files}
        if name != folder.name or model.port not in PORTS or not (files and whole and entry):
            return None
        return Installed(model, folder, str(manifest["revision"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NexusError):
        return None


def _model(values: dict[str, Any]) -> Model:
    known = {field.name for field in fields(Model)}
    kept: dict[str, Any] = {}
    for key in known & values.keys():
        kept[key] = tuple(values[key]) if isinstance(values[key], list) else values[key]
    return Model(**kept)


def write_manifest(folder: Path, model: Model, revision: str, files: tuple[File, ...]) -> None:
    body = {"model": asdict(model), "revision": revision, "files": [asdict(file) for file in files]}
    with (folder / MANIFEST).open("w", encoding="utf-8") as out:
        json.dump(body, out, indent=1)
        out.flush()
        os.fsync(out.fileno())


def part_of(root: Path, name: str) -> Path:
    return root / f"{local(name)}{PART_SUFFIX}"


@contextmanager
def locked(root: Path, name: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock without which no process or thread may change a model.

    If another one holds it, `waiting` is called first; without `waiting`, `PullRunning` is raised. Raises
    `CannotWrite`.
    """
    from filelock import FileLock, Timeout

    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / f".{local(name)}.lock", is_singleton=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if waiting is None:
                raise PullRunning(f"{name} is being pulled just now. Try again when it is done.") from None
            waiting()
            lock.acquire()
    except OSError as error:
        raise CannotWrite(f"{root} cannot be written: {error.strerror or error}.") from error
    try:
        yield
    finally:
        lock.release()


def remove(root: Path, name: str) -> int:
    """Delete a model and what an unfinished pull of it has left; returns the bytes that were freed.

    Raises `ModelNotInstalled`, `PullRunning`, `CannotWrite`.
    """
    one = next((one for one in installed(root) if one.model.name == name), None)
    part = part_of(root, name)
    if one is None and not part.is_dir():
        get(root, name)
    with locked(root, name):
        held = (one.size if one else 0) + sum(file.stat().st_size for file in part.glob("*"))
        try:
            if part.is_dir():
                shutil.rmtree(part)
            if one is not None:
                one.folder.rename(part)  # nobody ever sees half of it
                shutil.rmtree(part)
        except OSError as error:
            raise CannotWrite(f"{name} cannot be removed: {error.strerror or error}.") from error
    return held


def clear(part: Path, kept: Iterable[str]) -> None:
    """Delete everything in the folder but the files that are to be kept."""
    names = set(kept)
    for left in part.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        elif left.name not in names:
            left.unlink()


def check_room(model: Model, part: Path, wanted: Iterable[File]) -> None:
    """Raise `DiskFull` if what is missing in `part` of the files that are wanted does not fit."""
    missing = sum(file.size for file in wanted) - sum(file.stat().st_size for file in part.iterdir())
    free = shutil.disk_usage(part).free
    if missing > 0 and free < missing + FREE_SPACE_MARGIN:
        raise DiskFull(
            f"{model.name} needs {(missing + FREE_SPACE_MARGIN) / 1e9:.2f} GB, but the disk of "
            f"{part.parent} has only {free / 1e9:.2f} GB free. Make room, or set NEXUS_DATA_DIR elsewhere."
        )


def damage(one: Installed) -> list[str]:
    """Names of the files that differ from what was pulled; every byte is read."""
    return [file.name for file in one.files if not good(one.folder / file.name, file)]


def good(path: Path, file: File) -> bool:
    """Whether `path` holds exactly that file."""
    try:
        return path.stat().st_size == file.size and checksum(path, file.checksum) == file.checksum
    except OSError:
        return False


def checksum(path: Path, like: str) -> str:
    """The file's checksum, of the same kind as `like`."""
    kind = like.partition(":")[0]
    # git's name of a blob: SHA-1 over "blob", its size in decimal, a zero byte and the content
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(usedforsecurity=False)
    if kind == "git":
        digest.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return f"{kind}:{digest.hexdigest()}"
