"""What stands in columns is read column by column, however it is drawn; other pages stay as they are."""

import pytest
from drawn import Column, pdf, wrapped

from nexus_voice.knowledge.reading.read import read

PUMP = (
    "The Brindle pump starts when the float switch rises above the upper mark. Its motor draws four amperes "
    "and it must never run dry for more than ninety seconds, because the ceramic seal would crack. After a "
    "dry run the seal is changed by the depot, which keeps a stock of forty."
)
VALVE = (
    "Warranty claims for the Corvane valve are handled by the depot in Harlow. Send the serial number and a "
    "photograph of the label. Answers take eleven working days in the winter season, and five in summer, "
    "when the staff is doubled by students."
)
MAT = (
    "The filter mat is washed every second Monday in lukewarm water. Soap is not used since it closes the "
    "pores of the mat. A mat lasts three years unless it is torn, and torn mats are burnt by the caretaker."
)
ACROSS = (
    "This paragraph goes across the whole page and says that the columns below it are about other things, "
    "such as the filter mats of the boiler house, which are dealt with in a section of their own."
)
GERMAN = (
    "Die Pumpe läuft an, sobald der Schwimmer die obere Marke erreicht. Ihr Motor nimmt vier Ampere auf und "
    "darf niemals länger als neunzig Sekunden trocken laufen, weil sonst die Dichtung aus Keramik springt."
)
HEAD = "Field notes on pumps and valves"


def text(data: bytes) -> str:
    return read("notes.pdf", data).text


def flowing(data: bytes) -> list[str]:
    """The paragraphs, each in one line."""
    return [" ".join(paragraph.split()) for paragraph in text(data).split("\n\n")]


@pytest.mark.parametrize("order", ["rows", "columns"])
def test_columns_are_read_one_after_the_other(order: str) -> None:
    two = [Column(50, 700, wrapped(PUMP, 230)), Column(310, 700, wrapped(VALVE, 230))]
    three = [Column(50 + 170 * at, 700, wrapped(one, 150)) for at, one in enumerate((PUMP, VALVE, MAT))]
    narrow = [Column(50, 700, wrapped(PUMP, 230)), Column(292, 700, wrapped(GERMAN, 230))]
    four = [
        Column(50 + 125 * at, 700, wrapped(one, 110)) for at, one in enumerate((PUMP, MAT, GERMAN, VALVE))
    ]
    assert flowing(pdf(two, order=order)) == [PUMP, VALVE]
    assert flowing(pdf(three, order=order)) == [PUMP, VALVE, MAT]
    assert flowing(pdf(narrow, order=order)) == [PUMP, GERMAN]
    assert flowing(pdf(four, order=order)) == [PUMP, MAT, GERMAN, VALVE]


def test_what_goes_across_parts_the_columns_above_and_below_it() -> None:
    page = [
        Column(50, 760, [HEAD]),
        Column(50, 720, wrapped(PUMP, 230)),
        Column(310, 720, wrapped(VALVE, 230)),
        Column(50, 600, wrapped(ACROSS, 490)),
        Column(50, 540, wrapped(MAT, 230)),
        Column(310, 540, wrapped(GERMAN, 230)),
        Column(50, 440, ["Yours, the caretaker"]),
    ]
    expected = [HEAD, PUMP, VALVE, ACROSS, MAT, GERMAN, "Yours, the caretaker"]
    assert flowing(pdf(page)) == expected
    page[0] = Column(50, 760, ["A heading that is larger and stretches across both columns"], size=16)
    assert read("notes.pdf", pdf(page)).sections[-1].path == (page[0].lines[0],)


def test_columns_may_end_at_different_heights() -> None:
    page = [Column(50, 700, wrapped(f"{PUMP} {MAT}", 230)), Column(310, 700, wrapped(VALVE, 230)[:-1])]
    first, second = flowing(pdf(page))
    assert first == f"{PUMP} {MAT}"
    assert VALVE.startswith(second)


def test_a_sidebar_is_read_by_itself() -> None:
    main = Column(50, 700, wrapped(f"{PUMP} {MAT}", 340))
    brief = "Pumps never run dry for long. Call the depot in Harlow when the seal cracks."
    small = Column(420, 702, ["In brief", *wrapped(brief, 120, 8)], size=8)
    hours = Column(420, 700, ["Opening hours", "Monday 9 to 17", "Tuesday 9 to 17", "Closed on Sunday"])
    for sidebar in (small, hours):
        first, *rest = flowing(pdf([main, sidebar]))
        assert first == f"{PUMP} {MAT}"
        assert " ".join(rest) == " ".join(sidebar.lines)


