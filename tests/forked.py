"""Runs scripts in child processes that are forked from one that has already imported what they need.

Starting such a child takes milliseconds; a new interpreter takes a second or more to import the same.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "alembic.command",
        "anyio._backends._asyncio",
        "bs4",
        "faiss",
        "markdown_it",
        "nexus_voice.engines.fake.engines",
        "nexus_voice.knowledge.base",
        "nexus_voice.knowledge.index.sqlite",
        "nexus_voice.knowledge.ingest.ingestion",
        "nexus_voice.knowledge.reading.html",
        "psycopg",
        "pytest",
    ]
)


@dataclass(frozen=True, slots=True)
class Script:
    """A script that runs in a child process. `stdout` is what it prints."""

    process: ForkServerProcess
    stdout: TextIO

    def kill(self) -> bool:
        """End it at once. False when it has ended by itself before."""
        self.process.kill()
        return self.wait() == -signal.SIGKILL

    def wait(self) -> int | None:
        """The exit status."""
        self.process.join()
        return self.process.exitcode


@contextmanager
def script(path: Path, *arguments: str) -> Iterator[Script]:
    """Run a script with these arguments. It is killed at the end if it still runs."""
    read, write = os.pipe()
    output = Connection(write, readable=False)
    process = FORKS.Process(target=_run, args=(str(path), arguments, output))
    with open(read) as stdout:
        process.start()
        output.close()
        try:
            yield Script(process, stdout)
        finally:
            process.kill()
            process.join()
            process.close()


def _run(path: str, arguments: tuple[str, ...], output: Connection) -> None:
    os.dup2(output.fileno(), 1)
    output.close()
    sys.argv = [path, *arguments]
    sys.path.insert(0, str(Path(path).parent))
    runpy.run_path(path, run_name="__main__")
