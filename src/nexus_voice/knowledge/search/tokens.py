"""How many tokens of a model's context a text takes: counted by the model's tokenizer, or estimated."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol

import anyio

from ...core.errors import EngineError

COUNT_TIMEOUT_S = 0.05
"""After that an estimate will do: the user waits for the answer."""
PAUSE_S = 60.0
"""A tokenizer that was late, or that there is not, is asked again after so long."""
MAX_KEPT = 4_096
"""Texts whose count is kept, because the same passages are found again and again."""

CHARS_PER_TOKEN_LATIN, CHARS_PER_TOKEN_OTHER, CHARS_PER_TOKEN_DENSE = 4.0, 2.0, 1.0
"""About 4 in English by OpenAI's rule of thumb. Scripts that tokenizers know less well take two to four
times as many tokens for the same text (Petrov et al., "Language Model Tokenizers Introduce Unfairness
Between Languages", NeurIPS 2023). A character of Chinese, Japanese or Korean is a word or a syllable, and
about one token."""

_OTHER = re.compile(r"[^\x00-\u024f\u1e00-\u20bf\u2e80-\U0010ffff]+")
"""Greek, Cyrillic, Arabic, Indian and the like; not Latin letters and common punctuation."""
_DENSE = re.compile(r"[\u2e80-\U0010ffff]+")
"""From the Chinese radicals on: kana, Chinese, Korean, full-width signs, emoji."""


class Tokenizer(Protocol):
    @property
    def name(self) -> str: ...

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text. Raises `EngineError`."""
        ...


class Counter:
    """Counts with `tokenizer`, and estimates without one. All counts are dropped when its name changes: it
    is then another model's."""

    def __init__(self, tokenizer: Tokenizer | None = None) -> None:
        self._tokenizer, self._name = tokenizer, ""
        self._known: dict[str, int] = {}
        self._paused_until = 0.0

    async def __call__(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; those that are not known yet are asked for in one request."""
        if self._tokenizer is None:
            return [estimate(text) for text in texts]
        if self._tokenizer.name != self._name:
            self._name, self._paused_until = self._tokenizer.name, 0.0
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new and anyio.current_time() >= self._paused_until:
            await self._ask(self._tokenizer, new)
        return [self._known.get(text) or estimate(text) for text in texts]

    async def _ask(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        counts: list[int] = []
        try:
            with anyio.move_on_after(COUNT_TIMEOUT_S):
                counts = await tokenizer.tokens(texts)
        except EngineError:
            pass
        if not counts:
            self._paused_until = anyio.current_time() + PAUSE_S
        if len(self._known) + len(counts) > MAX_KEPT:
            self._known.clear()
        self._known.update(zip(texts, counts, strict=False))


def estimate(text: str) -> int:
    """Tokens of `text`, within about a quarter for prose."""
    if text.isascii():
        return math.ceil(len(text) / CHARS_PER_TOKEN_LATIN)
    dense = sum(map(len, _DENSE.findall(text)))
    other = sum(map(len, _OTHER.findall(text)))
    latin = len(text) - dense - other
    tokens = latin / CHARS_PER_TOKEN_LATIN + other / CHARS_PER_TOKEN_OTHER + dense / CHARS_PER_TOKEN_DENSE
    return math.ceil(tokens)
