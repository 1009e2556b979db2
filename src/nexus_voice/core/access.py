"""The values of access control: roles, and the scope of a search. `knowledge/documents/permissions.py`
enforces them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["reader", "writer", "owner"]
"""A reader searches and opens documents, a writer adds and removes them, an owner also grants and deletes."""

EVERYONE = "everyone"
"""The principal that stands for every caller."""
DEFAULT, SEED = "default", "seed"
"""Ids of the collections that always exist: for documents without a collection, and for the first
documents."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may see: the collections that are granted to any of `principals`.

    `collections` (ids), if given, narrows them. A principal is "everyone", or a user or workspace such as
    "user:ada".
    """

    principals: frozenset[str] = frozenset({EVERYONE})
    collections: frozenset[str] | None = None


PUBLIC = Scope()
"""What everyone may see."""
