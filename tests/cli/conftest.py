"""A server in a process of its own, on scripted engines."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from nexus_voice.cli import main as cli
from once import empty_base
from serving import plain_logs

FAKE = {
    "NEXUS_VAD__KIND": "fake",
    "NEXUS_STT__KIND": "fake",
    "NEXUS_LLM__KIND": "fake",
    "NEXUS_TTS__KIND": "fake",
    "NEXUS_EMBEDDER__KIND": "fake",
    "NEXUS_TALK__NOISE_GATE": "false",
    "NEXUS_FAKE__TRANSCRIPT": "what is barge-in",
    "NEXUS_FAKE__ANSWER": "You may speak while I speak.",
    "NEXUS_FAKE__SENTENCE_SECONDS": "0.5",
    "NEXUS_SERVER__LOG_JSON": "true",
}


@dataclass(slots=True)
class Shell:
    """A folder and an environment to run commands in."""

    folder: Path
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "nexus_voice", *words]

    @contextmanager
    def serving(self, *words: str) -> Iterator[Server]:
        """Run `serve`, and yield it once it has printed its banner."""
        with (
            (self.folder / "log").open("w+") as log,
            subprocess.Popen(
                self.command("serve", "--port", "0", *words),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                yield Server(process, banner_of(process))
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    try:
                        process.wait(20)
                    except subprocess.TimeoutExpired:
                        process.kill()


@dataclass(slots=True)
class Server:
    process: subprocess.Popen[str]
    banner: list[str]

    @property
    def url(self) -> str:
        return self.banner[0].split("Open ")[1].split()[0]


def banner_of(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    lines: list[str] = []
    patience = threading.Timer(60, process.kill)
    patience.start()
    try:
        while not lines or "Ctrl-C" not in lines[-1]:
            line = process.stdout.readline()
            assert line, f"the server has ended: {lines}"
            lines.append(line.rstrip())
    finally:
        patience.cancel()
    return lines


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "seed").mkdir()
    empty_base(folder / "data" / "knowledge")
    (folder / "seed" / "tea.md").write_text(
        "# Tea\n\nGreen tea is brewed at eighty degrees for two minutes.\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    more = {"NEXUS_DATA_DIR": str(folder / "data"), "NEXUS_KNOWLEDGE__SEED": str(folder / "seed")}
    return Shell(folder, kept | FAKE | more)


@pytest.fixture(scope="session")
def server(shell: Shell) -> Iterator[Server]:
    with shell.serving() as running:
        yield running


@pytest.fixture(autouse=True)
def settings_of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Keep the developer's variables and .env from commands that run within this process."""
    for name in [name for name in os.environ if name.startswith("NEXUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch.setenv


@dataclass(slots=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings_of_nobody: object,
) -> Run:
    """Run a command within this process, which saves the imports each time."""

    def run(*words: str, **more: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in (shell.environment | more).items():
                if name.startswith("NEXUS_"):
                    patch.setenv(name, value)
            patch.chdir(shell.folder)
            patch.setattr(sys, "argv", ["nexus-voice", *words])
            capsys.readouterr()
            root = logging.getLogger()
            kept = root.handlers[:], root.level
            with pytest.raises(SystemExit) as ended:
                cli.main()
            root.handlers[:], root.level = kept
            plain_logs()
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run
