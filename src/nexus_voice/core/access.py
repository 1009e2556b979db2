"""Who may see which documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["reader", "writer", "owner"]
"""A reader searches and opens documents, a writer adds and removes them, an owner also grants and deletes."""

EVERYONE = "everyone"
"""The principal that every caller is."""
DEFAULT, SEED = "default", "seed"
"""Ids of the collections that are always there: for documents without another one, and for the seed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may see: the collections granted to any of `principals`, narrowed to `collections`
    (ids) where these are given. A principal is "everyone", or a user or workspace such as "user:ada"."""

    principals: frozenset[str] = frozenset({EVERYONE})
    collections: frozenset[str] | None = None


PUBLIC = Scope()
"""What everyone may see."""
