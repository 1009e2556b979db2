"""Response modes: how much to think before answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModeName = Literal["faster", "planning", "detailed"]


@dataclass(frozen=True, slots=True)
class Mode:
    """`tokens` bounds the answer; `search_wait` seconds is how long the web may take (None: no bound)."""

    name: ModeName
    size: Literal["small", "large"]
    tokens: int
    search: bool
    search_wait: float | None


MODES: dict[ModeName, Mode] = {
    "faster": Mode("faster", "small", 150, search=False, search_wait=0.0),
    "planning": Mode("planning", "large", 250, search=True, search_wait=0.8),
    "detailed": Mode("detailed", "large", 250, search=True, search_wait=None),
}
