"""Describes a failure to the user: a stable code, what to do, and nothing secret."""

from __future__ import annotations

import logging

from ..core.errors import NexusError
from ..core.events import Error

log = logging.getLogger(__name__)


def describe(error: Exception, turn: int = 0) -> Error:
    """The client's message for an exception; what we cannot explain stays in the log."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, NexusError):
        return Error(error.code, error.message, turn)
    log.error("turn %d failed", turn, exc_info=error)
    return Error("internal", "Something went wrong with this answer. Please ask again.", turn)
