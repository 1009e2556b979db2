"""PDFs whose lines are put where a test wants them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

LEADING = 1.25
"""Distance of two lines in font sizes."""


class Column(NamedTuple):
    """Lines that begin at `x`, the first one at `top`; if `right`, they end there."""

    x: float
    top: float
    lines: Sequence[str]
    size: float = 10
    right: bool = False
    font: str = "Helvetica"


def wrapped(text: str, width: float, size: float = 10) -> list[str]:
    """The lines of a text that is `width` points wide."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if stringWidth(longer, "Helvetica", size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def pdf(*pages: Iterable[Column], order: Literal["rows", "columns"] = "rows") -> bytes:
    """Each page's lines are drawn from the top down, whatever column they are in, or column by column."""
    out = io.BytesIO()
    canvas = Canvas(out)
    for columns in pages:
        places = [
            (-round(one.top - LEADING * one.size * number, 1), one.x, line, one)
            for one in columns
            for number, line in enumerate(one.lines)
        ]
        for down, x, line, one in sorted(places) if order == "rows" else places:
            canvas.setFont(one.font, one.size)
            (canvas.drawRightString if one.right else canvas.drawString)(x, -down, line)
        canvas.showPage()
    canvas.save()
    return out.getvalue()
