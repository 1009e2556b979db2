"""Removes characters that a language model reads and people do not see: they can hide orders in a text."""

from __future__ import annotations

import re

_LINE_BREAKS = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]|\r\n?")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U0010ffff]+"
    "|(?<![^\x00-\x7f])[\u200c\u200d]+|(?<![\u200c\u200d])[\u200c\u200d]++(?![^\x00-\x7f])"
)
"""Control characters, marks of writing direction, fillers, variation selectors, private use, tag characters.
Joiners stay between characters that are not ASCII: Persian, Hindi and emoji need them."""


def visible(text: str) -> str:
    """`text` without invisible characters. Line breaks of any kind become "\\n"."""
    return _INVISIBLE.sub("", _LINE_BREAKS.sub("\n", text))
