"""Server-sent events of the conversation's messages."""

from __future__ import annotations

from ..core.events import ServerEvent
from .voice.wire import encode


def event(message: ServerEvent) -> bytes:
    """One server-sent event, named by the message's type."""
    return f"event: {message.type}\ndata: {encode(message)}\n\n".encode()
