"""Text as every database takes it."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

MENDED = "\ufffd"
UNFIT = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL refuses the zero character, and neither database takes half of a surrogate pair."""


class Plain(TypeDecorator[str]):
    """A character that does not fit is replaced by one that says so; of `length` characters at most."""

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Any) -> TypeEngine[str]:
        return String(self.length) if self.length else Text()

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return value and UNFIT.sub(MENDED, value)
