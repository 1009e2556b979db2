"""Tables without lines are found by their alignment, and nothing else is taken for one."""

from drawn import Column, pdf, wrapped
from reportlab.pdfbase.pdfmetrics import stringWidth
from test_reading_columns import ACROSS, text

HOURS = (
    "Harlow – Weekday: 07:30-18:00; Saturday: 08:00-12:00; Telephone ext.: 4471\n"
    "Mossgate – Weekday: 06:00-14:00; Saturday: closed; Telephone ext.: 4480\n"
    "Pell Quay – Weekday: 09:00-17:30; Saturday: 10:00-13:30; Telephone ext.: 4492"
)
HOURS_COLUMNS = [
    Column(60, 700, ["Depot", "Harlow", "Mossgate", "Pell Quay"]),
    Column(185, 700, ["Weekday", "07:30-18:00", "06:00-14:00", "09:00-17:30"]),
    Column(310, 700, ["Saturday", "08:00-12:00", "closed", "10:00-13:30"]),
    Column(435, 700, ["Telephone ext.", "4471", "4480", "4492"]),
]


def test_rows_and_columns_are_found_by_alignment() -> None:
    around = [Column(60, 740, ["Opening hours of the depots"]), Column(60, 640, wrapped(ACROSS, 480))]
    expected = f"Opening hours of the depots\n\n{HOURS}\n\n{ACROSS}"
    assert text(pdf(around + HOURS_COLUMNS)) == expected


def test_numbers_to_the_right_and_empty_cells() -> None:
    page = [
        Column(60, 700, ["Cost centre", "Boiler house", "Pumping station two", "Total"]),
        Column(300, 700, ["2023", "1,250.00", "80.50", "1,330.50"], right=True),
        Column(380, 700, ["2024", "", "12,980.00", "12,980.00"], right=True),
    ]
    assert text(pdf(page)) == (
        "Boiler house – 2023: 1,250.00\nPumping station two – 2023: 80.50; 2024: 12,980.00\n"
        "Total – 2023: 1,330.50; 2024: 12,980.00"
    )
    corner = [Column(60, 700, ["", *page[0].lines[1:]]), *page[1:]]
    assert text(pdf(corner)) == text(pdf(page))


def test_a_cell_may_go_on_in_the_next_line() -> None:
    page = [
        Column(60, 700, ["Part", "Seal", "", "Mat", "Float"]),
        Column(150, 700, ["Remarks", "of ceramics, for the", "Brindle pump", "washed on Mondays", "none"]),
        Column(330, 700, ["Stock", "40", "", "12", "7"]),
    ]
    assert text(pdf(page)).split("\n") == [
        "Seal – Remarks: of ceramics, for the Brindle pump; Stock: 40",
        "Mat – Remarks: washed on Mondays; Stock: 12",
        "Float – Remarks: none; Stock: 7",
    ]


def test_the_names_of_the_columns_may_take_two_lines() -> None:
    page = [
        Column(50, 700, ["", "Depot", "Harlow", "Mossgate"]),
        Column(185, 700, ["Opening", "hours", "07:30-18:00", "06:00-14:00"]),
        Column(310, 700, ["Telephone", "extension", "4471", "4480"]),
    ]
    assert text(pdf(page)) == (
        "Harlow – Opening hours: 07:30-18:00; Telephone extension: 4471\n"
        "Mossgate – Opening hours: 06:00-14:00; Telephone extension: 4480"
    )


def test_a_table_may_be_drawn_column_by_column() -> None:
    assert text(pdf(HOURS_COLUMNS[:2] + HOURS_COLUMNS[3:], order="columns")).startswith(
        "Harlow – Weekday: 07:30"
    )


def test_an_index_in_columns_is_no_table() -> None:
    names = ["alder, 5", "birch, 7", "cedar, 9", "elm, 12"]
    page = [Column(60, 700, names), Column(250, 700, ["fir, 14", "hazel, 2", "larch, 3", "oak, 30"])]
    assert text(pdf(page, order="columns")).startswith("\n".join(names))


def test_labels_that_end_with_a_colon_keep_their_values() -> None:
    page = [
        Column(50, 700, ["Name:", "Address:", "Telephone:"]),
        Column(200, 700, ["John Smith", "12 High Street, Harlow", "4471"]),
    ]
    assert text(pdf(page)) == "Name: John Smith\nAddress: 12 High Street, Harlow\nTelephone: 4471"


def test_justified_text_with_wide_gaps_is_no_table() -> None:
    width, columns = 130, list[Column]()
    for number, line in enumerate(wrapped(ACROSS, width)):
        x, words = 50.0, line.split()
        room = (width - stringWidth("".join(words), "Helvetica", 10)) / max(1, len(words) - 1)
        for word in words:
            columns.append(Column(x, 700 - 12.5 * number, [word]))
            x += room + stringWidth(word, "Helvetica", 10)
    assert " ".join(text(pdf(columns)).split()) == ACROSS
