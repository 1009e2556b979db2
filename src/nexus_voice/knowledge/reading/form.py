"""The fields of a PDF's form: what is filled in stands behind its label, as it is seen on the page."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from .document import flat
from .grid import Box
from .layout import Line

MAX_FIELDS, MAX_OPTIONS = 1_000, 1_000
"""Of a page, and of a field with a list to choose from."""
MAX_LINES = 2_000
"""A page with more lines has no form."""
MAX_VALUE_CHARS = 10_000
MAX_LABEL_DISTANCE_PT = 200.0
"""From a label to its field on the right."""
NEAR_PT = 24.0
"""From a field to a label above it, from a box to its option's text, and between parts of one entry."""
PASSWORD_FLAG = 1 << 13
"""Of a text field (PDF 1.7, table 228)."""
CHECKED, UNCHECKED = "\u2612", "\u2610"
BLANKS = re.compile(r"[\s_]*_{2,}\s*$|[\s.…]*(?:\.{4,}|…{2,})\s*$")
"""The line to write on behind a label."""


@dataclass(frozen=True, slots=True)
class Field:
    """`name` is unique in the document, `tip` is for people and may be empty. `value` is the text of a field,
    and of a box the option that it stands for."""

    kind: Literal["text", "box", "radio"]
    name: str
    tip: str
    value: str
    checked: bool
    box: Box

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2

    @property
    def title(self) -> str:
        words = re.sub(r"[\s_.-]+", " ", re.sub(r"\[\d+\]", "", self.name.rpartition(".")[2])).strip()
        return flat(self.tip) or words[:1].upper() + words[1:]


def fields(page: Any, form: Any) -> Iterator[Field]:
    """The visible fields of a page, from the top down. `form` is PDFium's form environment."""
    from pypdfium2 import raw

    kinds: dict[int, Literal["text", "box", "radio"]] = {
        raw.FPDF_FORMFIELD_TEXTFIELD: "text", raw.FPDF_FORMFIELD_COMBOBOX: "text",
        raw.FPDF_FORMFIELD_LISTBOX: "text", raw.FPDF_FORMFIELD_CHECKBOX: "box",
        raw.FPDF_FORMFIELD_RADIOBUTTON: "radio",
    }  # fmt: skip
    hidden = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
    found = list[Field]()
    for index in range(min(MAX_FIELDS, raw.FPDFPage_GetAnnotCount(page))):
        if not (annotation := raw.FPDFPage_GetAnnot(page, index)):
            continue
        try:
            if raw.FPDFAnnot_GetSubtype(annotation) != raw.FPDF_ANNOT_WIDGET:
                continue
            type, rect = raw.FPDFAnnot_GetFormFieldType(form, annotation), raw.FS_RECTF()
            shown = raw.FPDFAnnot_GetRect(annotation, rect)
            if not shown or type not in kinds or raw.FPDFAnnot_GetFlags(annotation) & hidden:
                continue
            if kinds[type] != "text":
                value = _string(raw.FPDFAnnot_GetFormFieldExportValue, form, annotation)
            elif raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & PASSWORD_FLAG:
                continue
            else:
                value = _chosen(form, annotation) if type != raw.FPDF_FORMFIELD_TEXTFIELD else ""
                value = value or _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
            found.append(
                Field(
                    kinds[type],
                    _string(raw.FPDFAnnot_GetFormFieldName, form, annotation),
                    _string(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation),
                    flat(value),
                    bool(raw.FPDFAnnot_IsChecked(form, annotation)),
                    (rect.left, rect.bottom, rect.right, rect.top),
                )
            )
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    yield from sorted(found, key=lambda field: (-round(field.middle / 4), field.box[0]))


