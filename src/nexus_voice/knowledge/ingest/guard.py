"""Where the server may connect to when somebody else names the host: the public internet, and what its
administrator permits besides.

A name is resolved here, once, and the connection goes to the very addresses that were checked: a name
that changes its answer between check and connection gains nothing. What counts is the address, so no
spelling of it (decimal, octal, hexadecimal, mapped into IPv6) matters.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import anyio
import httpcore
import httpx

from ...core.errors import BadInput, EngineError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host; raises `OSError` when it has none."""

CONNECT = 5.0
"""Seconds that one address may take to answer before the next is tried."""
PORTS = {80, 443}
"""Elsewhere a public host keeps mail and databases: we are no scanner of their ports."""
UNICAST = IPv6Network("2000::/3")
"""All that is routed on the public IPv6 internet (RFC 4291, IANA)."""
UNROUTED = (IPv6Network("3fff::/20"), IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Documentation, protocol assignments, old 6to4 relays: Python 3.11 takes these for global."""
NAT64 = IPv6Network("64:ff9b::/96")
"""Stands for IPv4 addresses on networks that have IPv6 alone (RFC 6052)."""

NAME = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be reached although it is not public, and on any port."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Allowed:
        """From names, addresses and networks such as 10.0.0.0/8. Raises `BadInput`."""
        hosts, networks = set[str](), []
        for entry in map(str.strip, entries):
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
                continue
            except ValueError:
                pass
            try:
                host = httpx.URL(scheme="http", host=entry).raw_host.decode()
            except httpx.InvalidURL:
                host = ""
            if not NAME.fullmatch(host):
                raise BadInput(
                    f"{entry!r} is neither a host nor a network: write names such as wiki.example.org, or "
                    "networks such as 10.0.0.0/8, without a port.",
                    code="bad_setting",
                )
            hosts.add(host.rstrip("."))
        return cls(frozenset(hosts), tuple(networks))

    def host(self, name: str) -> bool:
        return name.lower().rstrip(".") in self.hosts

    def address(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.networks)


class Guard(httpcore.AsyncNetworkBackend):
    """Opens the connections of an HTTP client, and refuses those that lead inside."""

    def __init__(self, allowed: Allowed, resolve: Resolve) -> None:
        self._allowed, self._resolve = allowed, resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: Exception | None = None
        for address in await self._checked(host, port):
            try:
                return await self._network.connect_tcp(address, port, CONNECT, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    async def _checked(self, host: str, port: int) -> list[str]:
        """The host's addresses. Raises `BadInput` unless every one of them may be reached."""
        try:
            addresses = await self._resolve(host, port)
            found = [plain(ipaddress.ip_address(one)) for one in addresses]
        except (OSError, UnicodeError, ValueError):
            raise EngineError(
                f"There is no host named {host}. Check the address.", code="url_unreachable", retryable=True
            ) from None
        if self._allowed.host(host) or all(map(self._allowed.address, found)):
            return list(addresses)
        if not all(public(one) or self._allowed.address(one) for one in found):
            raise refused(f"{host} is not on the public internet")
        if port not in PORTS:
            raise refused(f"Port {port} of {host} is not one of the web's (80, 443)")
        return list(addresses)


async def resolved(host: str, port: int) -> list[str]:
    """By the system's resolver, which knows /etc/hosts and every spelling of an address."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does; else itself."""
    if isinstance(address, IPv6Address):
        if inner := address.ipv4_mapped or address.sixtofour:
            return inner
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet could reach it as well. Teredo's tunnels are not."""
    address = plain(address)
    if not address.is_global or address.is_multicast or any(address in network for network in UNROUTED):
        return False
    return isinstance(address, IPv4Address) or address in UNICAST


def refused(what: str) -> BadInput:
    return BadInput(
        f"{what}, so it is not fetched. The administrator can permit the host with "
        "NEXUS_KNOWLEDGE__REACHABLE.",
        code="url_refused",
        status=403,
    )
