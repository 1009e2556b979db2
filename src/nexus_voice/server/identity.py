"""Who is calling: their address, and what they may see."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection
from starlette.types import Scope as Connection

from ..core.access import EVERYONE, Scope


def principals_of(caller: HTTPConnection) -> frozenset[str]:
    """Everybody is everyone: there are no accounts."""
    return frozenset({EVERYONE})


def scope_of(caller: HTTPConnection, collections: Iterable[str] | None = None) -> Scope:
    """What this caller may see, narrowed to `collections` (ids) if there are any given."""
    return Scope(principals_of(caller), None if collections is None else frozenset(collections))


def address_of(connection: Connection) -> str:
    """Who the client is, as far as limits go: its IPv4 address, or its network of 64 bits in IPv6, since a
    household has all of one. Behind a proxy on this machine uvicorn takes it from X-Forwarded-For."""
    host = (connection.get("client") or ("", 0))[0]
    with suppress(ValueError):
        address = ip_address(host)
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or ip_network((int(address), 64), strict=False).network_address
        return str(address)
    return str(host)
