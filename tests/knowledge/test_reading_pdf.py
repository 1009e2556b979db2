"""Lines on pages become headings, paragraphs, lists, code and tables."""

import io
from collections.abc import Callable

import pytest
import written
from reportlab.pdfgen.canvas import Canvas

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.read import read

Draw = Callable[[Canvas], None]


def drawn(*pages: Draw) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for page in pages:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def lines(
    canvas: Canvas, top: int, texts: list[str], *, font: str = "Helvetica", size: int = 10, x: int = 60
) -> None:
    canvas.setFont(font, size)
    for number, text in enumerate(texts):
        canvas.drawString(x, top - 1.2 * size * number, text)


def outline(data: bytes, name: str = "a.pdf") -> list[tuple[tuple[str, ...], str]]:
    document = read(name, data)
    return [(one.path, document.text[one.start : one.end]) for one in document.sections]


BODY = ["This sentence is as long as the page is wide and goes on in the next", "line, where it ends."]
JOINED = " ".join(BODY)


def test_bookmarks_name_the_headings() -> None:
    def page(canvas: Canvas) -> None:
        lines(canvas, 800, ["A great title"], size=30)
        for level, (top, title) in enumerate([(700, "1 Begin"), (600, "Deeper")]):
            canvas.bookmarkPage(title)
            canvas.addOutlineEntry(title, title, level)
            lines(canvas, top, [f"1.1 {title}" if level else title])
            lines(canvas, top - 30, BODY)
        lines(canvas, 500, ["Great words that no bookmark names"], size=20)

    found = outline(drawn(page))
    assert found == [
        ((), "A great title"),
        (("1 Begin",), JOINED),
        (("1 Begin", "1.1 Deeper"), f"{JOINED}\n\nGreat words that no bookmark names"),
    ]


def test_an_untitled_file_takes_its_name_and_a_chosen_title_stays() -> None:
    def titled(title: str) -> Draw:
        def page(canvas: Canvas) -> None:
            canvas.setTitle(title)
            lines(canvas, 800, ["A great title"], size=30)
            lines(canvas, 700, BODY)

        return page

    for title in ("untitled", "Microsoft Word - draft.docx", " "):
        assert read("annual_report-2024.pdf", drawn(titled(title))).title == "Annual report 2024"
    assert read("annual_report-2024.pdf", drawn(titled("Our Year"))).title == "Our Year"


def test_bold_lines_are_headings_where_there_is_nothing_better() -> None:
    def page(canvas: Canvas) -> None:
        lines(canvas, 800, ["To begin with"], font="Helvetica-Bold")
        lines(canvas, 780, BODY)
        lines(canvas, 740, ["In the end"], font="Helvetica-Bold")
        lines(canvas, 720, BODY)

    assert outline(drawn(page), "my_notes.pdf") == [(("To begin with",), JOINED), (("In the end",), JOINED)]


def test_running_heads_and_page_numbers_are_left_out() -> None:
    def page(number: int) -> Draw:
        def draw(canvas: Canvas) -> None:
            lines(canvas, 820, ["The manual" if number % 2 else f"Chapter {number // 4}: Care {number + 12}"])
            lines(canvas, 700, [f"Step {number}"], size=16)
            lines(canvas, 660, [f"Do it {number} times."])
            lines(canvas, 20, [f"- {number} -"])

        return draw

    data = drawn(*map(page, range(10)))
    assert outline(data) == [((f"Step {n}",), f"Do it {n} times.") for n in range(10)]


def test_two_columns_are_read_one_after_the_other() -> None:
    left = ["The left column has rather", "short lines that all go on", "to the end of the sentence."]
    right = ["And the right one follows", "when the left one is done", "with what it had to say."]

    def page(canvas: Canvas) -> None:
        lines(canvas, 700, left)
        lines(canvas, 700, right, x=220)

    assert outline(drawn(page)) == [((), f"{' '.join(left)}\n\n{' '.join(right)}")]


