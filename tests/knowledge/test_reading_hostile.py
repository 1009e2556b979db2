"""What is broken, locked, too much or made to do harm is refused, and the next document is read."""

import io
import random
import struct
import zipfile
import zlib

import anyio
import pytest
import written
from reading_parts import FORGED

from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.knowledge.reading.confined_reader import Reader
from nexus_voice.knowledge.reading.limits import Limits

pytestmark = pytest.mark.anyio

MIB = 1 << 20
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)


async def refused(reader: Reader, name: str, data: bytes) -> str:
    """The code; and the next document is read."""
    with pytest.raises(BadInput) as caught:
        await reader.read(name, data)
    assert name in caught.value.message
    assert 400 <= caught.value.status < 500
    assert (await reader.read("good.txt", b"Good.")).chunks[0].text == "Good."
    return caught.value.code


def with_member(data: bytes, name: str, content: str | bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return written.zipped({**{one: archive.read(one) for one in archive.namelist()}, name: content})


def laughs(encoding: str = "utf-8") -> bytes:
    """A billion of them."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{entities}]><d>&l9;</d>'.encode(encoding)


def lying(data: bytes, name: str) -> bytes:
    """The member `name` says that it has ten bytes, and their checksum."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info, content = archive.getinfo(name), archive.read(name)
    told = bytearray(data)
    central = data.rindex(name.encode()) - 46
    for place in (info.header_offset + 14, central + 16):
        struct.pack_into("<I", told, place, zlib.crc32(content[:10]))
        struct.pack_into("<I", told, place + 8, 10)
    return bytes(told)


def same_page(count: int) -> bytes:
    """A PDF of few bytes that shows one page again and again."""
    return (
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        f"2 0 obj<</Type/Pages/Count {count}/Kids[{'3 0 R ' * count}]>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    ).encode()


FAR = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    "</sheetData></worksheet>"
)
"""A sheet of two cells in opposite corners: seventeen thousand million places."""


async def test_files_that_are_broken_or_locked() -> None:
    docx, pdf = written.docx(), written.pdf(written.manual)
    uris = ("OEBPS/text/first.xhtml", "OEBPS/text/second%20one.xhtml")
    references = "".join(f'<CipherReference URI="{uri}"/>' for uri in uris)
    locked = f'<e xmlns="x">{references}</e>'
    fonts = '<e xmlns="x"><CipherReference URI="OEBPS/some.font"/></e>'
    async with Reader() as reader:
        assert await refused(reader, "a.docx", docx[: len(docx) // 2]) == "broken_document"
        assert await refused(reader, "a.docx", docx[:-30]) == "broken_document"
        assert await refused(reader, "a.pdf", b"%PDF-1.7\nnothing") == "broken_document"
        assert await refused(reader, "a.pdf", pdf[:400]) == "broken_document"
        assert (
            await refused(reader, "a.docx", with_member(docx, "word/document.xml", "<a>"))
            == "broken_document"
        )
        assert (
            await refused(reader, "a.pdf", written.pdf(written.manual, password="x")) == "encrypted_document"
        )
        assert (
            await refused(reader, "a.docx", OLE + "EncryptedPackage".encode("utf-16-le"))
            == "encrypted_document"
        )
        assert (
            await refused(reader, "a.epub", written.epub(**{"META-INF_encryption.xml": locked}))
            == "encrypted_document"
        )
        assert (
            await reader.read("a.epub", written.epub(**{"META-INF_encryption.xml": fonts}))
        ).title == "A tale"
        assert await refused(reader, "a.doc", OLE + "WordDocument".encode("utf-16-le")) == "unsupported_type"
        assert await refused(reader, "a.xls", OLE + "Workbook".encode("utf-16-le")) == "broken_document"


async def test_files_that_are_too_much() -> None:
    limits = Limits(size=200_000, unpacked=30_000_000, pages=1_000, text=10_000)
    async with Reader(limits) as reader:
        assert await refused(reader, "a.txt", b"x" * 200_001) == "too_large"
        assert await refused(reader, "a.pdf", same_page(1_001)) == "too_many_pages"
        assert await refused(reader, "a.txt", b"word " * 2_001) == "too_much_text"
        bomb = with_member(written.docx(), "word/media/image1.png", bytes(25_000_000))
        assert await refused(reader, "a.docx", bomb) == "archive_bomb"  # its ratio
        big = with_member(written.docx(), "a", random.Random(1).randbytes(50_000))
        assert await refused(reader, "a.docx", with_member(big, "b", bytes(30_000_000))) == "archive_bomb"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_entities_do_not_grow(encoding: str) -> None:
    async with Reader(seconds=20, memory=256 * MIB) as reader:
        for name, data, member in (
            ("a.docx", written.docx(), "word/document.xml"),
            ("a.docx", written.docx(), "docProps/core.xml"),
            ("a.pptx", written.pptx(), "ppt/slides/slide1.xml"),
            ("a.xlsx", written.xlsx(), "xl/workbook.xml"),
            ("a.epub", written.epub(), "OEBPS/book.opf"),
        ):
            assert (
                await refused(reader, name, with_member(data, member, laughs(encoding))) == "broken_document"
            )
        page = with_member(written.epub(), "OEBPS/text/first.xhtml", laughs())
        assert len((await reader.read("a.epub", page)).chunks) == 2  # HTML knows no entities of its own


async def test_a_sheet_that_would_fill_the_memory() -> None:
    async with Reader(memory=256 * MIB) as reader:
        far = with_member(written.xlsx(), "xl/worksheets/sheet1.xml", FAR)
        assert [one.text for one in (await reader.read("a.xlsx", far)).chunks][:1] == ["1\n\n2"]
        bomb = with_member(written.xlsx(), "xl/worksheets/sheet1.xml", FAR.encode() + b" " * 100 * MIB)
        told = lying(bomb, "xl/worksheets/sheet1.xml")
        assert (await reader.read("a.xlsx", told)).warnings == (
            "The sheet “Prices” is damaged and could not be read.",
        )


async def test_a_parser_that_never_ends_is_killed(odd: str) -> None:
    async with Reader(seconds=0.5, parser=odd, cancel_timeout=0.05) as reader:
        assert await refused(reader, "endless", b"x") == "too_slow"
        assert await refused(reader, "endless", b"x" * 3 * MIB) == "too_slow"


async def test_a_parser_that_takes_all_memory_is_stopped(odd: str) -> None:
    async with Reader(memory=200 * MIB, parser=odd) as reader:
        assert await refused(reader, "greedy", b"x") == "too_much_memory"


async def test_a_parser_that_crashes_takes_its_document_only(odd: str) -> None:
    async with Reader(parser=odd) as reader:
        for _ in range(4):
            assert await refused(reader, "crash", b"x") == "reader_died"
        answers: dict[str, str] = {}

        async def read(name: str) -> None:
            try:
                answers[name] = (await reader.read(name, b"Good.")).chunks[0].text
            except BadInput as error:
                answers[name] = error.code

        async with anyio.create_task_group() as tasks:
            for name in ("one.txt", "crash", "two.txt"):
                tasks.start_soon(read, name)
        assert answers == {"one.txt": "Good.", "crash": "reader_died", "two.txt": "Good."}


@pytest.mark.parametrize("name", FORGED)
async def test_a_process_that_forges_passages_is_not_believed(odd: str, name: str) -> None:
    async with Reader(parser=odd) as reader:
        if name == "no beginning":  # nothing says that the document was at fault
            with pytest.raises(EngineError):
                await reader.read(name, b"x")
            name = "no head"
        assert await refused(reader, name, b"x") == "reader_died"


async def test_a_process_that_sends_passages_without_end_is_stopped(odd: str) -> None:
    async with Reader(Limits(text=1_000_000), parser=odd) as reader:
        assert await refused(reader, "flood", b"x") == "reader_died"


async def test_long_headings_and_wide_letters_fit_into_the_pipe() -> None:
    heading, text = "很" * 5_000, "".join(f"<p>{'長' * 700}</p>" for _ in range(600))
    async with Reader() as reader:
        page = f"<html><body><h1>Wide</h1><h2>{heading}</h2>{text}</body></html>".encode()
        reading = await reader.read("a.html", page)
        assert sum(len(chunk.text) for chunk in reading.chunks) > 400_000
        assert reading.chunks[-1].path == (heading[:300],)
        assert reader.confinement is not None


async def test_a_reader_that_is_left_ends_its_document(odd: str) -> None:
    async with Reader(parser=odd, cancel_timeout=0.05) as reader:
        with anyio.move_on_after(0.3) as scope:
            await reader.read("endless", b"x")
        assert scope.cancelled_caught
        assert (await reader.read("good.txt", b"Good.")).title == "Good"


async def test_damaged_files_do_no_more_than_fail() -> None:
    dice = random.Random(7)
    files = {
        "a.pdf": written.pdf(written.manual), "a.docx": written.docx(), "a.pptx": written.pptx(),
        "a.xlsx": written.xlsx(), "a.xls": written.xls(), "a.epub": written.epub(), "a.eml": written.eml(),
    }  # fmt: skip
    stored = {
        name: written.zipped(members(data), zipfile.ZIP_STORED)
        for name, data in files.items()
        if data[:2] == b"PK"
    }
    codes = set[str]()
    async with Reader(seconds=20) as reader:
        for name, data in [*files.items(), *stored.items()]:
            for _ in range(15):
                damaged = bytearray(data)
                for _ in range(dice.choice((1, 3, 30))):
                    damaged[dice.randrange(len(damaged))] = dice.randrange(256)
                try:
                    await reader.read(name, bytes(damaged))
                except BadInput as error:
                    codes.add(error.code)
    assert "broken_document" in codes


def members(data: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
