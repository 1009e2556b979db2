"""Response modes: how long an answer may be, and which of a provider's models gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModeName = Literal["faster", "planning", "detailed"]


@dataclass(frozen=True, slots=True)
class Mode:
    """`size` chooses between a provider's models; an answer has at most `tokens`."""

    size: Literal["small", "large"]
    tokens: int


MODES: dict[ModeName, Mode] = {
    "faster": Mode("small", 150),
    "planning": Mode("large", 250),
    "detailed": Mode("large", 250),
}
