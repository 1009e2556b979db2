"""Tools that any language model may call: a clock and a calculator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..core.errors import BadInput
from ..text.arithmetic import calculate


class Clock:
    name = "current_time"
    description = "The current date, time and weekday, in the user's time zone or a named one."
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {"zone": {"type": "string", "description": "IANA time zone, such as Europe/Paris."}},
    }
    side_effects = False

    async def __call__(self, zone: str = "", **ignored: Any) -> str:
        try:
            now = datetime.now(ZoneInfo(zone)) if zone else datetime.now().astimezone()
        except (ZoneInfoNotFoundError, ValueError):
            raise BadInput(f"There is no time zone named {zone[:60]}.") from None
        return now.strftime("%A, %d %B %Y, %H:%M (%Z)")


class Calculator:
    name = "calculator"
    description = "Exact arithmetic: + - * / ^, percent, square root, brackets."
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {"expression": {"type": "string", "description": "Such as 17% of 80, or 2^10 - 1."}},
        "required": ["expression"],
    }
    side_effects = False

    async def __call__(self, expression: str = "", **ignored: Any) -> str:
        result = calculate(expression)
        if result is None:
            raise BadInput(f"That is not arithmetic: {expression[:100]}.")
        return result
