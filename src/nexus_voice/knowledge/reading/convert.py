"""Makes newer files of Word and PowerPoint files of before 2007, through LibreOffice where that is."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from math import inf
from pathlib import Path

import anyio
import anyio.to_thread

from ...workers.launch import NOT_CONFINED
from .kinds import MEDIA_TYPE, Kind, old, old_kind
from .limits import broken, too_slow

NEWER: dict[Kind, str] = {"doc": "docx", "ppt": "pptx"}
MEMORY_BYTES = 2 << 30
MAX_RESULT_BYTES = 200_000_000
LIBREOFFICE_NAMES = ("soffice", "libreoffice", "/opt/libreoffice/program/soffice")
LAUNCHER = "nexus_voice.workers.launch"
MAX_ATTEMPTS = 2
"""At first LibreOffice makes its profile and starts again, for which it would have to delete its socket."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"}

log = logging.getLogger(__name__)


def found() -> str | None:
    """LibreOffice's program, if it is installed."""
    paths = (shutil.which(name) for name in LIBREOFFICE_NAMES)
    return next((os.path.realpath(path) for path in paths if path), None)


class Converter:
    """Converts one file at a time with `program`, if it is given, within `seconds`: in a process of its own,
    in an empty folder where it alone may write, without network, other files and our environment."""

    def __init__(self, program: str | None, seconds: float) -> None:
        self._program, self._seconds = program, seconds
        self._one = anyio.Lock()

    async def newer(self, name: str, data: bytes) -> tuple[bytes, str]:
        """(the file in a format of today, the media type of what it was). What is not of before 2007, or
        cannot be converted here, comes as it is, with "". Raises `BadInput`."""
        kind = await anyio.to_thread.run_sync(old_kind, data) if self._program else None
        if kind is None:
            return data, ""
        async with self._one:
            folder = await anyio.to_thread.run_sync(_filled, data, kind)
            try:
                return await self._converted(name, folder, kind), MEDIA_TYPE[kind]
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(_tidy, folder)

    async def _converted(self, name: str, folder: str, kind: Kind) -> bytes:
        assert self._program
        command = [
            sys.executable, "-I", "-m", LAUNCHER, folder, str(MEMORY_BYTES), self._program, "--headless",
            "--norestore", "--nologo", f"-env:UserInstallation=file://{folder}/profile", "--convert-to",
            NEWER[kind], "--outdir", folder, f"{folder}/in.{kind}",
        ]  # fmt: skip
        with anyio.move_on_after(self._seconds) as scope:
            for _ in range(MAX_ATTEMPTS):
                status = await _run(command, {**ENVIRONMENT, "HOME": folder, "TMPDIR": folder})
                if status == NOT_CONFINED:
                    raise old(name, kind)
                await anyio.to_thread.run_sync(_forget_sockets, folder)
                data = await anyio.to_thread.run_sync(_result, f"{folder}/in.{NEWER[kind]}")
                if data is not None:
                    return data
                log.warning("LibreOffice ended with %d and no file", status)
        raise too_slow(name, self._seconds) if scope.cancelled_caught else broken(name)


async def _run(command: list[str], environment: dict[str, str]) -> int:
    """The exit status. Whatever happens, nothing of it is left running."""
    nothing = subprocess.DEVNULL
    process = await anyio.open_process(
        command, stdin=nothing, stdout=nothing, stderr=nothing, env=environment, start_new_session=True
    )
    try:
        return await process.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with anyio.CancelScope(shield=True):
            await process.wait()


def _filled(data: bytes, kind: Kind) -> str:
    folder = os.path.realpath(tempfile.mkdtemp(prefix="nexus-convert-"))
    Path(folder, f"in.{kind}").write_bytes(data)
    return folder


def _tidy(folder: str) -> None:
    _forget_sockets(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _forget_sockets(folder: str) -> None:
    """Delete the sockets that LibreOffice has left in /tmp since the folder was filled."""
    began = min((path.stat().st_mtime for path in Path(folder).glob("in.*")), default=inf)
    for path in Path("/tmp").glob("OSL_PIPE_*SingleOfficeIPC_*"):  # noqa: S108 - its own choice
        with suppress(OSError):
            if path.is_socket() and path.stat().st_mtime >= began:
                path.unlink()


def _result(path: str) -> bytes | None:
    """The file, if the program has made one: a link is none."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(MAX_RESULT_BYTES + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except OSError:
        return None
