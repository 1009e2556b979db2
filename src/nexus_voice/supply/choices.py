"""What could do each job, best first: the settings' own choice, or what keys, servers and models allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import BadInput
from ..settings import Settings
from . import arguments

AUTO: dict[str, tuple[str, ...]] = {
    "stt": ("server", "deepgram", "google", "groq", "openai", "whisper", "pocketsphinx"),
    "llm": ("server", "groq", "gemini", "openai", "local", "llamacpp", "extractive"),
    "tts": ("server", "cartesia", "deepgram", "google", "openai", "piper", "espeak"),
    "search": ("tavily", "searxng"),
    "embedder": ("e5", "minilm"),
    "reranker": ("crossencoder",),
}
"""Named, then providers with a key, a local server that answers, pulled models, the embedded engine."""

OWN: dict[str, tuple[str, ...]] = {
    "stt": ("whisper", "pocketsphinx"),
    "llm": ("llamacpp", "extractive"),
    "tts": ("piper", "espeak"),
}
"""What stands behind engines that were chosen by name: nothing that leaves this machine."""

EMBEDDED = {"stt": "pocketsphinx", "llm": "extractive", "tts": "espeak", "embedder": "minilm"}
"""Needs no key and no download."""

ALONE = {"fake", "off", *EMBEDDED.values()}
"""Kinds that, chosen by name, want nobody behind them."""


@dataclass(frozen=True, slots=True)
class Found:
    """What this machine has besides the settings."""

    models: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    """Engine kind -> its pulled models by name, best first."""
    servers: tuple[str, ...] = ()
    """Local language model servers that answer."""


NOTHING = Found()


@dataclass(frozen=True, slots=True)
class Choice:
    """One engine that can be made. Equal choices are the same engine."""

    port: str
    kind: str
    """Key of the registry in `engines`."""
    label: str
    """What tells it from others of its kind."""
    why: str
    """How it came to be chosen, for people."""
    arguments: dict[str, Any] = field(compare=False, repr=False)
    embedded: bool = False
    """Usable at once: a call waits until it is loaded."""


def choices(port: str, settings: Settings, found: Found = NOTHING) -> list[Choice]:
    """The chain of engines for a port, best first. Raises `BadInput` when a named one cannot be made."""
    wanted = [kind.strip() for kind in getattr(settings, port).kind.split(",") if kind.strip()]
    if wanted == ["off"] or not wanted:
        return []
    chain: list[Choice] = []
    if wanted == ["auto"]:
        for kind in AUTO.get(port, ()):
            chain += arguments.offers(port, kind, settings, found)
    else:
        for kind in wanted:
            named = arguments.offers(port, _spelt(port, kind, settings), settings, found)
            if not named:
                raise BadInput(arguments.missing(port, kind), code="engine_unavailable")
            chain += named
        if not ALONE.intersection(wanted):
            for kind in OWN.get(port, ()):
                chain += arguments.offers(port, kind, settings, found)
    unique = [*dict.fromkeys(chain)]
    for choice in unique[1:]:  # a voice's name means something to the engine it was chosen for
        choice.arguments.pop("voice", None)
    return unique if settings.fallback.enabled else unique[:1]


def _spelt(port: str, kind: str, settings: Settings) -> str:
    """What "openai" means: the server that is named, else OpenAI with its key, else the usual local one."""
    if kind != "openai":
        return kind
    if getattr(settings, port).base_url:
        return "server"
    return "openai" if settings.openai_api_key.get_secret_value() else "ollama"
