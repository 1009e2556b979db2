"""The visible text of a paragraph in Word, and what else stands in it: boxes, charts, notes."""

from __future__ import annotations

import re
from typing import Any

from .document import flat
from .nodes import attribute, name_of
from .numbering import is_on, value
from .word_styles import Styles

SKIPPED = frozenset(
    {
        "del",
        "moveFrom",
        "pPr",
        "rPr",
        "delText",
        "instrText",
        "object",
        "rt",
        "tblPr",
        "sdtPr",
        "annotationRef",
    }
)
"""Elements whose text nobody sees in a document as it is printed: what was deleted, codes, pronunciations."""
PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b", re.IGNORECASE)


class Text:
    """`hidden` says whether the paragraph's style hides what its words do not show."""

    def __init__(self, styles: Styles, hidden: bool) -> None:
        self._styles, self._hidden = styles, hidden
        self._parts = list[str]()
        self._fields = list[list[str]]()
        self.boxes = list[Any]()
        """The contents of text boxes."""
        self.pictures = list[tuple[str, str]]()
        """Charts and diagrams: (kind, id of the part that holds it)."""
        self.notes = list[tuple[str, str]]()
        self.paged = False
        """Whether a page number is in it."""

    def text(self) -> str:
        return flat("".join(self._parts))

    def raw(self) -> str:
        return "".join(self._parts).expandtabs(4).rstrip()

    def take(self, node: Any) -> None:
        for child in node.iterchildren("{*}*"):
            match name_of(child):
                case "r":
                    if not self._vanishes(child):
                        self._run(child)
                case "oMath" | "oMathPara":
                    self._parts.append("".join(one.text or "" for one in child.iter("{*}t")))
                case "fldSimple" if PAGE_FIELD.match(attribute(child, "instr")):
                    self.paged = True
                case name if name not in SKIPPED:
                    self.take(child)

    def _vanishes(self, run: Any) -> bool:
        properties = run.find("{*}rPr")
        if properties is None:
            return self._hidden
        own = properties.find("{*}vanish")
        if own is not None:
            return is_on(own)
        style = self._styles.of(value(properties, "rStyle"))
        return self._hidden if style.hidden is None else style.hidden

    def _run(self, node: Any) -> None:
        for child in node.iterchildren("{*}*"):
            match name_of(child):
                case "t":
                    if not (
                        self._fields and self._fields[-1] and PAGE_FIELD.match("".join(self._fields[-1]))
                    ):
                        self._parts.append(child.text or "")
                case "tab" | "ptab":
                    self._parts.append("\t")
                case "br" | "cr":
                    self._parts.append("\n")
                case "noBreakHyphen":
                    self._parts.append("-")
                case "fldChar":
                    self._field(attribute(child, "fldCharType"))
                case "instrText":
                    if self._fields:
                        self._fields[-1].append(child.text or "")
                case "footnoteReference" | "endnoteReference" as kind:
                    self.notes.append((kind.removesuffix("Reference"), attribute(child, "id")))
                case "AlternateContent":
                    self._run(chosen(child))
                case "drawing" | "pict":
                    self._drawing(child)
                case "ruby":
                    for base in child.iterchildren("{*}rubyBase"):
                        self.take(base)

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append([])
        elif kind == "end" and self._fields:
            self.paged |= bool(PAGE_FIELD.match("".join(self._fields.pop())))

    def _drawing(self, node: Any) -> None:
        boxes = dict.fromkeys(node.iter("{*}txbxContent"))
        # The boxes within a box are read with it.
        self.boxes += [box for box in boxes if not any(upper in boxes for upper in box.iterancestors())]
        for path in node.iter("{*}textpath"):  # WordArt
            self._parts.append(f" {path.get('string', '')} ")
        for kind, reference in (("chart", "id"), ("relIds", "dm")):
            self.pictures += [(kind, attribute(found, reference)) for found in node.iter("{*}" + kind)]


def chosen(node: Any) -> Any:
    """Of what is there for newer and older versions of Word, the newer one."""
    choice = node.find("{*}Choice")
    fallback = node.find("{*}Fallback")
    return choice if (choice is not None and len(choice)) or fallback is None else fallback
