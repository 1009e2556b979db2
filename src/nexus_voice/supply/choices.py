"""Chooses the engines for each port, best first: those the settings name, or all that keys, servers and
models allow."""

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
    refused: Mapping[str, str] = field(default_factory=dict)
    """Configured server addresses that are malformed -> why."""


NOTHING = Found()


@dataclass(frozen=True, slots=True)
class Choice:
    """One engine that can be made, or that cannot because something is `missing`. Equal choices are the
    same engine."""

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
    missing: str = ""
    """What the user has to do before the engine can be made; empty when nothing is missing."""


def choices(port: str, settings: Settings, found: Found = NOTHING) -> list[Choice]:
    """The chain of engines for a port, best first. A named engine that cannot be made is in it, and says
    what is `missing`."""
    wanted = [kind.strip() for kind in getattr(settings, port).kind.split(",") if kind.strip()]
    if wanted == ["off"] or not wanted:
        return []
    chain: list[Choice] = []
    if wanted == ["auto"]:
        for kind in AUTO.get(port, ()):
            chain += arguments.offers(port, kind, settings, found)
        if port == "llm":
            chain += [
                unavailable(port, "openai", f"NEXUS_DISCOVERY__LOCAL_SERVERS has {url!r}: {why}.")
                for url, why in found.refused.items()
            ]
    else:
        for kind in wanted:
            named = arguments.offers(port, _spelt(port, kind, settings), settings, found)
            chain += named or [unavailable(port, kind, arguments.missing(port, kind))]
        if not ALONE.intersection(wanted):
            for kind in OWN.get(port, ()):
                chain += arguments.offers(port, kind, settings, found)
    unique = [*dict.fromkeys(chain)]
    for choice in unique[1:]:  # a voice's name means something to the engine it was chosen for
        choice.arguments.pop("voice", None)
    return unique if settings.fallback.enabled else unique[:1]


def unavailable(port: str, kind: str, missing: str) -> Choice:
    return Choice(port, kind, "", "chosen in the settings", {}, missing=missing)


def available(chain: list[Choice]) -> list[Choice]:
    """The chain as it is. Raises `BadInput` when one of its engines cannot be made."""
    for choice in chain:
        if choice.missing:
            raise BadInput(choice.missing, code="engine_unavailable")
    return chain


def _spelt(port: str, kind: str, settings: Settings) -> str:
    """What "openai" means: the server that is named, else OpenAI with its key, else the usual local one."""
    if kind != "openai":
        return kind
    if getattr(settings, port).base_url:
        return "server"
    return "openai" if settings.openai_api_key.get_secret_value() else "ollama"
