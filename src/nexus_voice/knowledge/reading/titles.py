"""What a document is called."""

from __future__ import annotations

import re
from pathlib import PurePath

from .tables import flat

LONGEST = 300
GENERIC = re.compile(
    r"\(?(?:unspecified|anonymous|untitled|unknown|none|title|no title)\)?|untitled\b.*|"
    r"(?:document|presentation|book|workbook|slide|spreadsheet) ?\d*|(?:power ?point|pptx) presentation|"
    r"(?:word|pdf) document|python-docx|microsoft (?:office )?(?:word|power ?point|excel)\b.*|"
    r".*\.(?:docx?|pdf|tex|dvi|indd|pptx?|xlsx?|odt|rtf|html?|md|txt)",
    re.IGNORECASE,
)
"""Titles that programs write and nobody gave."""


def given(title: str) -> str:
    """The title that a file says it has; "" if nobody chose it."""
    title = flat(title)[:LONGEST]
    return "" if GENERIC.fullmatch(title) else title


def of_file(name: str) -> str:
    words = re.sub(r"[\s_-]+", " ", PurePath(name).stem).strip()
    return words[:1].upper() + words[1:] or "Untitled"
