"""The names by which the server may be called."""

from __future__ import annotations

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from serving import Serving


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "box", "box.local", "192.168.1.9"]
)
def test_addresses_and_names_of_this_network_are_ours(server: Serving, host: str) -> None:
    assert httpx.get(f"{server.url}/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1.evil.example", "[bad"])
def test_a_strangers_domain_is_not(server: Serving, host: str) -> None:
    answer = httpx.get(f"{server.url}/rag/documents", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "foreign_host"


def test_nor_for_a_socket(server: Serving) -> None:
    address = server.socket.replace("127.0.0.1", "evil.example")
    with pytest.raises(InvalidStatus) as refused:
        connect(address, proxy=None, sock=_to(server.port)).__enter__()
    assert refused.value.response.status_code == 403


def _to(port: int):  # type: ignore[no-untyped-def]
    import socket

    return socket.create_connection(("127.0.0.1", port))
