"""Collections of documents, and who may do what with them.

Every function takes the connection of a transaction. What a scope may not see does not exist for it. A scope
of None is the program itself, which may do everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from uuid import uuid4

import sqlalchemy as sa

from ...core.access import DEFAULT, SEED, Role, Scope
from ...core.errors import BadInput
from ...storage.columns import now
from ...storage.schema import collections, documents, grants
from .originals import sweep
from .records import Collection
from .revisions import changed

READ: tuple[Role, ...] = ("reader", "writer", "owner")
WRITE: tuple[Role, ...] = ("writer", "owner")
OWN: tuple[Role, ...] = ("owner",)


def granted(scope: Scope, roles: Iterable[Role] = READ) -> sa.Select[tuple[str]]:
    """Ids of the collections in which the scope has one of `roles`."""
    found = sa.select(grants.c.collection_id).where(
        grants.c.principal.in_(scope.principals), grants.c.role.in_(roles)
    )
    if scope.collections is not None:
        found = found.where(grants.c.collection_id.in_(scope.collections))
    return found


def within(
    column: sa.ColumnElement[Any], scope: Scope | None, roles: Iterable[Role] = READ
) -> sa.ColumnElement[bool]:
    """Whether `column` has the id of a collection in which the scope has one of `roles`."""
    return sa.true() if scope is None else column.in_(granted(scope, roles))


def visible(connection: sa.Connection, scope: Scope) -> list[str]:
    """Ids of the collections that the scope may read."""
    return sorted(set(connection.scalars(granted(scope))))


def listing(connection: sa.Connection, scope: Scope) -> list[Collection]:
    """By name."""
    counted = sa.select(sa.func.count()).where(documents.c.collection_id == collections.c.id)
    statement = (
        sa.select(collections, grants.c.role, counted.scalar_subquery().label("documents"))
        .join(grants)
        .where(grants.c.principal.in_(scope.principals), within(collections.c.id, scope))
        .order_by(collections.c.name, collections.c.id)
    )
    found: dict[str, Collection] = {}
    for row in connection.execute(statement):
        role = cast(Role, row.role)
        if row.id not in found or READ.index(role) > READ.index(found[row.id].role):
            found[row.id] = Collection(row.id, row.name, row.created, role, row.documents)
    return list(found.values())


def allowed(connection: sa.Connection, id: str, scope: Scope | None, roles: Iterable[Role]) -> bool:
    statement = sa.select(collections.c.id).where(
        collections.c.id == id, within(collections.c.id, scope, roles)
    )
    return connection.scalar(statement) is not None


def create(connection: sa.Connection, name: str, principal: str) -> Collection:
    """Make a collection that belongs to `principal`."""
    made = Collection(uuid4().hex, named(name), now(), "owner", 0)
    connection.execute(collections.insert().values(id=made.id, name=made.name, created=made.created))
    connection.execute(grants.insert().values(collection_id=made.id, principal=principal, role="owner"))
    return made


def rename(connection: sa.Connection, id: str, name: str, scope: Scope | None) -> bool:
    statement = collections.update().where(collections.c.id == id, within(collections.c.id, scope, OWN))
    return connection.execute(statement.values(name=named(name))).rowcount > 0


def delete(connection: sa.Connection, id: str, scope: Scope | None) -> bool:
    """Delete it with its documents and jobs. Raises `BadInput` for the two that are always there."""
    if not allowed(connection, id, scope, OWN):
        return False
    if id in (DEFAULT, SEED):
        raise BadInput(
            "This collection is always there; delete its documents instead.",
            code="collection_kept",
            status=409,
        )
    changed(connection)
    connection.execute(documents.delete().where(documents.c.collection_id == id))
    connection.execute(collections.delete().where(collections.c.id == id))
    sweep(connection)
    return True


def members(connection: sa.Connection, id: str, scope: Scope | None) -> dict[str, Role] | None:
    """Principal -> role; None when the scope does not own the collection."""
    if not allowed(connection, id, scope, OWN):
        return None
    statement = sa.select(grants.c.principal, grants.c.role).where(grants.c.collection_id == id)
    return {principal: cast(Role, role) for principal, role in connection.execute(statement)}


def grant(connection: sa.Connection, id: str, principal: str, role: Role, scope: Scope | None) -> bool:
    """Give `principal` this role in place of the one it had."""
    if not allowed(connection, id, scope, OWN):
        return False
    _withdraw(connection, id, principal)
    connection.execute(grants.insert().values(collection_id=id, principal=principal, role=role))
    return True


def revoke(connection: sa.Connection, id: str, principal: str, scope: Scope | None) -> bool:
    """Whether `principal` had a role, which is then gone."""
    return allowed(connection, id, scope, OWN) and _withdraw(connection, id, principal)


def named(name: str) -> str:
    if not (name := " ".join(name.split())):
        raise BadInput("A collection needs a name.", code="name_missing")
    return name


def _withdraw(connection: sa.Connection, id: str, principal: str) -> bool:
    statement = grants.delete().where(grants.c.collection_id == id, grants.c.principal == principal)
    return connection.execute(statement).rowcount > 0
