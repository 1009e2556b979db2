"""Old Word and PowerPoint files are made new by LibreOffice, in a process that can do nothing else.

A program of the tests stands for LibreOffice, which the confinement treats like any other.
"""

import os
import time
from pathlib import Path

import pytest
import written

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.confined_reader import Reader
from nexus_voice.knowledge.reading.read import read

pytestmark = pytest.mark.anyio

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
DOC, PPT = (OLE + name.encode("utf-16-le") for name in ("WordDocument", "PowerPoint Document"))


def office(at: Path, script: str) -> str:
    """A program that gets LibreOffice's arguments. `$new` is the file that it should make, `$here` its own
    folder, where it may only read."""
    folder = at / "office" / "program"
    folder.mkdir(parents=True)
    program = folder / "soffice"
    outcome = 'new="${@: -1}"; case $new in *.doc) new=${new%.doc}.docx;; *) new=${new%.ppt}.pptx;; esac'
    program.write_text(f"#!/bin/bash\nhere={folder}\n{outcome}\n{script}\n")
    program.chmod(0o755)
    (folder / "made.docx").write_bytes(written.docx())
    (folder / "made.pptx").write_bytes(written.pptx())
    for path in (*at.parents, at, *at.rglob("*")):  # for the user nobody
        if path.stat().st_uid == os.getuid():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return str(program)


async def test_old_files_are_converted_and_read(tmp_path: Path) -> None:
    program = office(tmp_path, 'cp $here/made.${new##*.} "$new"')
    async with Reader(converter=program) as reader:
        word = await reader.read("a.doc", DOC)
        assert (word.title, word.type) == ("The report", "application/msword")
        slides = await reader.read("a.ppt", PPT)
        assert (slides.title, slides.type, slides.pages) == ("Our plan", "application/vnd.ms-powerpoint", 2)
        assert (await reader.read("a.txt", b"Good.")).type == "text/plain"


async def test_the_program_sees_no_file_of_ours_no_secret_and_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_SECRET", "badger")
    secret = tmp_path / "secret.txt"
    secret.write_text("badger")
    secret.chmod(0o644)
    script = f"""
        cp $here/made.docx "$new"
        cat {secret} && rm -f "$new"
        cat /etc/passwd && rm -f "$new"
        echo x > {tmp_path}/office/x && rm -f "$new"
        [ -n "$NEXUS_SECRET" ] && rm -f "$new"
        (exec 3<>/dev/tcp/127.0.0.1/9) 2>&1 | grep -q "refused" && rm -f "$new"
        true"""
    async with Reader(converter=office(tmp_path, script)) as reader:
        assert (await reader.read("a.doc", DOC)).title == "The report"


async def test_a_program_that_fails_hangs_or_cheats_costs_its_document(tmp_path: Path) -> None:
    async with Reader(converter=office(tmp_path / "a", "exit 1")) as reader:
        with pytest.raises(BadInput, match="damaged"):
            await reader.read("a.doc", DOC)
    async with Reader(converter=office(tmp_path / "b", 'ln -s /etc/passwd "$new"')) as reader:
        with pytest.raises(BadInput, match="damaged"):
            await reader.read("a.doc", DOC)
    async with Reader(
        converter=office(tmp_path / "c", "sleep 987654 & while :; do :; done"), seconds=1
    ) as reader:
        began = time.monotonic()
        with pytest.raises(BadInput, match="within 1 seconds"):
            await reader.read("a.doc", DOC)
        assert time.monotonic() - began < 60
    assert not any("987654" in path.read_text(errors="replace") for path in commands())


def commands() -> list[Path]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            path.read_bytes()
        except OSError:
            continue
        found.append(path)
    return found


async def test_without_libreoffice_there_is_advice() -> None:
    for name, data, newer in (("a.doc", DOC, ".docx"), ("a.ppt", PPT, ".pptx")):
        with pytest.raises(BadInput, match=f"Save it as {newer}, or install LibreOffice") as refused:
            read(name, data)
        assert refused.value.code == "unsupported_type"
