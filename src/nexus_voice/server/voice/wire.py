"""The native protocol's JSON: strict on what comes in, one message a line of `domain/events.py`."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from ...core import events
from ...core.errors import BadInput
from ...core.events import ClientEvent, ServerEvent

LONGEST_MESSAGE = 256 * 1024
"""Bytes of one JSON message; text has a limit of its own."""

MOST_COLLECTIONS, LONGEST_ID = 100, 32
"""How many may be named at a time, and characters of the id of one."""

_client: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])


def encode(event: ServerEvent) -> str:
    return orjson.dumps(event).decode()


def decode(text: str) -> ClientEvent:
    """Raises `BadInput` with a stable code: bad_json, unknown_type, bad_message, too_long."""
    if len(text) > LONGEST_MESSAGE:
        raise BadInput(f"A message may have {LONGEST_MESSAGE} bytes at most.", code="too_long", status=413)
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


def check_text(text: str, most: int) -> None:
    """A typed message: something, and not more than `most` characters."""
    if len(text) > most:
        raise BadInput(f"A text may have {most:,} characters at most.", code="too_long", status=413)
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
    """Ranges of the numbers, and lengths of names and lists."""
    for name, (low, high) in RANGES.items():
        value = getattr(event, name, None)
        if value is not None and not low <= value <= high:
            raise BadInput(f"{name} must be from {low} to {high}.", code="bad_message")
    if not isinstance(event, events.Settings):
        return
    if len(event.voice or "") > 100:
        raise BadInput("voice: a name has 100 characters at most.", code="bad_message")
    collections = event.collections or []
    if len(collections) > MOST_COLLECTIONS or any(len(id) > LONGEST_ID for id in collections):
        raise BadInput(
            f"collections: at most {MOST_COLLECTIONS} ids of {LONGEST_ID} characters at most.",
            code="bad_message",
        )
