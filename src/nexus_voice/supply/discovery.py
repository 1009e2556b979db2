"""Finds what this machine offers besides the settings: pulled models, and servers that answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio

from ..core.errors import BadInput, EngineError
from ..models import files
from ..settings import Settings
from .offers import Found

ANSWER_TIMEOUT_S = 1.0
"""Of a local server."""


async def look(settings: Settings) -> Found:
    """Everything that is there now."""
    models = await anyio.to_thread.run_sync(pulled, settings)
    servers, refused = await answering(servers_to_look_for(settings))
    return Found(models, servers, refused)


def servers_to_look_for(settings: Settings) -> Sequence[str]:
    """Addresses where a language model server may be found; none when the settings name a model."""
    asked = settings.llm.kind.strip() == "auto" and not settings.llm.base_url
    return settings.discovery.local_servers if asked else ()


def pulled(settings: Settings) -> dict[str, dict[str, Path]]:
    """Engine kind -> its pulled models by name, best first; recognisers only of the user's language."""
    found: dict[str, dict[str, Path]] = {}
    for one in files.installed(settings.data_dir / "models"):
        if one.model.port != "stt" or one.model.speaks(settings.stt.language):
            found.setdefault(one.model.kind, {})[one.model.name] = one.path
    return found


async def answering(urls: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Those of the OpenAI-compatible servers that answer with a model, in order; and the malformed
    addresses, each with what is wrong with it."""
    if not urls:
        return (), {}
    # Importing httpx takes a fifth of a second, which a start without it saves.
    from ..engines.http.client import checked_url
    from ..engines.openai.http import connection, models

    alive: set[str] = set()
    refused: dict[str, str] = {}

    async def ask(url: str) -> None:
        try:
            checked_url(url, "An address in NEXUS_DISCOVERY__LOCAL_SERVERS")
            async with connection("llm", url, "") as http:
                if await models(http, ANSWER_TIMEOUT_S):
                    alive.add(url)
        except BadInput as error:
            refused[url] = error.message
        except EngineError:
            pass

    async with anyio.create_task_group() as tasks:
        for url in urls:
            tasks.start_soon(ask, url)
    return tuple(url for url in urls if url in alive), refused
