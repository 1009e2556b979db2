"""The other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nexus_voice import __version__
from nexus_voice.cli import app
from nexus_voice.commands.ingest import found
from nexus_voice.domain.errors import BadInput

from .conftest import Run, Server, Shell


def test_help_names_every_command() -> None:
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    assert all(name in done.stdout for name in ("serve", "ask", "ingest", "doctor", "bench", "version"))


def test_version() -> None:
    assert __version__ in CliRunner().invoke(app, ["version"]).stdout


def test_ask_wants_one_question() -> None:
    assert CliRunner().invoke(app, ["ask"]).exit_code == 2
    assert CliRunner().invoke(app, ["ask", "both", "--audio", "question.wav"]).exit_code == 2


def test_documents_go_into_the_running_server(server: Server, shell: Shell, run: Run) -> None:
    folder = shell.folder / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "coffee.md").write_text("# Coffee\n\nCoffee is ground just before it is brewed.\n")
    (folder / "deep" / "coffee.md").write_text("# Ice coffee\n\nIce coffee rests for twelve hours.\n")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    done = run("ingest", "notes", "--url", server.url)
    assert done.returncode == 0, done.stderr
    assert "coffee.md: added, “Coffee”, 1 passages" in done.stdout
    assert "2 of 2 documents" in done.stdout
    again = run("ingest", "notes/coffee.md", "notes/photo.jpg", "--url", server.url)
    assert again.returncode == 1
    assert "coffee.md: unchanged" in again.stdout
    assert "photo.jpg: " in again.stdout


def test_a_folder_names_documents_by_the_way_to_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("one.md", "a/one.md", ".hidden/two.md", "a/.three.md", "a/four.exe"):
        (tmp_path / name).write_text("text")
    assert [name for _, name in found([tmp_path])] == ["one.md", "a - one.md"]
    with pytest.raises(BadInput):
        found([tmp_path / "nothing"])


def test_doctor_finds_what_is_chosen_and_broken(run: Run) -> None:
    done = run("doctor", "--json", NEXUS_SERVER__PORT="0")
    body = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert body["ok"]
    assert {"Python", "Voice (fake)", "Meaning search (fake)"} <= {check["what"] for check in body["checks"]}
    more = {"NEXUS_LLM__KIND": "openai", "NEXUS_LLM__BASE_URL": "http://127.0.0.1:9/v1"}
    done = run("doctor", NEXUS_SERVER__PORT="0", NEXUS_LMM__KIND="openai", **more)
    assert done.returncode == 1
    assert "FAILS  Answers (openai)" in done.stdout
    assert "NEXUS_LLM__BASE_URL" in done.stdout
    assert "Did you mean NEXUS_LLM__KIND?" in done.stdout
