"""A spreadsheet is read as a spreadsheet program shows it: formats, merged cells, what is hidden."""

import datetime as dt
import io
import zipfile
from typing import Any

import pytest
import written
from openpyxl import Workbook

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.limits import Limits
from nexus_voice.knowledge.reading.number_format import shown, words
from nexus_voice.knowledge.reading.sheets import excel


def reading(data: bytes) -> tuple[str, list[str]]:
    """(text, warnings)."""
    found = excel("a", data, Limits())
    return "\n\n".join(block.text for block in found.blocks), found.warnings


def book(*rows: list[Any], formats: dict[str, str] | None = None, merged: tuple[str, ...] = ()) -> Workbook:
    made = Workbook()
    sheet = made.active
    sheet.title = "Data"
    for row in rows:
        sheet.append(row)
    for place, code in (formats or {}).items():
        sheet[place].number_format = code
    for place in merged:
        sheet.merge_cells(place)
    return made


def parts(data: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def text(made: Workbook) -> str:
    return reading(written.saved(made.save))[0].removeprefix("Data\n\n")


@pytest.mark.parametrize(
    ("value", "code", "right"),
    [
        (0.125, "0.0%", "12.5%"),
        (0.125, "0.0 %", "12.5 %"),
        (0.255, "0%", "26%"),
        (1067, "00000", "01067"),
        (123456789, "000-00-0000", "123-45-6789"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (1234.5, r'_-* #,##0.00\ "€"_-;\-* #,##0.00\ "€"_-;_-* "-"??\ "€"_-;_-@_-', "1,234.50 €"),
        (0, r'_-* #,##0.00\ "€"_-;\-* #,##0.00\ "€"_-;_-* "-"??\ "€"_-;_-@_-', "- €"),
        (-1234.5, r"#,##0.00_);[Red]\(#,##0.00\)", "(1,234.50)"),
        (-3, "0.00", "-3.00"),
        (-0.001, "0.00", "0.00"),
        (-5, '"£"#,##0', "-£5"),
        (0, '0;-0;"none"', "none"),
        (7, ";;;", ""),
        (12, '0" kg"', "12 kg"),
        (1.005, "0.00", "1.01"),
        (1_234_567, "#,##0,", "1,235"),
        (1_234_567, '0.0,,"M"', "1.2M"),
        (1_234_567, "0.00E+00", "1.23E+06"),
        (12_345, "##0.0E+0", "12.3E+3"),
        (9.999, "0.0E+00", "1.0E+01"),
        (1.5, "# ?/?", "1 1/2"),
        (1 / 3, "# ??/??", "1/3"),
        (3, "# ?/?", "3"),
        (2.25, "0 0/8", "2 2/8"),
        (150, '[>=100]"many";[<10]"few";0', "many"),
        (99, '[>=100]"many";[<10]"few";0', "99"),
        (46205, "dd/mm/yyyy", "02/07/2026"),
        (46205, "d.m.yy", "2.7.26"),
        (46205.5, "dddd, d mmmm yyyy", "Thursday, 2 July 2026"),
        (46206.58680555555, "yyyy-mm-dd hh:mm", "2026-07-03 14:05"),
        (0.3229166666666667, "hh:mm", "07:45"),
        (0.75, "h:mm AM/PM", "6:00 PM"),
        (1.25, "[h]:mm:ss", "30:00:00"),
        (0.0001, "mm:ss.00", "00:08.64"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (-1, "yyyy-mm-dd", "-1"),
        (1e300, "yyyy", f"{1e300:.12g}"),
        (3.0, "General", "3"),
        (4006381333931, "General", "4006381333931"),
        (0.1 + 0.2, "General", "0.3"),
        (100, 'General" km"', "100 km"),
        (20, "@", "20"),
        (5, "[$", ""),
    ],
)
def test_a_number_is_shown_by_its_format(value: float, code: str, right: str) -> None:
    assert shown(value, code) == right


def test_a_mac_counts_days_from_1904() -> None:
    assert shown(0, "yyyy-mm-dd", since_1904=True) == "1904-01-01"


def test_a_format_may_surround_words() -> None:
    assert words("tall", 'General;General;General;"very "@') == "very tall"
    assert words("tall", "0.00") == "tall"


def test_a_number_in_any_odd_format_is_shown_in_some_way() -> None:
    odd = r'" \ [ [> [>1.2.3]0 [="x [] [h _ * . , % / 0/0 ?/ E+0 0E+0 @@ ; ;;;;; AM/PM s.000 0.0.0 #,,,'
    for code in (*odd.split(), "0" * 300, "y" * 300):
        for value in (0.0, -1.5, 1e-300, 1e300, 46205.3, 2_958_466.0):
            shown(value, code)


def test_cells_are_read_as_they_are_shown() -> None:
    row = ["Ann", 0.5, 1067, dt.date(2024, 3, 1), dt.time(7, 45), True, "#N/A", -3.5]
    made = book(
        ["Who", "Share", "Post", "Day", "Start", "Done", "Other", "Sum"],
        row,
        formats={"B2": "0%", "C2": "00000", "D2": "d mmm yyyy", "H2": "#,##0.00;(#,##0.00)"},
    )
    assert text(made) == (
        "Ann – Share: 50%; Post: 01067; Day: 1 Mar 2024; Start: 7:45:00; Done: TRUE; Other: #N/A; Sum: (3.50)"
    )


def test_a_merged_cell_holds_for_all_rows_and_columns_that_it_covers() -> None:
    rows = [
        ["City", "Grade", "Per day"],
        ["Taunford", "Director", 600],
        [None, "Other", 350],
        ["Ilmere", "All", 290],
    ]
    assert text(book(*rows, merged=("A2:A3",))) == (
        "Taunford – Grade: Director; Per day: 600\nTaunford – Grade: Other; Per day: 350\n"
        "Ilmere – Grade: All; Per day: 290"
    )
    rows = [
        ["City", "Summer", None, "Note"],
        [None, "Adult", "Child", None],
        ["Ilmere", 14, 6, "x"],
        ["Taun", 9, None, "y"],
    ]
    assert text(book(*rows, merged=("A1:A2", "B1:C1", "D1:D2", "B4:C4"))) == (
        "Ilmere – Summer Adult: 14; Summer Child: 6; Note: x\n"
        "Taun – Summer Adult: 9; Summer Child: 9; Note: y"
    )
    rows = [
        ["Rates of 2026", None, None],
        ["Who", "Low", "High"],
        ["Adult", 1, 2],
        ["By the week", None, None],
        ["Child", 3, 4],
    ]
    assert text(book(*rows, merged=("A1:C1", "A4:C4"))) == (
        "Rates of 2026\n\nAdult – Low: 1; High: 2\nBy the week\nChild – Low: 3; High: 4"
    )


def test_a_merge_of_the_whole_sheet_is_no_more_than_its_cells() -> None:
    members = parts(written.saved(book(["a", "b"], ["c", "d"], merged=("A1:A2",)).save))
    sheet = members["xl/worksheets/sheet1.xml"]
    assert isinstance(sheet, bytes)
    members["xl/worksheets/sheet1.xml"] = sheet.replace(b"A1:A2", b"A1:XFD1048576")
    assert reading(written.zipped(members))[0] == "Data\n\na\na"


def test_what_is_hidden_is_left_out_and_said() -> None:
    made = book(
        ["Who", "Pay", "Room", "Phone"],
        ["Ann", 900, "R1", "11"],
        ["Bob", 800, "R2", "22"],
        ["Cid", 700, "R3", "33"],
    )
    made.active.column_dimensions["B"].hidden = True
    made.active.row_dimensions[3].hidden = True
    for name, state in (("Old", "hidden"), ("Secret", "veryHidden")):
        made.create_sheet(name).append(["badger"])
        made[name].sheet_state = state
    shown, warnings = reading(written.saved(made.save))
    assert shown == "Data\n\nAnn – Room: R1; Phone: 11\nCid – Room: R3; Phone: 33"
    assert warnings == [
        "1 hidden row and 1 hidden column of the sheet “Data” were left out.",
        "The hidden sheet “Old” was left out.",
        "The hidden sheet “Secret” was left out.",
    ]


def test_a_formula_without_a_result_is_said() -> None:
    shown, warnings = reading(written.saved(book(["a", "b", "c"], [1, 2, "=A2+B2"]).save))
    assert "1 – b: 2" in shown
    assert (
        warnings[0].startswith("1 formula of the sheet “Data” have no result") or "1 formula" in warnings[0]
    )


def test_one_broken_sheet_costs_that_sheet() -> None:
    made = book(["Who", "Room", "Phone"], ["Ann", "R1", "11"])
    made.create_sheet("Other").append(["badger"])
    data = written.saved(made.save)
    members = parts(data)
    broken = {**members, "xl/worksheets/sheet2.xml": b"<worksheet><sheetData><row"}
    shown, warnings = reading(written.zipped(broken))
    assert shown == "Data\n\nAnn – Room: R1; Phone: 11"
    assert warnings == ["The sheet “Other” is damaged and could not be read."]
    broken["xl/worksheets/sheet1.xml"] = b"<"
    with pytest.raises(BadInput, match="damaged"):
        reading(written.zipped(broken))


def test_cells_far_apart_cost_little() -> None:
    made = book(["a"])
    made.active["XFD1048576"] = "b"
    assert text(made) == "a\n\nb"


def test_excel_of_before_2007_is_read_as_it_is_shown() -> None:
    import xlwt

    made = xlwt.Workbook()
    sheet = made.add_sheet("Data")
    style = xlwt.easyxf
    for column, name in enumerate(["City", "Share", "Post", "Day", "Pay"]):
        sheet.write(0, column, name)
    sheet.write_merge(1, 2, 0, 0, "Taunford")
    for row in (1, 2):
        sheet.write(row, 1, 0.125 * row, style(num_format_str="0.0%"))
        sheet.write(row, 2, 1067, style(num_format_str="00000"))
        sheet.write(row, 3, dt.date(2024, 1, row), style(num_format_str="d mmm yyyy"))
        sheet.write(row, 4, 900)
    sheet.col(4).hidden = True
    made.add_sheet("Old").visibility = 1
    shown, warnings = reading(written.saved(made.save))
    assert shown == (
        "Data\n\nTaunford – Share: 12.5%; Post: 01067; Day: 1 Jan 2024\n"
        "Taunford – Share: 25.0%; Post: 01067; Day: 2 Jan 2024"
    )
    assert warnings == [
        "1 hidden column of the sheet “Data” was left out.",
        "The hidden sheet “Old” was left out.",
    ]


def test_rich_text_is_read_without_its_pronunciation() -> None:
    from xlsxwriter import Workbook as Writer

    def save(out: io.BytesIO) -> None:
        with Writer(out) as made:
            sheet = made.add_worksheet("Data")
            sheet.write_rich_string("A1", made.add_format({"bold": True}), "東", "京 a")

    members = parts(written.saved(save))
    strings = members["xl/sharedStrings.xml"]
    assert isinstance(strings, bytes)
    said = "<rPh sb='0' eb='1'><t>とう</t></rPh></si>".encode()
    members["xl/sharedStrings.xml"] = strings.replace(b"</si>", said)
    assert reading(written.zipped(members))[0] == "Data\n\n東京 a"
