"""Reads tool calls that a model has written as text, in the forms of the usual chat templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from ..core.chat import ToolCall

Offered = Mapping[str, Mapping[str, Any]]
"""Name of each tool that is offered -> the JSON Schema of its arguments."""

MAX_NESTED = 4
"""Objects around a call, such as {"type": "function", "function": {...}}."""
_FUNCTION = re.compile(r"<function=([\w.-]{1,64})>(.*?)(?:</function>|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([\w.-]{1,64})>(.*?)</parameter>", re.DOTALL)
_NAMED = re.compile(r"\s*([\w.-]{1,64})\s*(?:\[ARGS\])?\s*(\{.*)", re.DOTALL)
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,), "array": (list,),
    "object": (dict,),
}  # fmt: skip


def looks_like_call(text: str, offered: Offered) -> bool:
    """Whether JSON, which may have broken off, has what a call has."""
    name = re.search(r'"(?:name|tool|tool_name|function)"\s*:\s*"([^"]{1,64})"', text)
    if name and name[1] in offered:
        return True
    return bool(name) and re.search(r'"(?:arguments|parameters|args)"\s*:', text) is not None


def written(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(name, arguments) of every call that a text consists of; none if it is something else."""
    if functions := _FUNCTION.findall(text):
        return [(name, _arguments_in(body)) for name, body in functions]
    try:
        value, _ = json.JSONDecoder().raw_decode(text.strip())
    except (ValueError, RecursionError):
        named = _NAMED.fullmatch(text)
        return [(named[1], _object(named[2]))] if named else []
    return list(_calls(value, MAX_NESTED))


def fitting(call: tuple[str, dict[str, Any]], offered: Offered) -> ToolCall | None:
    """The call, if its tool is offered and its arguments fit; unknown arguments are left out."""
    name, arguments = call
    schema = offered.get(name)
    if schema is None:
        return None
    known: Mapping[str, Any] = schema.get("properties") or {}
    kept = {key: value for key, value in arguments.items() if key in known}
    if any(key not in kept for key in schema.get("required") or ()):
        return None
    if not all(_is(value, known[key]) for key, value in kept.items()):
        return None
    return ToolCall(f"call_{uuid4().hex[:12]}", name, kept)


def _is(value: Any, schema: Any) -> bool:
    wanted = _TYPES.get(schema.get("type", "") if isinstance(schema, Mapping) else "")
    return wanted is None or (isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool)))


def _calls(value: Any, nested: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        for one in value if nested else ():
            yield from _calls(one, nested - 1)
        return
    if not isinstance(value, dict) or not nested:
        return
    for key in ("tool_calls", "tool_call", "function"):
        if isinstance(value.get(key), dict | list):
            yield from _calls(value[key], nested - 1)
            return
    name = next((value[key] for key in ("name", "tool", "tool_name", "function") if key in value), None)
    holder = next((key for key in ("arguments", "parameters", "args") if key in value), None)
    if isinstance(name, str) and holder:
        given = value[holder]
        yield name, _object(given) if isinstance(given, str) else given if isinstance(given, dict) else {}


def _object(text: str) -> dict[str, Any]:
    try:
        value, _ = json.JSONDecoder().raw_decode(text.strip())
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _arguments_in(body: str) -> dict[str, Any]:
    parameters = {name: value.strip() for name, value in _PARAMETER.findall(body)}
    return parameters or _object(body)
