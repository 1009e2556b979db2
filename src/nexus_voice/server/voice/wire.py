"""The native protocol's JSON messages (`core/events.py`), encoded, decoded and checked."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from ...core import events
from ...core.errors import BadInput
from ...core.events import ClientEvent, ServerEvent

MAX_MESSAGE_CHARS = 256 * 1024
"""Characters of one JSON message. Typed text has a limit of its own, in the settings."""

MAX_COLLECTIONS, MAX_COLLECTION_ID = 100, 32
"""Collections that may be named at a time, and characters of the id of each."""

_client: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])


def encode(event: ServerEvent) -> str:
    return orjson.dumps(event).decode()


def decode(text: str) -> ClientEvent:
    """Raises `BadInput` with a stable code: bad_json, unknown_type, bad_message, too_long."""
    if len(text) > MAX_MESSAGE_CHARS:
        raise BadInput(
            f"A message may have {MAX_MESSAGE_CHARS:,} characters at most.", code="too_long", status=413
        )
    try:
        message: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"That is not JSON: {error}.", code="bad_json") from None
    try:
        event = _client.validate_python(message)
    except ValidationError as error:
        raise _explain(error, message) from None
    check(event)
    return event


def check_text(text: str, max_chars: int) -> None:
    """Raises `BadInput` when a typed text is empty or has more than `max_chars` characters."""
    if len(text) > max_chars:
        raise BadInput(f"A text may have {max_chars:,} characters at most.", code="too_long", status=413)
    if not text.strip():
        raise BadInput("The text is empty.", code="empty")


def _explain(error: ValidationError, message: Any) -> BadInput:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"].startswith(("union_tag", "dataclass_type", "model_attributes")) or not isinstance(
        message, dict
    ):
        return BadInput(
            'A message is a JSON object with a known "type"; see docs/protocol.md.', code="unknown_type"
        )
    where = ".".join(str(part) for part in first["loc"][1:])
    return BadInput(f"{where}: {first['msg']}", code="bad_message")


RANGES = {
    "rate": (8_000, 48_000),
    "voice_rate": (0.5, 2.0),
    "voice_pitch": (0.5, 2.0),
    "sensitivity": (0.0, 1.0),
}


def check(event: ClientEvent) -> None:
    """Check the ranges of numbers and the lengths of names and lists. Raises `BadInput`."""
    for name, (low, high) in RANGES.items():
        value = getattr(event, name, None)
        if value is not None and not low <= value <= high:
            raise BadInput(f"{name} must be from {low} to {high}.", code="bad_message")
    if not isinstance(event, events.Settings):
        return
    if len(event.voice or "") > 100:
        raise BadInput("voice: a name has 100 characters at most.", code="bad_message")
    collections = event.collections or []
    if len(collections) > MAX_COLLECTIONS or any(len(id) > MAX_COLLECTION_ID for id in collections):
        raise BadInput(
            f"collections: at most {MAX_COLLECTIONS} ids of {MAX_COLLECTION_ID} characters at most.",
            code="bad_message",
        )
