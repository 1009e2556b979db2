"""Finds collections by the names that users gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import BadInput, NexusError
from ..server.rag.names import one_line
from . import nearby


def id_of(wanted: str, collections: Sequence[Mapping[str, Any]]) -> str | None:
    """The id of the collection whose id or name is `wanted`, or None. Raises `BadInput` when several have
    that name."""
    name = one_line(wanted, 200)
    found = [str(one["id"]) for one in collections if one["id"] == name]
    found = found or [str(one["id"]) for one in collections if one["name"] == name]
    if len(found) > 1:
        raise BadInput(
            f"{len(found)} collections are named “{name}”. Give the id of one of them: {', '.join(found)}.",
            code="ambiguous_collection",
        )
    return found[0] if found else None


def ids_of(wanted: Sequence[str], server: nearby.Address) -> list[str]:
    """The ids of the collections of `server` with these ids or names. Raises `NexusError`."""
    if not wanted:
        return []
    try:
        body = nearby.get(f"{server.http}/rag/collections")
    except (OSError, ValueError):
        raise nearby.NoServer(f"The server at {server.http} has stopped answering.") from None
    if error := body.get("error"):
        raise NexusError(error["message"], code=error["code"])
    known = body["collections"]
    ids = {one: id_of(one, known) for one in wanted}
    if unknown := [f"“{one}”" for one, id in ids.items() if id is None]:
        names = ", ".join(f"“{one['name']}”" for one in known)
        raise BadInput(
            f"There is no collection {' or '.join(unknown)}. There are: {names}.", code="no_such_collection"
        )
    return [id for id in ids.values() if id]
