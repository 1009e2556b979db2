"""Which models and servers are found on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from nexus_voice.settings import Settings
from nexus_voice.supply.discovery import look
from openai_server import OpenAiServer, serving


def settings(folder: Path, *servers: str, **given: Any) -> Settings:
    found: Settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        data_dir=folder,
        discovery={"local_servers": servers},  # type: ignore[arg-type]
        **given,
    )
    return found


MALFORMED = [
    "http://[::1",
    "http://127.0.0.1:port/v1",
    "http://\x00",
    "ftp://127.0.0.1",
    "127.0.0.1:11434",
    "",
]


@pytest.mark.parametrize("malformed", MALFORMED)
def test_a_malformed_address_is_named_and_the_others_are_still_asked(tmp_path: Path, malformed: str) -> None:
    async def main() -> None:
        async with serving() as server:
            found = await look(settings(tmp_path, malformed, server.url))
        assert found.servers == (server.url,)
        assert list(found.refused) == [malformed]
        assert found.refused[malformed].startswith(
            "An address in NEXUS_DISCOVERY__LOCAL_SERVERS must be like"
        )

    anyio.run(main)


def test_a_server_without_a_model_or_that_is_down_is_not_found(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving() as gone:
            pass
        empty = OpenAiServer()
        empty.models = []
        async with serving(empty):
            found = await look(settings(tmp_path, gone.url, empty.url))
        assert (found.servers, found.refused) == ((), {})

    anyio.run(main)


def test_no_server_is_asked_when_the_settings_name_a_model(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving() as server:
            found = await look(settings(tmp_path, server.url, llm={"kind": "extractive"}))
        assert (found.servers, server.connections) == ((), 0)

    anyio.run(main)