def _string(get: Callable[..., int], *arguments: Any) -> str:
    """What PDFium writes as UTF-16 into a buffer."""
    size = min(get(*arguments, None, 0), 2 * MAX_VALUE_CHARS)
    buffer = ctypes.create_string_buffer(size + 2)
    get(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[:size].decode("utf-16-le", errors="ignore").rstrip("\0")


def _chosen(form: Any, annotation: Any) -> str:
    from pypdfium2 import raw

    count = min(MAX_OPTIONS, raw.FPDFAnnot_GetOptionCount(form, annotation))
    return ", ".join(
        _string(raw.FPDFAnnot_GetOptionLabel, form, annotation, index)
        for index in range(count)
        if raw.FPDFAnnot_IsOptionSelected(form, annotation, index)
    )


def filled(lines: Sequence[Line], found: Sequence[Field], page: int) -> list[Line]:
    """The lines of a page with what stands in its fields behind the labels. `page` is its index."""
    if len(lines) > MAX_LINES:
        return list(lines)
    sheet = _Sheet(list(lines), page)
    for field in found:
        if field.kind == "text" and field.value:
            sheet.enter(field, field.value)
    for box in found:
        if box.kind == "box":
            beside = [one for one in found if one.kind == "box" and abs(one.middle - box.middle) < 4]
            sheet.tick(box, several=len(beside) > 1)
    radios = sorted((field for field in found if field.kind == "radio"), key=lambda field: field.name)
    for _, group in groupby(radios, key=lambda field: field.name):
        sheet.choose(list(group))
    return [line for line in sheet.lines if line.text]


class _Sheet:
    """The lines of a page while its form is filled in. An empty line is one that is no longer shown."""

    def __init__(self, lines: list[Line], page: int) -> None:
        self.lines, self._page = lines, page
        self._entries = list[tuple[Field, int]]()  # fields, and the lines that they are entered in

    def enter(self, field: Field, value: str) -> None:
        """Write a value behind the label on the left, or above, or that the field itself has."""
        label = self._left(field)
        before = self._entered_before(field)
        if before is not None and (label is None or self.lines[label].x0 < self.lines[before].x0 + 1):
            self._write(before, field, f"{self.lines[before].text} {value}")
            return
        if label is None:
            label = self._above(field)
        if label is None:
            self._insert(field, _entry(field.title, value))
        else:
            self._write(label, field, _entry(self.lines[label].text, value))

    def tick(self, field: Field, several: bool) -> None:
        option = self._right(field)
        state = "yes" if field.checked else "no"
        if option is None:
            self.enter(field, state)
        elif several or self._goes_on(option):
            sign = CHECKED if field.checked else UNCHECKED
            self._write(option, field, f"{sign} {self.lines[option].text}")
        else:
            self._write(option, field, _entry(self.lines[option].text.rstrip(".:"), state))

    def choose(self, group: list[Field]) -> None:
        """Of radio buttons the chosen option is the value; the others are left out, as in a list."""
        side = self._right if self._right(group[-1]) is not None else self._left
        options = [side(field) for field in group]
        chosen = next((at for at, field in enumerate(group) if field.checked), None)
        if chosen is None:
            return
        place = options[chosen]
        value = group[chosen].value if place is None else self.lines[place].text
        for option in options:
            if option is not None:
                self.lines[option] = replace(self.lines[option], text="")
        self.enter(group[0], value)

    def _left(self, field: Field) -> int | None:
        near = [
            (field.box[0] - line.x1, index)
            for index, line in self._beside(field)
            if -2 <= field.box[0] - line.x1 <= MAX_LABEL_DISTANCE_PT
        ]
        return min(near)[1] if near else None

    def _right(self, field: Field) -> int | None:
        near = [
            (line.x0 - field.box[2], index)
            for index, line in self._beside(field)
            if -2 <= line.x0 - field.box[2] <= NEAR_PT
        ]
        return min(near)[1] if near else None

    def _above(self, field: Field) -> int | None:
        left, _, right, top = field.box
        near = [
            (line.foot - top, index)
            for index, line in enumerate(self.lines)
            if line.text and not line.entry and -3 <= line.foot - top <= NEAR_PT / 2
            and line.x0 <= right and line.x1 >= left and abs(line.x0 - left) <= NEAR_PT
        ]  # fmt: skip
        return min(near)[1] if near else None

    def _beside(self, field: Field) -> Iterator[tuple[int, Line]]:
        for index, line in enumerate(self.lines):
            if line.text and field.box[1] - 3 <= (line.foot + line.top) / 2 <= field.box[3] + 3:
                yield index, line

    def _entered_before(self, field: Field) -> int | None:
        """The line of the field that is directly to the left, as of the day in a date."""
        for other, index in reversed(self._entries):
            if abs(other.middle - field.middle) < 4 and 0 <= field.box[0] - other.box[2] <= NEAR_PT:
                return index
        return None

    def _goes_on(self, index: int) -> bool:
        line = self.lines[index]
        return any(
            abs(other.x0 - line.x0) < 2 and 0 < line.foot - other.foot < 1.5 * line.size
            for other in self.lines
        )

    def _write(self, index: int, field: Field, text: str) -> None:
        line = self.lines[index]
        self.lines[index] = replace(line, text=text, x1=max(line.x1, field.box[2]), entry=True)
        self._entries.append((field, index))

    def _insert(self, field: Field, text: str) -> None:
        """Below the nearest line above."""
        left, foot, right, top = field.box
        above = [
            (line.foot - field.middle, -index)
            for index, line in enumerate(self.lines)
            if line.foot >= field.middle
        ]
        at = 1 - min(above)[1] if above else 0
        near = self.lines[at - 1] if above else None
        size, height = (near.size, near.height) if near else (10.0, 0.5)
        line = Line(text, left, right, top, foot, height, size, False, False, self._page, entry=True)
        self.lines.insert(at, line)
        self._entries = [(one, index + (index >= at)) for one, index in self._entries]
        self._entries.append((field, at))


def _entry(label: str, value: str) -> str:
    label = BLANKS.sub("", label)
    return f"{label} {value}" if label.endswith((":", "?", "=")) or not label else f"{label}: {value}"
