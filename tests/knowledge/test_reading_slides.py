"""A presentation is read as it is shown: charts by their values, hidden slides left out and said."""

import io
import zipfile
from typing import Any

import written
from pptx import Presentation
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from nexus_voice.knowledge.reading.document import Document
from nexus_voice.knowledge.reading.read import read

PLACE = (Inches(1),) * 4


def slide(shown: Any, title: str = "", body: str = "") -> Any:
    made = shown.slides.add_slide(shown.slide_layouts[1])
    made.shapes.title.text, made.placeholders[1].text = title, body
    return made


def found(shown: Any, **instead: str) -> Document:
    """`instead`: the content of slides, by the end of their name."""
    with zipfile.ZipFile(io.BytesIO(written.saved(shown.save))) as archive:
        members: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    for name in members:
        for ending, content in instead.items():
            if name.endswith(f"/{ending}.xml"):
                members[name] = content
    return read("a.pptx", written.zipped(members))


def test_charts_are_read_by_their_values() -> None:
    shown = Presentation()
    made = slide(shown, "Sales")
    data = CategoryChartData(number_format="0.0%")
    data.categories = ["North", "South"]
    data.add_series("2025", (0.192, 0.214))
    data.add_series("2026", (0.5, None))
    chart = made.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *PLACE, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "By region"
    points = XyChartData()
    series = points.add_series("Heat")
    series.add_data_point(1, 2.5)
    series.add_data_point(2, 3)
    made.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *PLACE, points)
    levels = CategoryChartData()
    year = levels.add_category("2026")
    year.add_sub_category("May")
    year.add_sub_category("June")
    levels.add_series("Geese", (3, 4))
    made.shapes.add_chart(XL_CHART_TYPE.PIE, *PLACE, levels)
    text = found(shown).text
    assert "By region\n2025: North 19.2%, South 21.4%\n2026: North 50.0%" in text
    assert "Heat: 1 2.5, 2 3" in text
    assert "Geese: " in text
    assert "May 3" in text


def test_hidden_slides_and_shapes_are_left_out_and_said() -> None:
    shown = Presentation()
    for title in ("One", "Badger", "Three", "Badger too"):
        made = slide(shown, title, "first\nsecond")
        if "Badger" in title:
            made._element.set("show", "0")
    shape = made.shapes.add_textbox(*PLACE)
    three = shown.slides[2].shapes.add_textbox(*PLACE)
    three.text_frame.text = "badger"
    three._element.nvSpPr.cNvPr.set("hidden", "1")
    shape.text_frame.text = "badger"
    document = found(shown)
    assert document.text == "One\n\n- first\n- second\n\nThree\n\n- first\n- second"
    assert document.warnings == ("Slides 2, 4 are hidden and were left out.",)
    assert len(document.pages) == 4


def test_groups_merged_cells_numbers_and_notes() -> None:
    shown = Presentation()
    made = slide(shown, "", "one\ntwo\nthree")
    for paragraph in made.placeholders[1].text_frame.paragraphs[1:]:
        paragraph._p.get_or_add_pPr().append(
            paragraph._p.makeelement("{http://schemas.openxmlformats.org/drawingml/2006/main}buAutoNum", {})
        )
    group = made.shapes.add_group_shape().shapes.add_group_shape()
    group.shapes.add_textbox(*PLACE).text_frame.text = "Refunds take\vten days"
    table = made.shapes.add_table(4, 3, *PLACE).table
    rows = [
        ["Rates", "", ""],
        ["Summer", "Adult", "14 crowns"],
        ["", "Child", "6 crowns"],
        ["Winter", "All", "3 crowns"],
    ]
    for i, row in enumerate(rows):
        for j, text in enumerate(row):
            table.cell(i, j).text = text
    table.cell(0, 0).merge(table.cell(0, 2))
    table.cell(1, 0).merge(table.cell(2, 0))
    made.notes_slide.notes_text_frame.text = "Say it slowly."
    assert found(shown).text.split("\n\n") == [
        "Slide 1", "- one\n1. two\n2. three", "Refunds take ten days", "Rates",
        "Summer – Adult; 14 crowns\nSummer – Child; 6 crowns\nWinter – All; 3 crowns", "Say it slowly.",
    ]  # fmt: skip


def test_one_broken_slide_or_chart_costs_no_more() -> None:
    shown = Presentation()
    made = slide(shown, "One")
    data = CategoryChartData()
    data.categories = ["a"]
    data.add_series("b", (1,))
    made.shapes.add_chart(XL_CHART_TYPE.PIE, *PLACE, data)
    slide(shown, "Two")
    chart = next(name for name in parts(shown) if "charts/chart" in name)
    document = found(shown, slide2="<", **{chart.rpartition("/")[2].removesuffix(".xml"): "<"})
    assert document.text == "One"
    assert document.warnings == (
        "Slide 2 is damaged and could not be read.",
        "A chart on slide 1 could not be read.",
    )


def parts(shown: Any) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(written.saved(shown.save))) as archive:
        return archive.namelist()


def test_a_diagram_is_read_by_its_words() -> None:
    from lxml import etree

    from nexus_voice.knowledge.reading.drawings import diagram

    a = "http://schemas.openxmlformats.org/drawingml/2006/main"
    point = "<d:pt{}><d:t><a:p><a:r><a:t>{}</a:t></a:r></a:p></d:t></d:pt>"
    words = [point.format("", "Plan"), point.format(" type='pres'", "badger"), point.format("", "Build")]
    root = etree.fromstring(f"<d:dataModel xmlns:d='urn:d' xmlns:a='{a}'>{''.join(words)}</d:dataModel>")
    assert list(diagram(root)) == ["Plan", "Build"]
