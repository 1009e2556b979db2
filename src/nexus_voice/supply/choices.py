"""Chooses the engines for each port, best first: those the settings name, or all that keys, servers and
models allow."""

from __future__ import annotations

from dataclasses import replace

from ..core.errors import BadInput
from ..settings import Settings
from .discovery import servers_to_look_for
from .offers import EMBEDDED, NOTHING, PULLED, Choice, Found, missing, offers

AUTO: dict[str, tuple[str, ...]] = {
    "stt": ("server", "deepgram", "google", "groq", "openai", "whisper", "pocketsphinx"),
    "turn": ("smart_turn",),
    "llm": ("server", "groq", "gemini", "openai", "local", "llamacpp", "extractive"),
    "tts": ("server", "cartesia", "deepgram", "google", "openai", "piper", "espeak"),
    "search": ("tavily", "searxng"),
    "embedder": ("e5", "minilm"),
    "reranker": ("crossencoder",),
}
"""Port -> kinds in order: a named server, providers with a key, a local server that answers, pulled models,
the embedded engine."""

OWN: dict[str, tuple[str, ...]] = {
    "stt": ("whisper", "pocketsphinx"),
    "llm": ("llamacpp", "extractive"),
    "tts": ("piper", "espeak"),
}
"""Port -> kinds that stand behind engines chosen by name: nothing that leaves this machine."""

WITHOUT_FALLBACK = {"fake", "off", *EMBEDDED.values()}
"""Kinds that, chosen by name, have no engine behind them."""

LOCAL = {*PULLED, *EMBEDDED.values()}
"""Kinds that compute in this process or its children."""
STANDBY_IDLE_S = 60.0
"""How long pocketsphinx behind Whisper stays in memory (130 MB a process) after it was needed."""
CONVERSATION_PORTS = ("stt", "llm", "tts")
"""Ports that every conversation needs."""


def choices(port: str, settings: Settings, found: Found = NOTHING) -> list[Choice]:
    """The chain of engines for a port, best first. A named engine that cannot be made is in it, and says
    what is `missing`."""
    wanted = [kind.strip() for kind in getattr(settings, port).kind.split(",") if kind.strip()]
    if wanted == ["off"] or not wanted:
        return []
    chain: list[Choice] = []
    if wanted == ["auto"]:
        for kind in AUTO.get(port, ()):
            chain += offers(port, kind, settings, found)
        if port == "llm":
            chain += [unavailable(port, "openai", why) for why in found.refused.values()]
    else:
        for kind in wanted:
            named = offers(port, _openai_means(port, kind, settings), settings, found)
            chain += named or [unavailable(port, kind, missing(port, kind))]
        if not WITHOUT_FALLBACK.intersection(wanted):
            for kind in OWN.get(port, ()):
                chain += offers(port, kind, settings, found)
    unique = [*dict.fromkeys(chain)]
    for choice in unique[1:]:  # a voice's name means something to the engine it was chosen for
        choice.arguments.pop("voice", None)
    if any(choice.quick for choice in unique):
        unique = [replace(choice, standby=choice.embedded) for choice in unique]
    for choice in unique:
        if choice.standby and choice.kind == "pocketsphinx":
            choice.arguments["idle"] = STANDBY_IDLE_S
    return unique if settings.fallback.enabled else unique[:1]


def remote_choices(port: str, settings: Settings, found: Found = NOTHING) -> list[Choice]:
    """`choices` without the local models that the settings do not name. A port that a conversation needs
    and that has no engine gets a choice that says what is `missing`."""
    named = {kind.strip() for kind in getattr(settings, port).kind.split(",")}
    chain = [one for one in choices(port, settings, found) if one.kind not in LOCAL or one.kind in named]
    if port in CONVERSATION_PORTS and named <= {"auto", ""} and all(one.missing for one in chain):
        discoverable = servers_to_look_for(settings) if port == "llm" else ()
        start = f"start a server at {' or '.join(discoverable)}, " if discoverable else ""
        message = (
            f"This role uses models by their address and has none for {port}: {start}set "
            f"NEXUS_{port.upper()}__BASE_URL, or name a local engine with NEXUS_{port.upper()}__KIND."
        )
        chain.append(unavailable(port, "server", message))
    return chain


def unavailable(port: str, kind: str, missing: str) -> Choice:
    return Choice(port, kind, "", "chosen in the settings", {}, missing=missing)


def available(chain: list[Choice]) -> list[Choice]:
    """The chain itself. Raises `BadInput` when one of its engines cannot be made."""
    for choice in chain:
        if choice.missing:
            raise BadInput(choice.missing, code="engine_unavailable")
    return chain


def _openai_means(port: str, kind: str, settings: Settings) -> str:
    """What "openai" means: the server that is named, else OpenAI with its key, else the usual local one."""
    if kind != "openai":
        return kind
    if getattr(settings, port).base_url:
        return "server"
    return "openai" if settings.openai_api_key.get_secret_value() else "ollama"
