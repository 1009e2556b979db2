"""How much of a model's context a passage takes: by the model's own tokenizer where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import anyio

from ...core.errors import EngineError
from .token_estimate import estimate

WITHIN = 0.05
"""Seconds that counting may take of the time to an answer; after that an estimate will do."""
REST = 60.0
"""Seconds until a tokenizer that was late, or is none, is asked again."""
REMEMBERED = 4_096
"""Texts whose count is kept: the same passages come up again and again."""


class Tokenizer(Protocol):
    @property
    def name(self) -> str: ...

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text. Raises `EngineError`."""
        ...


class Counter:
    """Without a `tokenizer` it estimates. The tokenizer's name tells when it has become another's."""

    def __init__(self, tokenizer: Tokenizer | None = None) -> None:
        self._tokenizer, self._name = tokenizer, ""
        self._known: dict[str, int] = {}
        self._rests_until = 0.0

    async def __call__(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; those that are not known yet are asked for in one request."""
        if self._tokenizer is None:
            return [estimate(text) for text in texts]
        if self._tokenizer.name != self._name:
            self._name, self._rests_until = self._tokenizer.name, 0.0
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new and anyio.current_time() >= self._rests_until:
            await self._ask(self._tokenizer, new)
        return [self._known.get(text) or estimate(text) for text in texts]

    async def _ask(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        counts: list[int] = []
        try:
            with anyio.move_on_after(WITHIN):
                counts = await tokenizer.tokens(texts)
        except EngineError:
            pass
        if not counts:
            self._rests_until = anyio.current_time() + REST
        if len(self._known) + len(counts) > REMEMBERED:
            self._known.clear()
        self._known.update(zip(texts, counts, strict=False))
