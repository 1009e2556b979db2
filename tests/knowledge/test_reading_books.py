"""A chapter that is missing or broken costs that chapter: the rest is read, and the gap is said."""

import io
import zipfile

import pytest
import written

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.read import read

FIRST, SECOND = "OEBPS/text/first.xhtml", "OEBPS/text/second one.xhtml"


def without(name: str, instead: str | bytes | None = None) -> bytes:
    with zipfile.ZipFile(io.BytesIO(written.epub())) as book:
        members: dict[str, str | bytes] = {one: book.read(one) for one in book.namelist() if one != name}
    if instead is not None:
        members[name] = instead
    return written.zipped(members, zipfile.ZIP_STORED)


def flipped(data: bytes, text: bytes) -> bytes:
    """One letter is wrong, so that the checksum is."""
    return data.replace(text, text[:-1] + b"#")


@pytest.mark.parametrize(
    "data", [without(FIRST), without(FIRST, bytes(range(256))), flipped(without(""), b"It was dark")]
)
def test_one_lost_chapter(data: bytes) -> None:
    found = read("a.epub", data)
    assert (found.title, found.text) == ("A tale", "Chapter two\n\nIt was light.")
    assert found.warnings == (f"1 of 2 chapters is missing or damaged: {FIRST}.",)


@pytest.mark.parametrize("member", ["OEBPS/book.opf", "META-INF/container.xml"])
def test_a_lost_table_of_contents(member: str) -> None:
    for data in (
        without(member, "<a/>"),
        without(member, "<a"),
        *([] if "META" in member else [without(member)]),
    ):
        found = read("a.epub", data)
        assert "It was dark." in found.text
        assert "It was light." in found.text
        assert found.warnings == ("The book does not say in which order its chapters are.",)


def test_a_book_that_lost_everything_is_refused() -> None:
    with pytest.raises(BadInput, match="damaged"):
        read("a.epub", flipped(flipped(without(""), b"It was dark"), b"It was light"))
