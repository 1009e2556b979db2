"""What was scanned or photographed is read page by page, as it stands, and what cannot be read is said."""

import io
from collections.abc import Sequence

import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.confined_reader import Reader
from nexus_voice.knowledge.reading.document import Document
from nexus_voice.knowledge.reading.limits import Limits
from nexus_voice.knowledge.reading.read import read

PUMP, VALVE, HARBOUR = "The pump holds 27 litres.", "Close the valve by hand.", "The harbour opens in May."


def printed(
    *lines: str, at: Sequence[tuple[int, int]] = (), size: tuple[int, int] = (340, 80)
) -> Image.Image:
    """A picture of the lines, below each other where `at` does not say where they stand."""
    picture = Image.new("L", size, 255)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        place = at[number] if at else (25, 22 + 38 * number)
        draw.text(place, line, font=ImageFont.load_default(24), fill=0)
    return picture


def saved(picture: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def pages_of(document: Document) -> list[str]:
    ends = [*document.pages[1:], len(document.text)]
    return [document.text[start:end].strip() for start, end in zip(document.pages, ends, strict=True)]


def in_pdf(*pages: tuple[str, Image.Image | None]) -> bytes:
    """For each page its text, and the picture that covers most of it."""
    file = io.BytesIO()
    pdf = Canvas(file)
    for text, picture in pages:
        width, height = picture.size if picture else (500, 50)
        pdf.setPageSize((width / 3, height / 3 + 10))
        if picture:
            pdf.drawImage(ImageReader(picture), 0, 10, width / 3, height / 3)
        pdf.setFont("Helvetica", 5)
        pdf.drawString(5, 4, text)
        pdf.showPage()
    pdf.save()
    return file.getvalue()


def clear() -> Image.Image:
    """Black print on nothing, which a viewer shows on white."""
    nothing = Image.new("RGBA", (340, 80), (0, 0, 0, 0))
    nothing.putalpha(printed(PUMP).point(lambda value: 255 - value))
    return nothing


EXIF_TURNED = Image.Exif()
EXIF_TURNED[0x0112] = 6
FILES = {
    "a.png": saved(printed(PUMP), "PNG"),
    "clear.png": saved(clear(), "PNG"),
    "deep.png": saved(printed(PUMP).convert("I;16").point(lambda value: value * 257), "PNG"),
    "fax.tiff": saved(printed(PUMP).convert("1"), "TIFF", compression="group4"),
    "photo.jpg": saved(printed(PUMP).convert("RGB").rotate(90, expand=True), "JPEG", exif=EXIF_TURNED),
    "ink.jpeg": saved(printed(PUMP).convert("CMYK"), "JPEG"),
    "a.webp": saved(printed(PUMP), "WEBP"),
    "a.gif": saved(printed(PUMP).convert("P"), "GIF"),
    "a.bmp": saved(printed(PUMP), "BMP"),
    "wrongly-named.txt": saved(printed(PUMP), "PNG"),
}


def test_pictures_of_every_type_are_documents() -> None:
    for name, data in FILES.items():
        document = read(name, data)
        assert (document.text, len(document.pages), document.warnings) == (PUMP, 1, ()), name


def test_a_picture_may_be_turned_or_askew() -> None:
    picture = printed(PUMP, VALVE, HARBOUR, size=(340, 160))
    for degrees in (90, 180, 270, 3, -3):
        turned = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
        assert read("a.png", saved(turned, "PNG")).text.split("\n") == [f"{PUMP} {VALVE} {HARBOUR}"], degrees


def test_columns_and_tables_are_read_as_a_person_reads() -> None:
    left = [
        "Tea is grown in the hills,",
        "where it is cool and wet.",
        "It is picked by hand in the",
        "early spring.",
    ]
    right = ["Coffee likes it warm. Its", "fruit is red, and in each", "of them are two seeds, the", "beans."]
    places = [(30 + 380 * column, 30 + 38 * row) for column in (0, 1) for row in range(4)]
    text = read("a.png", saved(printed(*left, *right, at=places, size=(760, 210)), "PNG")).text
    assert " ".join(text.split()) == " ".join([*left, *right])
    cells = ["Room", "Price", "Single", "80", "Double", "120", "Suite", "300"]
    places = [(30 + 260 * (index % 2), 30 + 44 * (index // 2)) for index in range(8)]
    table = read("a.png", saved(printed(*cells, at=places, size=(460, 220)), "PNG")).text
    assert table.split("\n") == ["Single – Price: 80", "Double – Price: 120", "Suite – Price: 300"]


@pytest.mark.anyio
async def test_a_pdf_may_hold_text_and_scans() -> None:
    data = in_pdf(
        ("Long text of its own. " * 3, None),
        ("", printed(PUMP)),
        ("page 3", printed(VALVE)),
        ("", printed(HARBOUR).rotate(90, expand=True)),
        ("Written beside a photograph without any print.", Image.radial_gradient("L")),
    )
    async with Reader() as reader:
        reading = await reader.read("mixed.pdf", data)
    assert reading.pages == 5
    text = " ".join(chunk.text for chunk in reading.chunks)
    for sentence in ("Long text of its own.", PUMP, VALVE, HARBOUR, "Written beside a photograph"):
        assert sentence in text
    assert reading.warnings == ()
    assert pages_of(read("mixed.pdf", data))[1:4] == [PUMP, f"{VALVE}\n\npage 3", HARBOUR]


def test_a_tiff_has_pages_and_a_broken_one_costs_no_other() -> None:
    frames = [printed(line) for line in (PUMP, VALVE, HARBOUR)]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:], compression="tiff_lzw")
    whole = read("fax.tif", data)
    assert pages_of(whole) == [PUMP, VALVE, HARBOUR]
    with Image.open(io.BytesIO(data)) as tiff:
        tiff.seek(1)
        (start, *_), (length, *_) = tiff.tag_v2[273], tiff.tag_v2[279]
    broken = read("fax.tif", data[:start] + b"\xff" * length + data[start + length :])
    assert pages_of(broken) == [PUMP, "", HARBOUR]
    assert broken.warnings == ("1 of 3 pages could not be read.",)


def test_what_cannot_be_read_is_said() -> None:
    for name, data in {
        "blank.png": saved(Image.new("L", (600, 400), 255), "PNG"),
        "sunset.jpg": saved(Image.radial_gradient("L"), "JPEG"),
        "blank.pdf": in_pdf(("", Image.new("L", (600, 400), 255))),
    }.items():
        with pytest.raises(BadInput, match=f"“{name}” .*no print that can be recognised") as caught:
            read(name, data)
        assert caught.value.code == "empty_document"
    with pytest.raises(BadInput) as caught:
        read("half.png", FILES["a.png"][:300])
    assert caught.value.code == "broken_document"
    with pytest.raises(BadInput, match="Save it as JPEG") as caught:
        read("IMG_1.heic", b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(300))
    doubtful = printed(PUMP, VALVE, HARBOUR, size=(340, 150))
    doubtful.paste(ImageOps.mirror(doubtful.crop((0, 55, 340, 150))), (0, 55))
    half = read("half.png", saved(doubtful, "PNG"))
    assert half.text.startswith(PUMP)
    assert half.warnings == ("Page 1 was read with low confidence.",)
    frames = [printed(line) for line in (PUMP, VALVE, HARBOUR)]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    few = read("fax.tif", data, limits=Limits(scans=1))
    assert few.text == PUMP
    assert few.warnings == (
        "Pages 2 and 3 were not read, as too many are scanned. Split the document into parts.",
    )
