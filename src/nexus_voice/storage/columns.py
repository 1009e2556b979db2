"""Column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

REPLACEMENT = "\ufffd"
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL refuses the zero character, and neither database takes half of a surrogate pair."""


class PlainText(TypeDecorator[str]):
    """Text of at most `length` characters. Characters that a database refuses are replaced."""

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Any) -> TypeEngine[str]:
        return String(self.length) if self.length else Text()

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return value and UNSTORABLE.sub(REPLACEMENT, value)


class Moment(TypeDecorator[datetime]):
    """A moment with its time zone in Python, and in UTC without a zone in the tables."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


def now() -> datetime:
    return datetime.now(UTC)
