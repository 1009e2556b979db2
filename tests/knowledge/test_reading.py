"""Every type of file comes out of the reader's process as passages under headings, with its pages."""

import pytest
import written

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.chunks import Reading
from nexus_voice.knowledge.reading.confined_reader import Reader
from nexus_voice.knowledge.reading.document import chosen_title
from nexus_voice.knowledge.reading.kinds import MEDIA_TYPE, SUFFIXES
from nexus_voice.knowledge.reading.read import read

pytestmark = pytest.mark.anyio

Passages = list[tuple[tuple[str, ...], int | None, str]]


async def passages(name: str, data: bytes, type: str = "") -> tuple[Reading, Passages]:
    async with Reader() as reader:
        reading = await reader.read(name, data, type)
    return reading, [(chunk.path, chunk.page, chunk.text) for chunk in reading.chunks]


async def test_pdf() -> None:
    data = written.pdf(written.manual, title="The pump manual", head="ACME, confidential")
    reading, found = await passages("a.pdf", data)
    assert (reading.title, reading.type, reading.pages) == ("The pump manual", "application/pdf", 3)
    assert found[0] == (("Installing",), 1, (written.LONG * 12).strip())
    assert found[1:] == [
        (("Installing", "Ports"), 1, f"These are the ports:\n\n{written.AS_LINES}\n\nThat is all."),
        (
            ("Running",), 2,
            ("Press the green button. " * 12).strip() + "\n\n    for x in y:\n        print(x)",
        ),
        (("Repair",), 3, ("Call the service. " * 8).strip() + "\n\n- One\n- Two"),
    ]  # fmt: skip


async def test_word() -> None:
    reading, found = await passages("a.docx", written.docx())
    assert (reading.title, reading.type, reading.pages) == ("The report", MEDIA_TYPE["docx"], None)
    assert found == [
        ((), None, "The report"),
        (
            ("First part",), None,
            f"Tags such as <b> & unbelievable words.\n\n- one\n- two\n\n{written.AS_LINES}",
        ),
        (("First part", "Second part"), None, "The end."),
    ]  # fmt: skip


async def test_powerpoint() -> None:
    reading, found = await passages("a.pptx", written.pptx())
    assert (reading.title, reading.type, reading.pages) == ("Our plan", MEDIA_TYPE["pptx"], 2)
    assert found == [
        ((), 1, "- first point 1\n- second point"),
        (("The figures",), 2, f"- first point 2\n- second point\n\n{written.AS_LINES}\n\nSay this slowly."),
    ]


async def test_excel() -> None:
    reading, found = await passages("price_list.xlsx", written.xlsx())
    assert (reading.title, reading.type, reading.pages) == ("Price list", MEDIA_TYPE["xlsx"], None)
    assert found == [
        (("Prices",), None, "Prices of 2024\n\nPump – Price: 12.5; Since: 2024-01-02\nHose – Price: 3"),
        (("Stock",), None, "Pump – Left: 4; Sold: TRUE"),
    ]


async def test_excel_of_before_2007() -> None:
    reading, found = await passages("a.xls", written.xls())
    assert reading.type == "application/vnd.ms-excel"
    assert found == [(("Prices",), None, "Pump – Price: 12.5")]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
async def test_csv(mark: str) -> None:
    rows = [["Name", "Age", "City"], [f'"Ann{mark}Lee"', "31", "Paris"], ["Bob", "44", '"New\nYork"']]
    data = "\n".join(mark.join(row) for row in rows).encode()
    _, found = await passages("a.csv", data, "application/vnd.ms-excel")  # as Windows calls it
    ann = "Ann Lee" if mark == "\t" else f"Ann{mark}Lee"
    assert found == [((), None, f"{ann} – Age: 31; City: Paris\nBob – Age: 44; City: New York")]


async def test_epub() -> None:
    reading, found = await passages("a.epub", written.epub())
    assert (reading.title, reading.type, reading.pages) == ("A tale", "application/epub+zip", None)
    assert found == [(("Chapter one",), None, "It was dark."), (("Chapter two",), None, "It was light.")]


async def test_mail() -> None:
    reading, found = await passages("a.eml", written.eml())
    assert (reading.title, reading.type) == ("Grüße – the pump", "message/rfc822")
    head = "From: Ann <ann@x.example>; To: Bob <bob@x.example>; Date: Mon, 01 Jan 2024 10:00:00 +0000"
    assert found == [
        ((), None, f"{head}\n\nHello Bob,\n\nthe pump is broken.\n\nAttachments: parts list.csv")
    ]
    _, found = await passages("a.eml", written.eml("<h1>Hi</h1><p>It is <b>broken</b>."))
    assert found[-1] == (("Hi",), None, "It is broken.\n\nAttachments: parts list.csv")


async def test_a_long_document_comes_in_order_and_whole() -> None:
    text = "\n\n".join(f"# Part {n}\n\n{written.LONG * 20}" for n in range(300))
    reading, found = await passages("a.md", text.encode())
    assert [path for path, _, _ in found] == sorted(
        (path for path, _, _ in found), key=lambda path: int(path[0].split()[1]) if path else 0
    )
    assert len(found) == len(reading.chunks) == 600


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("a.pdf", ""),
        ("a", ""),
        ("a.docx", ""),
        ("a.dat", "application/octet-stream"),
        ("a", "application/pdf"),
    ],
)
def test_the_content_tells_what_it_is(name: str, type: str) -> None:
    assert read(name, written.pages(["Hello"]), type).text == "Hello"
    if name != "a.pdf":
        assert read(name, written.xls(), type).text == "Prices\n\nPump – Price: 12.5"


def test_a_page_that_is_called_pdf_is_read_as_a_page() -> None:
    assert read("a.pdf", b"<!DOCTYPE html><html><p>Not found").text == "Not found"


@pytest.mark.parametrize(("title", "shown"), [("The pump", "The pump"), ("untitled", "The report")])
def test_a_document_has_the_title_that_somebody_chose(title: str, shown: str) -> None:
    assert read("a.docx", written.docx(title)).title == shown


@pytest.mark.parametrize(
    "title", ["Microsoft Word - pump.docx", "untitled", "(unspecified)", "Document1", "a.pdf", ""]
)
def test_a_title_that_nobody_chose_is_none(title: str) -> None:
    assert not chosen_title(title)


@pytest.mark.parametrize(
    ("name", "data", "code", "word"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(20), "broken_document", "damaged"),
        ("a.docx", b"\x89PNG\r\n\x1a\n" + bytes(20), "broken_document", "damaged"),
        ("a.mp3", b"ID3\4" + bytes(20), "unsupported_type", "sound"),
        ("a.zip", written.zipped({"a.txt": "x"}), "unsupported_type", "archives"),
        ("a.odt", written.zipped({"mimetype": "x", "content.xml": "x"}), "unsupported_type", ".odt"),
        ("a.xyz", b"Hello", "unsupported_type", ".xyz"),
        ("a.pdf", b"Hello", "broken_document", "damaged"),
        ("a.docx", b"PK\3\4 and so on", "broken_document", "damaged"),
        ("a.pdf", b"", "empty_document", "no text"),
        ("a.pdf", written.pages(["", ""]), "empty_document", "no print"),
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(name: str, data: bytes, code: str, word: str) -> None:
    with pytest.raises(BadInput, match=word) as refused:
        read(name, data)
    assert refused.value.code == code
    assert name in refused.value.message


def test_every_suffix_has_a_media_type() -> None:
    assert {MEDIA_TYPE[kind] for kind in SUFFIXES.values()} == set(MEDIA_TYPE.values())
