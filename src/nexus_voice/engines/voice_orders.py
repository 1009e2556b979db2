"""A sentence on its way to a voice in a worker process: the order for it, its parts, and the sound back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..core.audio import Voice
from ..core.errors import BadInput

MAX_TEXT = 2_000
"""Characters of one sentence."""
MAX_WAITING_CHUNKS = 8_000
"""Pieces of sound that may wait for the listener, more than the longest sentence has: a process is free again
as soon as it has spoken, however slowly that is played."""
PART_ENDS = tuple(map(re.compile, (r"[.!?…][\"'”’)]*\s|[。！？]", r"[,;:—]\s|[、，；：]", r"\s")))
"""Where a text may be cut, best first: after a sentence, a clause, a word."""


def speaking_order(sentence: str, voice: Voice, /, **more: str) -> dict[str, Any] | None:
    """What the worker is told; None when there is nothing to say. Raises `BadInput` (`text_too_long`)."""
    if len(sentence) > MAX_TEXT:
        raise BadInput(f"A sentence to speak may have at most {MAX_TEXT} characters", code="text_too_long")
    if not sentence.strip():
        return None
    text = sentence.encode("utf-8", "replace").decode()  # a lone surrogate cannot be sent
    return {"text": text, "rate": voice.rate, "pitch": voice.pitch, **more}


def sound(piece: Any) -> bytes:
    """PCM16 from a worker. Raises `ValueError` for anything else."""
    if not isinstance(piece, bytes) or len(piece) % 2:
        raise ValueError("no whole samples of sound")
    return piece


def parts(text: str, max_chars: int) -> Iterator[str]:
    """`text` in pieces of at most `max_chars` characters; together they are the text."""
    start = 0
    while len(text) - start > max_chars:
        window = text[start : start + max_chars]
        found = (max((match.end() for match in end.finditer(window)), default=0) for end in PART_ENDS)
        cut = next(filter(None, found), max_chars)
        yield window[:cut]
        start += cut
    yield text[start:]
