"""What is filled into a PDF's form is read with its label."""

import io
from collections.abc import Callable

from reportlab.pdfgen.canvas import Canvas

from nexus_voice.knowledge.reading.read import read


def filled(draw: Callable[[Canvas], None], name: str = "form.pdf") -> list[str]:
    """The lines that are read of a page with a form."""
    out = io.BytesIO()
    canvas = Canvas(out)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return [line for line in read(name, out.getvalue()).text.split("\n") if line]


def test_values_stand_behind_their_labels() -> None:
    def draw(canvas: Canvas) -> None:
        form = canvas.acroForm
        canvas.drawString(60, 780, "Application for a mooring")
        canvas.drawString(60, 740, "Boat name:")
        form.textfield(name="boat", value="Sable Heron", x=150, y=732, width=200, height=20)
        canvas.drawString(60, 715, "Harbour ____________")
        form.textfield(name="h", value="Mossgate", x=190, y=707, width=120, height=20)
        canvas.drawString(340, 715, "Berth")
        form.textfield(name="b", value="17", x=400, y=707, width=40, height=20)
        canvas.drawString(60, 690, "Insurance valid:")
        form.checkbox(name="ins", checked=True, x=180, y=685, size=15)
        canvas.drawString(60, 665, "Radio on board")
        form.checkbox(name="radio", checked=False, x=180, y=660, size=15)
        canvas.drawString(60, 640, "Berth type:")
        form.choice(
            name="type", value="f", options=[("Floating pontoon", "f"), ("Quay wall", "q")],
            x=150, y=632, width=150, height=20,
        )  # fmt: skip
        canvas.drawString(60, 615, "Date of launch:")
        for at, part in enumerate(("14", "03", "1987")):
            form.textfield(name=f"d{at}", value=part, x=150 + 45 * at, y=607, width=40, height=20)
        canvas.drawString(60, 590, "Remarks:")
        form.textfield(name="empty", x=150, y=582, width=200, height=20)

    assert filled(draw) == [
        "Application for a mooring",
        "Boat name: Sable Heron",
        "Harbour: Mossgate",
        "Berth: 17",
        "Insurance valid: yes",
        "Radio on board: no",
        "Berth type: Floating pontoon",
        "Date of launch: 14 03 1987",
        "Remarks:",
    ]


def test_labels_may_stand_above_or_only_in_the_field() -> None:
    def draw(canvas: Canvas) -> None:
        form = canvas.acroForm
        canvas.drawString(60, 780, "Crew")
        canvas.drawString(60, 740, "Skipper")
        form.textfield(name="skipper", value="Ann Pell", x=60, y=715, width=150, height=20)
        canvas.drawString(300, 740, "Engineer")
        form.textfield(name="engineer", value="Bob Tarn", x=300, y=715, width=150, height=20)
        form.textfield(name="x1", tooltip="Name of the cook", value="Cid", x=60, y=640, width=150, height=20)
        form.textfield(name="home_port", value="Harlow", x=60, y=560, width=150, height=20)

    assert filled(draw) == [
        "Crew",
        "Skipper: Ann Pell",
        "Engineer: Bob Tarn",
        "Name of the cook: Cid",
        "Home port: Harlow",
    ]


def test_boxes_and_radio_buttons() -> None:
    def draw(canvas: Canvas) -> None:
        form = canvas.acroForm
        canvas.drawString(60, 780, "Order form")
        canvas.drawString(60, 740, "Payment:")
        for at, option in enumerate(("Card", "Cash", "Invoice")):
            form.radio(name="pay", value=option.lower(), selected=at == 1, x=150 + 90 * at, y=735, size=14)
            canvas.drawString(170 + 90 * at, 740, option)
        canvas.drawString(60, 710, "Equipment:")
        for at, option in enumerate(("Flares", "Raft")):
            form.checkbox(name=option, checked=at == 1, x=150 + 90 * at, y=705, size=14)
            canvas.drawString(170 + 90 * at, 710, option)
        for at, option in enumerate(("I accept the terms.", "Send me the newsletter")):
            form.checkbox(name=f"c{at}", checked=not at, x=60, y=675 - 30 * at, size=14)
            canvas.drawString(80, 680 - 30 * at, option)

    assert filled(draw) == [
        "Order form",
        "Payment: Cash",
        "Equipment: \u2610 Flares \u2612 Raft",
        "I accept the terms: yes",
        "Send me the newsletter: no",
    ]


def test_what_nobody_sees_is_not_read() -> None:
    def draw(canvas: Canvas) -> None:
        form = canvas.acroForm
        canvas.drawString(60, 780, "Sign in")
        canvas.drawString(60, 740, "Password:")
        form.textfield(name="p", value="hunter2", fieldFlags="password", x=150, y=732, width=200, height=20)
        form.textfield(name="h", value="hidden", annotationFlags="hidden", x=150, y=632, width=200, height=20)

    assert filled(draw) == ["Sign in", "Password:"]
