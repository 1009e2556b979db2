"""The other commands."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from nexus_voice import __version__
from nexus_voice.cli.main import app

from .conftest import Run


def test_help_names_every_command() -> None:
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    assert all(name in done.stdout for name in ("serve", "ask", "ingest", "doctor", "bench", "version"))


def test_version() -> None:
    assert __version__ in CliRunner().invoke(app, ["version"]).stdout


def test_bench_says_where_the_measurements_are() -> None:
    assert "make bench" in CliRunner().invoke(app, ["bench"]).stdout


def test_ask_wants_one_question() -> None:
    assert CliRunner().invoke(app, ["ask"]).exit_code == 2
    assert CliRunner().invoke(app, ["ask", "both", "--audio", "question.wav"]).exit_code == 2


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
