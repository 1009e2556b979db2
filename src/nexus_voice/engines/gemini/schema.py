"""JSON Schema cut down to what Gemini takes: its `Schema` is a part of OpenAPI 3.0's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = {
    "title", "description", "nullable", "minItems", "maxItems", "minProperties", "maxProperties",
    "minLength", "maxLength", "pattern", "minimum", "maximum", "default",
}  # fmt: skip
_FORMATS = {
    "string": ("date-time",),
    "number": ("float", "double"),
    "integer": ("int32", "int64"),
}
"""Any other one is refused."""
DEEPEST = 10
"""Levels of nesting that are kept."""


def schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`parameters` of a tool as Gemini's Schema; empty when the tool has none, which must not be sent.

    References are put in place, `oneOf` becomes `anyOf`, `allOf` is merged, a type of "null" becomes
    `nullable`, `const` and `enum` of strings are kept; what Gemini does not know is left out. Where a
    schema refers to itself, or is very deep, it ends in a string.
    """
    found = _schema(_plain(parameters, parameters, (), 0), 0)
    return found if found.get("properties") else {}


def _plain(node: Any, root: Mapping[str, Any], seen: tuple[str, ...], depth: int) -> Any:
    """`node` with every reference ("#/$defs/Name") and `allOf` put in its place."""
    if depth > 3 * DEEPEST:
        return {}
    if isinstance(node, list):
        return [_plain(item, root, seen, depth + 1) for item in node]
    if not isinstance(node, Mapping):
        return node
    reference = node.get("$ref")
    own = {
        key: _plain(value, root, seen, depth + 1)
        for key, value in node.items()
        if key not in ("$ref", "allOf", "$defs", "definitions")
    }
    parts = [_plain(part, root, seen, depth + 1) for part in node.get("allOf") or []]
    if isinstance(reference, str) and reference not in seen:
        parts.append(_plain(_referred(reference, root), root, (*seen, reference), depth + 1))
    merged: dict[str, Any] = {}
    for part in (*parts, own):
        if isinstance(part, dict):
            both = {key: merged[key] for key in ("properties", "required") if key in merged and key in part}
            merged |= part
            if "properties" in both:
                merged["properties"] = {**both["properties"], **part["properties"]}
            if "required" in both:
                merged["required"] = [*both["required"], *part["required"]]
    return merged


def _referred(reference: str, root: Mapping[str, Any]) -> Any:
    """What the reference names in the whole schema; nothing elsewhere is looked at."""
    found: Any = root
    for step in filter(None, reference.removeprefix("#").split("/")):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _schema(node: Any, depth: int) -> dict[str, Any]:
    if not isinstance(node, dict) or depth > DEEPEST:
        return {"type": "string"}
    kept: dict[str, Any] = {key: value for key, value in node.items() if key in _KEPT}
    branches = node.get("anyOf") or node.get("oneOf") or []
    types = node.get("type") or _guess(node)
    types = [types] if isinstance(types, str) else list(types)
    if "null" in types or {"type": "null"} in branches:
        kept["nullable"] = True
    types = [type for type in types if type != "null"] or ["string"]
    branches = [branch for branch in branches if branch != {"type": "null"}]
    if not branches and len(types) > 1:
        branches = [{"type": type} for type in types]
    if branches:
        inner = [_schema(branch, depth + 1) for branch in branches]
        return {**inner[0], **kept} if len(inner) == 1 else {"anyOf": inner, **kept}
    kind = kept["type"] = types[0]
    if node.get("format") in _FORMATS.get(kind, ()):
        kept["format"] = node["format"]
    values = [node["const"]] if "const" in node else node.get("enum") or []
    if kind == "string" and (texts := [value for value in values if isinstance(value, str) and value]):
        kept["enum"] = texts
    if kind == "array":
        kept["items"] = _schema(node.get("items"), depth + 1)
    if kind == "object" and isinstance(properties := node.get("properties"), dict):
        kept["properties"] = {name: _schema(value, depth + 1) for name, value in properties.items()}
        if required := [name for name in node.get("required") or [] if name in properties]:
            kept["required"] = required
    return kept


def _guess(node: Mapping[str, Any]) -> str:
    return "object" if "properties" in node else "array" if "items" in node else "string"
