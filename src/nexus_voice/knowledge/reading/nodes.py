"""Names and attributes of XML elements, whichever version of their namespace a program has written."""

from __future__ import annotations

from typing import Any


def name_of(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


def attribute(node: Any, name: str) -> str:
    """An attribute in any namespace or none; "" if there is none of this name."""
    return next((value for key, value in node.items() if key.rpartition("}")[2] == name), "")


def reference(node: Any, name: str = "id") -> str:
    """An attribute in a namespace, such as the id of a relationship, beside which may stand a plain one."""
    return next((value for key, value in node.items() if key.endswith("}" + name)), "")
