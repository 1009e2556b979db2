"""`nexus-voice models`."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nexus_voice.cli.models import STARTER as HELP
from nexus_voice.cli.models import app
from nexus_voice.core.errors import NexusError
from nexus_voice.models.catalogue import CATALOGUE, STARTER, named
from nexus_voice.models.pinned import PINNED
from weights import weights

from .hub import Hub

Run = Callable[..., Result]


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name in [name for name in os.environ if name.startswith("NEXUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NEXUS_DATA_DIR", str(root.parent))
    monkeypatch.setenv("NEXUS_MODELS__SOURCES", "folder,hub")
    monkeypatch.setenv("NEXUS_MODELS__WHEELS", str(tmp_path / "wheels"))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, words)


def test_the_list(run: Run, hub: Hub) -> None:
    shown = run("list")
    assert shown.exit_code == 0
    assert all(model.name in shown.output and model.licence in shown.output for model in CATALOGUE)
    assert run("list", "--installed", "--json").output.strip() == "[]"
    hub.add(named("e5-small-v2"))
    assert run("pull", "e5-small-v2").exit_code == 0
    (one,) = json.loads(run("list", "--installed", "--json").output)
    assert (one["name"], one["port"]) == ("e5-small-v2", "embedder")
    assert Path(one["installed"]).is_dir()
    assert "✓   e5-small-v2" in run("list").output


def wheel_of_smart_turn(folder: Path) -> None:
    """The wheel that carries it, with nothing else in it."""
    folder.mkdir()
    (wheel,) = PINNED["smart-turn-v3.2"].wheels
    ((member, name),) = wheel.members.items()
    with zipfile.ZipFile(folder / f"pipecat_ai-{wheel.version}-py3-none-any.whl", "w") as archive:
        archive.write(weights("smart-turn-v3.2") / name, member)


def test_the_starter_set(run: Run, root: Path, tmp_path: Path) -> None:
    assert set(HELP.replace(",", " ").split()) == {*STARTER, "and"}
    root.mkdir(parents=True)
    for name in STARTER[:-1]:
        (root / name).symlink_to(weights(name))
    wheel_of_smart_turn(tmp_path / "wheels")
    done = run("pull")
    assert done.exit_code == 0, done.output
    assert done.output.count("already here") == 3
    assert (root / "smart-turn-v3.2" / "smart-turn-v3.2-cpu.onnx").is_file()
    assert "From now on a running server tells with it when you have finished" in done.output
    assert "nexus-voice doctor" in done.output
    assert run("verify", "smart-turn-v3.2").exit_code == 0
    again = run("pull")
    assert again.exit_code == 0
    assert again.output.count("already here") == 4


def test_one_failure_does_not_stop_the_others(run: Run, hub: Hub, root: Path) -> None:
    hub.add(named("whisper-tiny"))
    done = run("pull", "xtts-v2", "e5-small-v2", "whisper-tiny")
    assert done.exit_code == 1
    assert "--accept-licence" in done.stderr
    assert "intfloat/e5-small-v2" in done.stderr
    assert (root / "whisper-tiny").is_dir()
    hub.add(named("xtts-v2"))
    assert run("pull", "xtts-v2", "--accept-licence").exit_code == 0


def test_an_unknown_name_pulls_nothing(run: Run, hub: Hub) -> None:
    done = run("pull", "whisper-tiny", "whisper-huge")
    assert done.exit_code == 1
    assert isinstance(done.exception, NexusError)
    assert "Did you mean" in done.exception.message
    assert hub.requests == []


def test_verify_and_rm(run: Run, hub: Hub, root: Path) -> None:
    assert "No model" in run("verify").output
    hub.add(named("whisper-tiny"))
    run("pull", "whisper-tiny")
    assert run("verify").output.startswith("whisper-tiny: good, 4 files")
    with (root / "whisper-tiny" / "model.bin").open("r+b") as file:
        file.seek(5000)
        file.write(b"!")
    done = run("verify", "whisper-tiny")
    assert done.exit_code == 1
    assert "damaged: model.bin" in done.stderr
    assert run("verify", "whisper-base").exit_code == 1
    done = run("rm", "whisper-tiny", "whisper-base")
    assert done.exit_code == 1
    assert "removed" in done.output
    assert "'whisper-base' is not installed" in done.stderr
    assert not (root / "whisper-tiny").exists()