def test_short_lines_stay_lines() -> None:
    def page(canvas: Canvas) -> None:
        lines(canvas, 700, ["ACME Ltd", "1 High Street", "Anytown"])
        lines(canvas, 600, BODY)

    assert outline(drawn(page)) == [((), f"ACME Ltd\n1 High Street\nAnytown\n\n{JOINED}")]


def test_a_paragraph_after_a_list_is_not_part_of_it() -> None:
    def page(canvas: Canvas) -> None:
        lines(
            canvas,
            700,
            ["\u2022 An item that is so long that it needs another line below,", "  which ends here."],
        )
        lines(canvas, 676, ["A paragraph that comes after the list and has nothing to do with it."])

    assert outline(drawn(page))[0][1].endswith(
        "\n\nA paragraph that comes after the list and has nothing to do with it."
    )


def test_tables_are_found_by_their_lines_however_they_are_drawn() -> None:
    def ruled(canvas: Canvas) -> None:
        canvas.grid([100, 200, 300, 450], [700, 680, 660, 640])

    def thin_boxes(canvas: Canvas) -> None:
        for x in (100, 200, 300, 450):
            canvas.rect(x, 640, 0.5, 60, stroke=0, fill=1)
        for y in (700, 680, 660, 640):
            canvas.rect(100, y, 350, 0.5, stroke=0, fill=1)

    def cells(canvas: Canvas) -> None:
        for x, width in ((100, 100), (200, 100), (300, 150)):
            for y in (680, 660, 640):
                canvas.rect(x, y, width, 20)

    for draw in (ruled, thin_boxes, cells):

        def page(canvas: Canvas, draw: Draw = draw) -> None:
            lines(canvas, 720, ["Before the table."])
            draw(canvas)
            for row, texts in enumerate(written.ROWS):
                for x, text in zip((105, 205, 305), texts, strict=True):
                    canvas.drawString(x, 685 - 20 * row, text)
            lines(canvas, 600, ["After the table."])

        document = read("a.pdf", drawn(page))
        assert document.text == f"Before the table.\n\n{written.AS_LINES}\n\nAfter the table."
        assert [document.text[start:end] for start, end in document.whole] == [written.AS_LINES]


def test_a_frame_around_text_is_no_table() -> None:
    def page(canvas: Canvas) -> None:
        canvas.rect(50, 600, 400, 200)
        lines(canvas, 700, BODY)

    assert outline(drawn(page)) == [((), JOINED)]


def test_pages_without_text_are_counted() -> None:
    document = read("a.pdf", written.pages(["", "one", "", "two", ""]))
    assert document.text == "one\n\ntwo"
    assert document.pages == (0, 0, 5, 5, 8)


def test_divided_words_are_joined() -> None:
    def page(canvas: Canvas) -> None:
        lines(
            canvas,
            700,
            ["Some words are divided at the end of a line, as in inter-", "nationalization here."],
        )

    assert outline(drawn(page)) == [
        ((), "Some words are divided at the end of a line, as in internationalization here.")
    ]


def test_a_broken_page_costs_that_page_only() -> None:
    whole = written.pages([f"Fact number {number}." for number in range(1, 41)])
    first, *pages = whole.split(b"/Type /Page\n")
    data = first + b"".join(
        (b"/Type /Pagg\n" if at in (2, 6, 39) else b"/Type /Page\n") + page for at, page in enumerate(pages)
    )
    document = read("a.pdf", data)
    assert document.warnings == ("3 of 40 pages could not be read.",)
    assert document.text.split("\n\n") == [f"Fact number {n}." for n in range(1, 41) if n not in (3, 7, 40)]
    assert len(document.pages) == 40
    with pytest.raises(BadInput) as raised:
        read("a.pdf", whole.replace(b"/Type /Page\n", b"/Type /Pagg\n"))
    assert raised.value.code == "broken_document"