def test_a_table_in_a_column_is_a_table() -> None:
    page = [
        Column(50, 700, wrapped(PUMP, 230)),
        Column(310, 700, wrapped(f"{VALVE} {MAT}", 230)),
        Column(50, 610, ["Part", "Seal", "Mat", "Float"]),
        Column(130, 610, ["Stock", "40", "12", "7"]),
        Column(200, 610, ["Price", "3.50", "12.00", "9.95"]),
    ]
    assert text(pdf(page)).split("\n\n") == [
        PUMP,
        "Seal – Stock: 40; Price: 3.50\nMat – Stock: 12; Price: 12.00\nFloat – Stock: 7; Price: 9.95",
        f"{VALVE} {MAT}",
    ]


def test_items_and_addresses_and_what_runs_above_and_below() -> None:
    item = wrapped(PUMP, 220)
    bullets = [f"\u2022 {item[0]}", *item[1:]] * 2
    indented = [
        Column(50 if line.startswith("\u2022") else 58, 700 - 12.5 * at, [line])
        for at, line in enumerate(bullets)
    ]
    beside = Column(310, 700, wrapped(f"{VALVE} {GERMAN}", 230))
    assert text(pdf([*indented, beside])) == f"- {PUMP}\n- {PUMP}\n\n{VALVE} {GERMAN}"

    addresses = [
        Column(50, 700, ["Bill to:", "ACME Ltd", "1 High Street", "Harlow"]),
        Column(310, 700, ["Ship to:", "Tarnfield Stores", "9 Quay Road", "Mossgate"]),
    ]
    assert " ".join(text(pdf(addresses)).split()) == " ".join(line for one in addresses for line in one.lines)

    running = [Column(50, 810, ["The Harlow Gazette"]), Column(480, 810, ["No. 12"]), Column(310, 30, ["3"])]
    columns = [Column(50, 700, wrapped(PUMP, 230)), Column(310, 700, wrapped(VALVE, 230))]
    assert flowing(pdf(running + columns)) == ["The Harlow Gazette No. 12", PUMP, VALVE, "3"]


def test_lists_side_by_side_are_columns() -> None:
    page = [
        Column(50, 700, ["\u2022 Open the upper valve", "\u2022 Wait for a minute", "\u2022 Close it again"]),
        Column(310, 700, ["\u2022 Call the depot", "\u2022 Send a photograph", "\u2022 Keep the label"]),
    ]
    assert text(pdf(page)) == (
        "- Open the upper valve\n- Wait for a minute\n- Close it again\n"
        "- Call the depot\n- Send a photograph\n- Keep the label"
    )


def test_labels_and_markers_stay_with_what_they_stand_before() -> None:
    def beside(*pairs: tuple[str, str]) -> list[Column]:
        tops = [700 - 75 * index for index in range(len(pairs))]
        labels = [Column(50, top, [label]) for top, (label, _) in zip(tops, pairs, strict=True)]
        return labels + [
            Column(200, top, wrapped(one, 300)) for top, (_, one) in zip(tops, pairs, strict=True)
        ]

    pairs = ("Brindle pump", PUMP), ("Corvane valve", VALVE), ("Filter mat", MAT)
    assert " ".join(flowing(pdf(beside(*pairs)))) == " ".join(f"{label} {one}" for label, one in pairs)

    steps = ["Open the valve and wait until the pressure falls.", "Close it again.", "Write down the time."]
    numbered = pdf([Column(50, 700, ["1.", "2.", "3."]), Column(80, 700, steps)])
    assert text(numbered) == "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))

    options = [
        Column(60, 700, ["-c, --check", "-o, --output", "-h, --help", "-q, --quiet"]),
        Column(200, 700, ["checks the syntax only", "output file", "show this help and exit", "say nothing"]),
    ]
    read = text(pdf(options))
    assert all(
        f"{one} {other}" in read.replace(" –", "")
        for one, other in zip(*(column.lines for column in options), strict=True)
    )


def test_a_page_of_countless_fragments_is_read_as_it_is_drawn() -> None:
    columns = [Column(20 + 6 * at, 830, ["x"] * 150, size=4) for at in range(90)]
    assert len(text(pdf(columns)).split()) == 13_500
