"""Pulling from a hub that is real down to its sockets, and what goes wrong on the way."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus_voice.core.errors import NexusError
from nexus_voice.models import files
from nexus_voice.models.catalogue import named
from nexus_voice.models.download import MAX_ATTEMPTS, FromHub
from nexus_voice.models.files import FREE_SPACE_MARGIN, Installed, installed, part_of
from nexus_voice.models.model import Model
from nexus_voice.models.pull import pull as pull_from

from .hub import Hub

WHISPER = named("whisper-base.en")
VOICE = named("de_DE-thorsten-medium")


def pull(model: Model, root: Path, **more: Any) -> Installed:
    return pull_from(model, root, [FromHub()], **more)


def held(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != files.MANIFEST}


def code(job: Callable[[], object]) -> str:
    with pytest.raises(NexusError) as caught:
        job()
    assert len(caught.value.message) > 20
    return caught.value.code


def test_a_whole_pull(hub: Hub, root: Path) -> None:
    content, steps = hub.add(WHISPER), []
    one = pull(WHISPER, root, progress=lambda *step: steps.append(step))
    assert held(root / WHISPER.name) == content
    assert (one.path, one.revision) == (root / WHISPER.name, hub.commits[WHISPER.repo])
    assert installed(root) == [one]
    assert [path.name for path in root.iterdir() if not path.name.endswith(".lock")] == [WHISPER.name]
    assert {name: size for name, done, size in steps if done == size} == {
        name: len(data) for name, data in content.items()
    }
    # The commit that the first answer named holds for all the others, and nobody else was asked anything.
    asked = [one.path.split("/")[4] for one in hub.requests if "/resolve/" in one.path]
    assert asked[0] == "main"
    assert set(asked[1:]) == {hub.commits[WHISPER.repo]}
    assert all("/resolve/" in one.path or one.path == "/model.bin" for one in hub.requests)
    hub.requests.clear()
    assert pull(WHISPER, root) == one
    assert hub.requests == []


def test_files_from_folders_lie_side_by_side(hub: Hub, root: Path) -> None:
    content = hub.add(VOICE)
    one = pull(VOICE, root)
    assert one.path == root / VOICE.name / "de_DE-thorsten-medium.onnx"
    assert held(one.folder) == content
    assert "MODEL_CARD" in content


def test_the_token_goes_to_the_hub_only(hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add(WHISPER)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull(WHISPER, root)
    told = {one.path: one.headers.get("authorization") for one in hub.requests}
    assert told.pop("/model.bin") is None
    assert set(told.values()) == {"Bearer hf_secret"}


def test_a_cut_connection_is_resumed_at_once(hub: Hub, root: Path) -> None:
    content = hub.add(WHISPER)
    hub.cuts = [100_000, 50_000]
    pull(WHISPER, root)
    assert held(root / WHISPER.name) == content
    ranges = [one.headers.get("range") for one in hub.fetched("model.bin")]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_a_broken_download_is_resumed_by_the_next_pull(hub: Hub, root: Path) -> None:
    content = hub.add(WHISPER)
    hub.cuts = [100_000] + [0] * MAX_ATTEMPTS
    assert code(lambda: pull(WHISPER, root)) == "download_broken"
    assert len(hub.fetched("model.bin")) == 1 + MAX_ATTEMPTS
    assert installed(root) == []
    assert installed(root) == []
    hub.requests.clear()
    pull(WHISPER, root)
    assert [one.headers.get("range") for one in hub.fetched("model.bin")] == ["bytes=100000-"]
    assert held(root / WHISPER.name) == content


def test_an_interrupted_pull_keeps_what_came(hub: Hub, root: Path) -> None:
    content = hub.add(WHISPER)

    def interrupt(name: str, done: int, size: int) -> None:
        if name == "model.bin" and done > 50_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(WHISPER, root, progress=interrupt)
    assert installed(root) == []
    hub.requests.clear()
    assert held(pull(WHISPER, root).folder) == content
    (resumed,) = hub.fetched("model.bin")
    assert int(resumed.headers["range"].removeprefix("bytes=").removesuffix("-")) > 50_000


def test_a_server_without_ranges_starts_anew(hub: Hub, root: Path) -> None:
    content = hub.add(WHISPER)
    hub.ranges, hub.cuts = False, [100_000]
    pull(WHISPER, root)
    assert held(root / WHISPER.name) == content


def test_a_new_version_takes_nothing_from_the_old_ones_pieces(hub: Hub, root: Path) -> None:
    hub.add(WHISPER)
    hub.cuts = [100_000] + [0] * MAX_ATTEMPTS
    assert code(lambda: pull(WHISPER, root)) == "download_broken"
    content = hub.add(WHISPER, version=2)
    pull(WHISPER, root)
    assert held(root / WHISPER.name) == content


@pytest.mark.parametrize("path", ["model.bin", "tokenizer.json"], ids=["sha256", "git blob"])
def test_wrong_bytes_are_deleted(hub: Hub, root: Path, path: str) -> None:
    content = hub.add(WHISPER)
    hub.changed = {path}
    assert code(lambda: pull(WHISPER, root)) == "checksum_mismatch"
    assert installed(root) == []
    assert path not in {file.name.partition(".")[0] for file in part_of(root, WHISPER.name).iterdir()}
    hub.changed = set()
    pull(WHISPER, root)
    assert held(root / WHISPER.name) == content


def test_no_room_is_known_beforehand(hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = hub.add(WHISPER)
    need = sum(map(len, content.values())) + FREE_SPACE_MARGIN
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=need - 1))
    assert code(lambda: pull(WHISPER, root)) == "disk_full"
    assert not any(one.method == "GET" for one in hub.requests)
    assert not [path for path in root.iterdir() if not path.name.endswith(".lock")]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=need))
    assert held(pull(WHISPER, root).folder) == content


def test_a_disk_that_fills_up_gets_its_room_back(hub: Hub, root: Path) -> None:
    content = hub.add(VOICE)
    hub.cuts = [100_000] + [0] * MAX_ATTEMPTS
    assert code(lambda: pull(VOICE, root)) == "download_broken"
    (partial,) = part_of(root, VOICE.name).iterdir()
    partial.unlink()
    partial.symlink_to("/dev/full")
    assert code(lambda: pull(VOICE, root)) == "disk_full"
    assert not part_of(root, VOICE.name).exists()
    assert held(pull(VOICE, root).folder) == content


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [
        (401, "GatedRepo", "hub_refused"),
        (403, "GatedRepo", "hub_refused"),
        (401, "RepoNotFound", "hub_refused"),
        (404, "EntryNotFound", "hub_missing"),
        (429, "", "hub_unreachable"),
        (503, "", "hub_unreachable"),
    ],
)
def test_a_hub_that_says_no(hub: Hub, root: Path, status: int, told: str, expected: str) -> None:
    hub.refusal = status, told
    assert code(lambda: pull(WHISPER, root)) == expected
    assert installed(root) == []


def test_refused_between_metadata_and_bytes(hub: Hub, root: Path) -> None:
    hub.add(WHISPER)

    def refuse(name: str, done: int, size: int) -> None:
        hub.refusal = 403, ""

    assert code(lambda: pull(WHISPER, root, progress=refuse)) == "hub_refused"


def test_a_hub_that_is_down(hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert code(lambda: pull(WHISPER, root)) == "hub_unreachable"
        monkeypatch.setenv("HF_ENDPOINT", "no address at all")
        assert code(lambda: pull(WHISPER, root)) == "hub_unreachable"


def test_a_server_that_is_no_hub(hub: Hub, root: Path) -> None:
    hub.add(WHISPER)
    hub.plain = True
    assert code(lambda: pull(WHISPER, root)) == "hub_malformed"


@pytest.mark.parametrize(
    "path", ["../evil.bin", "a/../../evil.bin", "/etc/evil.bin", "a\\evil.bin", ".hidden"]
)
def test_no_file_leads_out_of_the_folder(hub: Hub, root: Path, path: str) -> None:
    hub.repos[WHISPER.repo] = {path: b"x" * 10}
    hub.commits[WHISPER.repo] = "0" * 40
    assert code(lambda: pull(replace(WHISPER, files=(path,)), root)) == "bad_file_name"
    assert not [path for path in root.parent.rglob("*") if "evil" in path.name]


def test_a_licence_is_accepted_first(hub: Hub, root: Path) -> None:
    xtts = named("xtts-v2")
    content = hub.add(xtts)
    assert code(lambda: pull(xtts, root)) == "licence_not_accepted"
    assert hub.requests == []
    one = pull(xtts, root, accept_licence=True)
    assert held(one.path) == content
    assert "LICENSE.txt" in content
    assert pull(xtts, root) == one


def test_two_pulls_at_once_download_once(hub: Hub, root: Path) -> None:
    content, hub.held = hub.add(WHISPER), threading.Event()
    done = []

    def run() -> None:
        done.append(pull(WHISPER, root, waiting=hub.held.set))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done[0] == done[1]
    assert len(hub.fetched("model.bin")) == 1
    assert held(root / WHISPER.name) == content


def test_what_is_not_a_pulls_is_not_touched(hub: Hub, root: Path) -> None:
    hub.add(WHISPER)
    (root / WHISPER.name).mkdir(parents=True)
    (root / WHISPER.name / "mine.txt").write_text("mine")
    assert code(lambda: pull(WHISPER, root)) == "cannot_write"
    assert held(root / WHISPER.name) == {"mine.txt": b"mine"}


def test_a_lost_file_is_fetched_again(hub: Hub, root: Path) -> None:
    content = hub.add(WHISPER)
    folder = pull(WHISPER, root).folder
    (folder / "config.json").unlink()
    assert installed(root) == []
    hub.requests.clear()
    pull(WHISPER, root)
    assert held(folder) == content
    assert hub.fetched("model.bin") == []


def test_any_gguf_file_of_the_hub(hub: Hub, root: Path) -> None:
    own = named("hub:somebody/Some-GGUF/Some-Chat-Q4_K_M.gguf")
    content = hub.add(own)
    one = pull(own, root)
    assert held(one.folder) == content
    assert one.path == root / "Some-Chat-Q4_K_M" / "Some-Chat-Q4_K_M.gguf"
    (chosen,) = installed(root)
    assert chosen == one
    assert chosen.model.kind == "llamacpp"
    manifest = json.loads((one.folder / files.MANIFEST).read_text())
    assert manifest["files"][0]["checksum"].startswith("sha256:")


def test_a_folder_that_cannot_be_written(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert code(lambda: pull(WHISPER, tmp_path / "file" / "models")) == "cannot_write"
