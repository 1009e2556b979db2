"""Files of many types, written by the libraries that people's programs use."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Any

ROWS = [["Port", "Default", "Meaning"], ["HTTP", "8080", "Where it listens."], ["HTTPS", "8443", "With TLS."]]
AS_LINES = "HTTP – Default: 8080; Meaning: Where it listens.\nHTTPS – Default: 8443; Meaning: With TLS."
LONG = "The quick brown fox jumps over the lazy dog near the river. "


def saved(save: Callable[[io.BytesIO], Any]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def pdf(story: Callable[[Any], list[Any]], *, title: str = "", head: str = "", password: str = "") -> bytes:
    """`story` makes flowables from the style sheet; every page has `head` above and its number below."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import SimpleDocTemplate

    def decorate(canvas: Any, template: Any) -> None:
        canvas.drawString(60, 810, head)
        canvas.drawString(280, 20, f"Page {template.page}")

    def save(out: io.BytesIO) -> None:
        template = SimpleDocTemplate(out, title=title or None, encrypt=password or None)
        template.build(story(getSampleStyleSheet()), onFirstPage=decorate, onLaterPages=decorate)

    return saved(save)


def manual(styles: Any) -> list[Any]:
    """Three pages: headings, a ruled table, code, a list."""
    from reportlab.lib import colors
    from reportlab.platypus import PageBreak, Paragraph, Preformatted, Table, TableStyle

    return [
        Paragraph("Installing", styles["Heading1"]),
        Paragraph(LONG * 12, styles["BodyText"]),
        Paragraph("Ports", styles["Heading2"]),
        Paragraph("These are the ports:", styles["BodyText"]),
        Table(ROWS, style=TableStyle([("GRID", (0, 0), (-1, -1), 1, colors.black)])),
        Paragraph("That is all.", styles["BodyText"]),
        PageBreak(),
        Paragraph("Running", styles["Heading1"]),
        Paragraph("Press the green button. " * 12, styles["BodyText"]),
        Preformatted("for x in y:\n    print(x)", styles["Code"]),
        PageBreak(),
        Paragraph("Repair", styles["Heading1"]),
        Paragraph("Call the service. " * 8, styles["BodyText"]),
        Paragraph("\u2022 One", styles["BodyText"]),
        Paragraph("\u2022 Two", styles["BodyText"]),
    ]


def pages(texts: Sequence[str]) -> bytes:
    """A PDF with one line on each page; a page without text has a drawing."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas("")
    for text in texts:
        if text:
            canvas.drawString(100, 700, text)
        else:
            canvas.circle(200, 200, 50)
        canvas.showPage()
    return bytes(canvas.getpdfdata())


def docx(title: str = "") -> bytes:
    from docx import Document

    document = Document()
    document.core_properties.title = title
    document.add_heading("The report", 0)
    document.add_heading("First part", 1)
    paragraph = document.add_paragraph("Tags such as <b> & un")
    paragraph.add_run("believ").bold = True
    paragraph.add_run("able words.")
    document.add_paragraph("one", style="List Bullet")
    document.add_paragraph("two", style="List Bullet")
    table = document.add_table(len(ROWS), len(ROWS[0]))
    for row, texts in zip(table.rows, ROWS, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.add_heading("Second part", 2)
    document.add_paragraph("The end.")
    return saved(document.save)


def pptx() -> bytes:
    from pptx import Presentation
    from pptx.util import Inches

    shown = Presentation()
    for number, title in enumerate(("Our plan", "The figures"), 1):
        slide = shown.slides.add_slide(shown.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = f"first point {number}\nsecond point"
    slide.notes_slide.notes_text_frame.text = "Say this slowly."
    table = slide.shapes.add_table(len(ROWS), len(ROWS[0]), *(Inches(1),) * 4).table
    for i, texts in enumerate(ROWS):
        for j, text in enumerate(texts):
            table.cell(i, j).text = text
    return saved(shown.save)


def xlsx() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "Prices"
    for row in (["Prices of 2024"], ["Item", "Price", "Since"], ["Pump", 12.5, dt.date(2024, 1, 2)]):
        book.active.append(row)
    book.active.append(["Hose", 3, None])
    stock = book.create_sheet("Stock")
    for row in (["Item", "Left", "Sold"], ["Pump", 4, True]):
        stock.append(row)
    book.create_sheet("Empty")
    return saved(book.save)


def xls() -> bytes:
    from xlwt import Workbook

    book = Workbook()
    sheet = book.add_sheet("Prices")
    for i, row in enumerate((["Item", "Price"], ["Pump", 12.5])):
        for j, value in enumerate(row):
            sheet.write(i, j, value)
    return saved(book.save)


def zipped(members: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    def save(out: io.BytesIO) -> None:
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return saved(save)


CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A tale</dc:title></metadata><manifest>'
    '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    '<item id="b" href="text/second%20one.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="a" href="text/first.xhtml" media-type="application/xhtml+xml"/></manifest>'
    '<spine><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/></spine></package>'
)


def epub(**more: str) -> bytes:
    """`more`: members by their names with "_" for "/"."""
    page = "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><body><h1>{}</h1><p>{}</p></body></html>"
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "OEBPS/book.opf": PACKAGE,
            "OEBPS/nav.xhtml": page.format("Contents", "Chapter one"),
            "OEBPS/text/first.xhtml": page.format("Chapter one", "It was dark."),
            "OEBPS/text/second one.xhtml": page.format("Chapter two", "It was light."),
            **{name.replace("_", "/"): content for name, content in more.items()},
        }
    )


def eml(html: str = "") -> bytes:
    message = EmailMessage()
    message["Subject"], message["Date"] = "Grüße – the pump", "Mon, 01 Jan 2024 10:00:00 +0000"
    message["From"], message["To"] = "Ann <ann@x.example>", "Bob <bob@x.example>"
    if html:
        message.set_content(html, subtype="html")
    else:
        message.set_content("Hello Bob,\n\nthe pump is broken.\n")
        message.add_alternative("<p>Not this one.</p>", subtype="html")
    message.add_attachment(b"a,b", maintype="text", subtype="csv", filename="parts list.csv")
    return bytes(message)
