"""The catalogue, and models on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nexus_voice.core.errors import NexusError
from nexus_voice.models import files
from nexus_voice.models.catalogue import CATALOGUE, RANKS, STARTER, ModelUnknown, named
from nexus_voice.models.files import File, damage, installed, locked, remove, write_manifest
from nexus_voice.models.model import Model, local


def put(root: Path, model: Model, revision: str = "a" * 40) -> Path:
    """A model as a pull leaves it."""
    folder = root / model.name
    folder.mkdir(parents=True)
    found = []
    for name in map(local, model.files):
        (folder / name).write_bytes(name.encode() * 50)
        kind = "sha256:" if "." in name else "git:"
        found.append(File(name, len(name) * 50, files.checksum(folder / name, kind)))
    write_manifest(folder, model, revision, tuple(found))
    return folder


def test_the_catalogue_holds_together() -> None:
    assert len(RANKS) == len(CATALOGUE)
    assert set(STARTER) <= set(RANKS)
    assert {named(name).port for name in STARTER} == {"stt", "tts", "turn"}
    assert len({model.languages for model in CATALOGUE if model.kind == "piper"}) > 10
    for model in CATALOGUE:
        assert model.size > 5e6
        assert model.about
        assert model.licence
        assert len({local(path) for path in model.files}) == len(model.files)
        assert bool(model.entry) == (model.kind in ("llamacpp", "piper", "smart_turn"))
        assert local(model.name) == model.name


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("thorsten", "de_DE-thorsten-medium"),
        ("whisper-base-en", "whisper-base.en"),
        ("E5", "e5-small-v2"),
        ("llama3.2-3b-instruct", "llama-3.2-3b-instruct"),
    ],
)
def test_an_unknown_name_brings_near_ones(wrong: str, near: str) -> None:
    with pytest.raises(ModelUnknown) as caught:
        named(wrong)
    assert near in caught.value.message
    assert caught.value.code == "model_unknown"


@pytest.mark.parametrize(
    "name", ["", "hub:", "hub:a/b", "hub:a/b/c.bin", "hub:a/../c.gguf", "hub:a/b/../../c.gguf"]
)
def test_names_that_name_nothing(name: str) -> None:
    with pytest.raises(NexusError):
        named(name)


def test_git_names_a_blob_as_git_does(tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"hello\n")
    # `echo hello | git hash-object --stdin`
    assert files.checksum(tmp_path / "hello", "git:") == "git:ce013625030ba8dba906f756967f9e9ca394464a"


def test_the_better_model_is_found_first(tmp_path: Path) -> None:
    assert installed(tmp_path / "nowhere") == []
    for name in ("whisper-tiny.en", "en_US-ljspeech-medium", "whisper-small.en", "de_DE-thorsten-medium"):
        put(tmp_path, named(name))
    assert [one.model.name for one in installed(tmp_path)] == [
        "whisper-small.en",
        "whisper-tiny.en",
        "en_US-ljspeech-medium",
        "de_DE-thorsten-medium",
    ]
    best, _, _, german = installed(tmp_path)
    assert best.path == tmp_path / "whisper-small.en"
    assert german.path == tmp_path / "de_DE-thorsten-medium" / "de_DE-thorsten-medium.onnx"


def test_which_languages_a_model_knows() -> None:
    english, german, many = named("whisper-tiny.en"), named("de_DE-thorsten-medium"), named("whisper-base")
    assert german.speaks("de-AT")
    assert not english.speaks("de")
    assert many.speaks("de")
    assert english.speaks("")


def test_only_whole_models_count(tmp_path: Path) -> None:
    model = named("e5-small-v2")
    (tmp_path / "all-MiniLM-L6-v2-53aa5117-1.onnx").write_bytes(b"another cache")
    (tmp_path / f"{model.name}.part").mkdir()
    (tmp_path / "empty").mkdir()
    assert installed(tmp_path) == []
    folder = put(tmp_path, model)
    assert len(installed(tmp_path)) == 1
    (folder / "model.onnx").write_bytes(b"short")
    assert installed(tmp_path) == []


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"model": {"name": "e5-small-v2"}, "files": 3}'])
def test_a_strange_manifest_is_no_model(tmp_path: Path, body: str) -> None:
    put(tmp_path, named("e5-small-v2"))
    (tmp_path / "e5-small-v2" / files.MANIFEST).write_text(body)
    assert installed(tmp_path) == []


def test_a_manifest_cannot_point_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 9)
    path = put(tmp_path / "models", named("e5-small-v2")) / files.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"].append({"name": "../../secret", "size": 9, "checksum": "sha256:0"})
    path.write_text(json.dumps(manifest))
    assert installed(tmp_path / "models") == []


def test_removing(tmp_path: Path) -> None:
    root, model = tmp_path / "models", named("whisper-tiny")
    size = sum(file.size for file in installed_size(root, model))
    (root / f"{model.name}.part").mkdir()
    (root / f"{model.name}.part" / "half").write_bytes(b"x" * 7)
    (root / "other").write_text("stays")
    with locked(root, model.name), pytest.raises(files.PullRunning):
        in_a_thread(lambda: remove(root, model.name))
    assert remove(root, model.name) == size + 7
    assert [path.name for path in root.iterdir() if not path.name.endswith(".lock")] == ["other"]
    with pytest.raises(files.ModelNotInstalled):
        remove(root, model.name)
    (tmp_path / "x").mkdir()
    with pytest.raises(NexusError):
        remove(root, "../x")
    assert (tmp_path / "x").is_dir()


def installed_size(root: Path, model: Model) -> tuple[File, ...]:
    put(root, model)
    return files.get(root, model.name).files


def in_a_thread(job: object) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        pool.submit(job).result(10)  # type: ignore[arg-type]


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    folder = put(tmp_path, named("de_DE-thorsten-medium"))
    one = installed(tmp_path)[0]
    assert damage(one) == []
    for name in ("MODEL_CARD", "de_DE-thorsten-medium.onnx"):
        data = bytearray((folder / name).read_bytes())
        data[11] ^= 1
        (folder / name).write_bytes(data)
    assert installed(tmp_path) == [one]
    assert damage(one) == ["de_DE-thorsten-medium.onnx", "MODEL_CARD"]
