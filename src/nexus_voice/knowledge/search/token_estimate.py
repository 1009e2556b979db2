"""How many tokens a text has, roughly: for models that cannot be asked."""

from __future__ import annotations

import math
import re

LATIN, OTHER, DENSE = 4.0, 2.0, 1.0
"""Characters a token: about 4 in English by OpenAI's rule of thumb; scripts that tokenizers know less well
take two to four times as many tokens for the same text (Petrov et al., "Language Model Tokenizers
Introduce Unfairness Between Languages", NeurIPS 2023), and a character of Chinese, Japanese or Korean is a
word, or a syllable, and about one token."""

_OTHER = re.compile(r"[^\x00-\u024f\u1e00-\u20bf\u2e80-\U0010ffff]+")
"""Greek, Cyrillic, Arabic, Indian and the like; not Latin letters and common punctuation."""
_DENSE = re.compile(r"[\u2e80-\U0010ffff]+")
"""From the Chinese radicals on: kana, Chinese, Korean, full-width signs, emoji."""


def estimate(text: str) -> int:
    """Tokens of `text`, within about a quarter for prose."""
    if text.isascii():
        return math.ceil(len(text) / LATIN)
    dense = sum(map(len, _DENSE.findall(text)))
    other = sum(map(len, _OTHER.findall(text)))
    return math.ceil((len(text) - dense - other) / LATIN + other / OTHER + dense / DENSE)
