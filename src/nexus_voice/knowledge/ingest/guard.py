"""Decides where the server may connect to when somebody else names the host: to the public internet, and to
what the administrator permits besides.

A name is resolved once, here, and the connection goes to the very addresses that were checked. So a name that
resolves to something else a moment later gains nothing. What counts is the address, however it is spelt:
decimal, octal, hexadecimal or mapped into IPv6.
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
"""Returns the addresses of a host. Raises `OSError` if it has none."""

CONNECT_TIMEOUT_S = 5.0
"""For one address; then the next one is tried."""
WEB_PORTS = {80, 443}
"""The other ports of a public host may be mail or a database, and nobody shall scan them through this server.
"""
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that is routed on the public IPv6 internet (RFC 4291, IANA)."""
NOT_ROUTED = (IPv6Network("3fff::/20"), IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Documentation, protocol assignments and old 6to4 relays, which Python 3.11 takes for global."""
NAT64 = IPv6Network("64:ff9b::/96")
"""Stands for IPv4 addresses on networks that have IPv6 alone (RFC 6052)."""

HOST_NAME = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts and networks that may be reached on any port although they are not public."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Allowed:
        """Read them from names, addresses and networks such as 10.0.0.0/8. Raises `BadInput`."""
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
            if not HOST_NAME.fullmatch(host):
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
    """Opens the connections of an HTTP client, and refuses those that are not to the public internet."""

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
                return await self._network.connect_tcp(
                    address, port, CONNECT_TIMEOUT_S, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    async def _checked(self, host: str, port: int) -> list[str]:
        """The addresses of the host. Raises `BadInput` unless every one of them may be reached."""
        try:
            addresses = await self._resolve(host, port)
            found = [embedded_ipv4(ipaddress.ip_address(one)) for one in addresses]
        except (OSError, UnicodeError, ValueError):
            raise EngineError(
                f"There is no host named {host}. Check the address.", code="url_unreachable", retryable=True
            ) from None
        if self._allowed.host(host) or all(map(self._allowed.address, found)):
            return list(addresses)
        if not all(public(one) or self._allowed.address(one) for one in found):
            raise refused(f"{host} is not on the public internet")
        if port not in WEB_PORTS:
            raise refused(f"Port {port} of {host} is not one of the web's (80, 443)")
        return list(addresses)


async def resolved(host: str, port: int) -> list[str]:
    """Asks the system's resolver, which knows /etc/hosts and every spelling of an address."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def embedded_ipv4(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, or else the address itself."""
    if isinstance(address, IPv6Address):
        if inner := address.ipv4_mapped or address.sixtofour:
            return inner
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet could reach this address. The tunnels of Teredo do not count."""
    address = embedded_ipv4(address)
    if not address.is_global or address.is_multicast or any(address in network for network in NOT_ROUTED):
        return False
    return isinstance(address, IPv4Address) or address in GLOBAL_UNICAST


def refused(what: str) -> BadInput:
    return BadInput(
        f"{what}, so it is not fetched. The administrator can permit the host with "
        "NEXUS_KNOWLEDGE__REACHABLE.",
        code="url_refused",
        status=403,
    )
