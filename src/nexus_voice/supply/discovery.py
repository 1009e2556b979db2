"""What this machine offers besides the settings: pulled models, and servers that answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio

from ..models import files
from ..settings import Settings
from .offers import Found

KNOCK = 1.0
"""Seconds a local server has to answer."""


async def look(settings: Settings) -> Found:
    """Everything there is now."""
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
    import httpx  # a fifth of a second that a start without it is quicker

    alive: set[str] = set()
    refused: dict[str, str] = {}

    async def knock(client: httpx.AsyncClient, url: str) -> None:
        try:
            response = await client.get(f"{url.rstrip('/')}/models")
            if response.is_success and response.json()["data"]:
                alive.add(url)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            refused[url] = f"not an address like http://127.0.0.1:11434/v1 ({error})"
        except (httpx.HTTPError, ValueError, TypeError, KeyError):
            pass

    secure = any(url.startswith("https:") for url in urls)  # else certificates need not be loaded
    async with (
        httpx.AsyncClient(timeout=KNOCK, trust_env=False, verify=secure) as client,
        anyio.create_task_group() as tasks,
    ):
        for url in urls:
            tasks.start_soon(knock, client, url)
    return tuple(url for url in urls if url in alive), refused
