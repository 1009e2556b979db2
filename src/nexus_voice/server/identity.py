"""Who is calling, and what they may see."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import HTTPConnection

from ..core.access import EVERYONE, Scope


def principals_of(caller: HTTPConnection) -> frozenset[str]:
    """Everybody is everyone: there are no accounts."""
    return frozenset({EVERYONE})


def scope_of(caller: HTTPConnection, collections: Iterable[str] | None = None) -> Scope:
    """What this caller may see, narrowed to `collections` (ids) if there are any given."""
    return Scope(principals_of(caller), None if collections is None else frozenset(collections))
