"""What the sources list: folders with all that is odd in them, and buckets of a real S3 server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from nexus_voice.cli.ingest import Wish, sorted_out
from nexus_voice.cli.sources.folder import Files, Folder
from nexus_voice.cli.sources.s3 import Bucket
from nexus_voice.cli.sources.source import Entry, Listing
from nexus_voice.cli.sources.sync import MAX_BATCH_BYTES, MAX_BATCH_FILES, batches
from nexus_voice.core.errors import BadInput, NexusError

from .buckets import bucket, s3, store

__all__ = ["bucket", "s3"]

LIMIT = 1_000


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_folder_lists_what_can_be_read_below_it(tmp_path: Path) -> None:
    write(tmp_path / "f", one_md="1", a__one_md="11", a__b__two_TXT="22", _hidden_md="x", _git__x_md="x")
    write(tmp_path / "f", a__song_mp3="x", a__zip="x", **{"~$open_docx": "x"})
    write(tmp_path, outside_md="x")
    (tmp_path / "f" / "out.md").symlink_to(tmp_path / "outside.md")
    (tmp_path / "f" / "up").symlink_to(tmp_path)
    (tmp_path / "f" / "same.md").symlink_to(tmp_path / "f" / "one.md")
    (tmp_path / "f" / "nowhere.md").symlink_to(tmp_path / "f" / "missing.md")
    os.mkfifo(tmp_path / "f" / "pipe.md")
    listing = Folder(tmp_path / "f", LIMIT).listing()
    assert list(listing.entries) == ["one.md", "same.md", "a/one.md", "a/b/two.TXT"]
    assert listing.left_out == {".mp3": 1, "without a suffix": 1}
    assert not listing.problems


def test_what_cannot_be_had_is_told_and_not_taken_for_gone(tmp_path: Path) -> None:
    write(tmp_path, large_md="x" * (LIMIT + 1), fine_md="x" * LIMIT)
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    listing = Folder(tmp_path, LIMIT).listing()
    assert list(listing.entries) == ["fine.md"]
    assert "larger" in listing.problems["large.md"]
    assert "cannot be opened" in listing.problems["loop.md"]
    assert listing.missing(["fine.md", "large.md", "loop.md", "gone.md"]) == ["gone.md"]
    closed = Listing(LIMIT, problems={"shut/": "cannot be opened."})
    assert closed.missing(["shut/a/b.md", "shut.md"]) == ["shut.md"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes UTF-8 only")
def test_odd_names_become_names_that_the_knowledge_base_keeps(tmp_path: Path) -> None:
    names = [
        "cafe\u0301.md",
        'a"b.md',
        "a\nb.md",
        "back\\slash.md",
        "two  spaces.md",
        os.fsdecode(b"\xff.md"),
    ]
    for name in (*names, "x" * 250 + ".md"):
        (tmp_path / name).write_text("x")
    (tmp_path / "a_b.md").write_text("x")
    (tmp_path / ("d" * 250) / ("e" * 250)).mkdir(parents=True)
    (tmp_path / ("d" * 250) / ("e" * 250) / "far.md").write_text("x")
    listing = Folder(tmp_path, LIMIT).listing()
    kept = ["caf\u00e9.md", "a_b.md", "back_slash.md", "two spaces.md", "?.md", "x" * 250 + ".md"]
    assert sorted(listing.entries) == sorted(kept)
    assert sum("would replace" in why for why in listing.problems.values()) == 2
    assert sum("longer than" in why for why in listing.problems.values()) == 1


def test_a_folder_is_known_again_and_does_not_say_where_it_is(tmp_path: Path) -> None:
    write(tmp_path / "notes", a_md="x")
    (tmp_path / "link").symlink_to(tmp_path / "notes")
    here, there = Folder(tmp_path / "notes", LIMIT), Folder(tmp_path / "link", LIMIT)
    assert here.id == there.id
    assert here.id.startswith("folder:notes-")
    assert str(tmp_path) not in here.id
    assert Folder(tmp_path, LIMIT).id != here.id
    assert Folder(tmp_path, LIMIT, "handbook").id == "folder:handbook"


def test_a_fingerprint_changes_with_the_file(tmp_path: Path) -> None:
    write(tmp_path, a_md="one")
    source = Folder(tmp_path, LIMIT)
    before = source.listing().entries["a.md"]
    assert source.listing().entries["a.md"] == before
    write(tmp_path, a_md="two!")
    assert source.listing().entries["a.md"].fingerprint != before.fingerprint


def test_places_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "f", a_md="x")
    places = [str(tmp_path / "f"), str(tmp_path / "f" / "a.md"), "https://example.org/a"]
    sources, urls = sorted_out(places, LIMIT, Wish())
    assert [type(one) for one in sources] == [Folder, Files]
    assert urls == ["https://example.org/a"]
    for wrong in ("ftp://example.org/a", "s3://", str(tmp_path / "nothing")):
        with pytest.raises(BadInput):
            sorted_out([wrong], LIMIT, Wish())
    for wish in (Wish(every=60), Wish(name="handbook")):
        with pytest.raises(BadInput):
            sorted_out(places[1:], LIMIT, wish)


def test_of_two_files_with_one_name_the_first_is_taken(tmp_path: Path) -> None:
    write(tmp_path, a__x_md="1", b__x_md="22")
    listing = Files([tmp_path / "a" / "x.md", tmp_path / "b" / "x.md", tmp_path / "no.md"], LIMIT).listing()
    assert listing.entries["x.md"].size == 1
    assert len(listing.problems) == 2


def test_batches_are_bounded_by_bytes_and_by_number() -> None:
    sizes = [10] * (MAX_BATCH_FILES + 1) + [MAX_BATCH_BYTES - 10, 10, 10, 3 * MAX_BATCH_BYTES, 1]
    found = list(batches(Entry(str(i), "", size, "") for i, size in enumerate(sizes)))
    assert [len(batch) for batch in found] == [MAX_BATCH_FILES, 2, 2, 1, 1]
    assert [entry.name for batch in found for entry in batch] == [str(i) for i in range(len(sizes))]


# S3


def put(client: Any, **objects: str) -> None:
    for name, text in objects.items():
        key = name.replace("__", "/").replace("_", ".")
        client.put_object(Bucket="documents", Key=key, Body=text.encode())


def test_a_bucket_lists_what_is_below_its_prefix(bucket: Any) -> None:
    put(
        bucket,
        top_md="1",
        docs__a_md="22",
        docs__b__c_txt="333",
        docs__b__="",
        docs__x_mp3="x",
        docs2__d_md="x",
    )
    source = Bucket("s3://documents/docs/", LIMIT)
    listing = source.listing()
    assert {name: entry.size for name, entry in listing.entries.items()} == {"a.md": 2, "b/c.txt": 3}
    assert listing.left_out == {".mp3": 1}
    assert source.id == "s3://documents/docs"
    with source.open(listing.entries["b/c.txt"]) as file:
        assert file.read() == b"333"
    assert len(Bucket("s3://documents", LIMIT).listing().entries) == 4
    assert list(Bucket("s3://documents/docs/a.md", LIMIT).listing().entries) == ["a.md"]


def test_an_object_s_fingerprint_is_its_etag(bucket: Any) -> None:
    put(bucket, a_md="one")
    source = Bucket("s3://documents", LIMIT)
    first = source.listing().entries["a.md"].fingerprint
    assert first == bucket.head_object(Bucket="documents", Key="a.md")["ETag"].strip('"')
    put(bucket, a_md="two")
    assert source.listing().entries["a.md"].fingerprint != first


def test_a_long_bucket_is_listed_page_by_page(bucket: Any) -> None:
    kept = store()
    for i in range(1_001):
        kept.put_object("documents", f"{i:04}.md", b"x")
    assert len(Bucket("s3://documents", LIMIT, page=100).listing().entries) == 1_001
    assert len(Bucket("s3://documents", LIMIT).listing().entries) == 1_001


def test_what_s3_refuses_is_said_in_plain_words(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NexusError, match="no such bucket"):
        Bucket("s3://nothing-here", LIMIT).listing()
    put(bucket, a_md="one", b_md="x" * (LIMIT + 1))
    source = Bucket("s3://documents", LIMIT)
    listing = source.listing()
    assert "larger" in listing.problems["b.md"]
    bucket.delete_object(Bucket="documents", Key="a.md")
    with pytest.raises(BadInput, match="gone"), source.open(listing.entries["a.md"]):
        pass
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(BadInput, match="AWS_ACCESS_KEY_ID"):
        Bucket("s3://documents", LIMIT).listing()


def test_without_boto3_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BadInput, match=r"pip install 'nexus-voice\[s3\]'"):
        Bucket("s3://documents", LIMIT)
