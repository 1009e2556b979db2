"""Collections keep documents apart, and are shared with others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..core.access import Role, Scope
from .documents import permissions
from .documents.records import Collection
from .store import Store


class Collections:
    """Who owns, sees and fills which collection. What a `scope` may not see does not exist for it; a scope
    of None is the program itself. `change` writes what alters what somebody can find."""

    def __init__(self, store: Store, change: Callable[..., Awaitable[Any]]) -> None:
        self._store, self._change = store, change

    async def listing(self, scope: Scope) -> list[Collection]:
        """By name."""
        return await self._store.read(permissions.listing, scope)

    async def create(self, name: str, principal: str) -> Collection:
        """It belongs to `principal`. Raises `BadInput` when it has no name."""
        return await self._store.write(permissions.create, name, principal)

    async def rename(self, id: str, name: str, scope: Scope | None) -> bool:
        """Whether there is such a collection that `scope` owns. Raises `BadInput` when it has no name."""
        return await self._store.write(permissions.rename, id, name, scope)

    async def delete(self, id: str, scope: Scope | None) -> bool:
        """Delete it with its documents and jobs. Raises `BadInput` for the two that are always there."""
        return bool(await self._change(permissions.delete, id, scope))

    async def members(self, id: str, scope: Scope | None) -> dict[str, Role] | None:
        """Principal -> role; None for those who do not own it."""
        return await self._store.read(permissions.members, id, scope)

    async def grant(self, id: str, principal: str, role: Role, scope: Scope | None) -> bool:
        """Give `principal` this role instead of the one it had."""
        return bool(await self._change(permissions.grant, id, principal, role, scope))

    async def revoke(self, id: str, principal: str, scope: Scope | None) -> bool:
        """Whether `principal` had a role."""
        return bool(await self._change(permissions.revoke, id, principal, scope))
