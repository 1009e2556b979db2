"""What one check of `nexus-voice doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.errors import NexusError


@dataclass(frozen=True, slots=True)
class Check:
    """`status` is "note" when it works but could be better. `todo` says what to do about it."""

    what: str
    status: Literal["works", "note", "fails"]
    found: str
    todo: str = ""


def reason(error: BaseException) -> str:
    """Why it failed: the message of a `NexusError`, else the error's type and text."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.message if isinstance(error, NexusError) else f"{type(error).__name__}: {error}"
