"""Which engines can be made from the settings, keys, servers and models, and with what arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engines import ENGINES
from ..engines.openai import OLLAMA
from ..settings import Settings
from .recognisers import recognisers

EMBEDDED = {"stt": "pocketsphinx", "llm": "extractive", "tts": "espeak", "embedder": "minilm"}
"""Port -> kind that needs no key and no download."""

PULLED = ("whisper", "smart_turn", "llamacpp", "piper", "xtts", "e5", "crossencoder")
"""Kinds that need a pulled model."""

NEEDS = {
    "deepgram": "set DEEPGRAM_API_KEY",
    "google": "set GOOGLE_API_KEY",
    "groq": "set GROQ_API_KEY",
    "gemini": "set GEMINI_API_KEY",
    "cartesia": "set CARTESIA_API_KEY",
    "tavily": "set TAVILY_API_KEY",
    "searxng": "set NEXUS_SEARCH__BASE_URL",
    "whisper": "run `nexus-voice models pull whisper-base`",
    "smart_turn": "run `nexus-voice models pull smart-turn-v3.2`",
    "llamacpp": "run `nexus-voice models pull` with one of its language models",
    "piper": "run `nexus-voice models pull en_US-joe-medium`, or another voice",
    "xtts": "run `nexus-voice models pull xtts-v2 --accept-licence`",
    "e5": "run `nexus-voice models pull e5-small-v2`",
    "crossencoder": "run `nexus-voice models pull ms-marco-minilm-l6-v2`",
    "server": "set its BASE_URL",
}
"""Kind -> what the user has to do to make it available."""


@dataclass(frozen=True, slots=True)
class Found:
    """What this machine has besides the settings."""

    models: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    """Engine kind -> its pulled models by name, best first."""
    servers: tuple[str, ...] = ()
    """Local language model servers that answer."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Configured server addresses that are malformed -> why."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Pulled recogniser -> seconds that a decode takes here, where it was measured."""


NOTHING = Found()


@dataclass(frozen=True, slots=True)
class Choice:
    """One engine that can be made, or that cannot because something is `missing`. Equal choices are the
    same engine."""

    port: str
    kind: str
    """Key of the registry in `engines`."""
    label: str
    """Tells it from others of its kind."""
    why: str = field(compare=False)
    """How it came to be chosen, for people."""
    arguments: dict[str, Any] = field(compare=False, repr=False)
    embedded: bool = False
    """Usable at once: a call waits until it is loaded."""
    quick: bool = False
    """Loads within seconds: at the start calls wait for it, later it comes when it is loaded."""
    standby: bool = field(default=False, compare=False)
    """Stands behind a better one that it makes room for: nobody waits for it to be ready."""
    missing: str = ""
    """What the user has to do before the engine can be made; empty when nothing is missing."""


def missing(port: str, kind: str) -> str:
    """Why an engine that was chosen by name cannot be made, and what to do."""
    if kind in NEEDS:
        return f"NEXUS_{port.upper()}__KIND={kind} needs more: {NEEDS[kind]}."
    known = ", ".join(["auto", *ENGINES.get(port, {})])
    return f"There is no {port} engine {kind!r}. Choices: {known}."


def offers(port: str, kind: str, settings: Settings, found: Found) -> list[Choice]:
    """The engines of one kind that can be made now: none without its key, model or server."""
    section, key = getattr(settings, port), getattr(settings, f"{kind}_api_key", None)

    def remote(engine: str, why: str, arguments: dict[str, Any]) -> Choice:
        return Choice(port, engine, arguments["base_url"], why, arguments)

    if key is not None:
        arguments = provided(port, kind, key.get_secret_value(), settings) if key.get_secret_value() else {}
        engine = "openai" if "provider" in arguments else kind
        return [remote(engine, f"{kind.upper()}_API_KEY is set", arguments)] if arguments else []
    if kind in ("server", "searxng"):
        if not section.base_url:
            return []
        why = f"NEXUS_{port.upper()}__BASE_URL is set"
        if kind == "searxng":
            return [remote(kind, why, {"base_url": section.base_url})]
        key = section.api_key.get_secret_value()
        return [remote("openai", why, compatible(port, section.base_url, key, section.model, settings))]
    if kind == "ollama":
        why = "chosen in the settings"
        return [remote("openai", why, compatible(port, OLLAMA, "", section.model, settings))]
    if kind == "local":
        why = "answers on this machine"
        return [remote("openai", why, compatible(port, url, "", "", settings)) for url in found.servers]
    if kind in PULLED:
        if not (models := found.models.get(kind)):
            return []
        if kind == "whisper":
            chosen = recognisers(list(models), section.model, section.language, found.costs)
            return [
                Choice(port, kind, name, why, {"path": models[name], **own(port, kind, settings)}, quick=True)
                for name, why in chosen
            ]
        named = (getattr(section, "voice", ""), section.model)
        name = next((one for one in named if one in models), next(iter(models)))
        arguments = {"path": models[name], **own(port, kind, settings, models)}
        return [Choice(port, kind, name, "its model is pulled", arguments, quick=kind == "piper")]
    if kind in ENGINES.get(port, {}):
        at_once = EMBEDDED.get(port) == kind or kind == "fake"
        why = "needs no key and no download"
        return [Choice(port, kind, "", why, own(port, kind, settings), at_once)]
    return []


def provided(port: str, kind: str, key: str, settings: Settings) -> dict[str, Any]:
    """Arguments of the engine at a provider; empty when the provider does not offer that."""
    at, language = settings.providers, settings.stt.language
    spoken = {"language": language} if language else {}
    match port, kind:
        case "stt", "deepgram":
            return {"api_key": key, "base_url": at.deepgram, "model": at.deepgram_stt, **spoken}
        case "tts", "deepgram":
            return {"api_key": key, "base_url": at.deepgram, "model": at.deepgram_tts}
        case "stt", "google":
            return {"api_key": key, "base_url": at.google_stt, **spoken}
        case "tts", "google":
            return {"api_key": key, "base_url": at.google_tts}
        case "tts", "cartesia":
            voice = {"voice": settings.tts.voice} if settings.tts.voice else {}
            return {"api_key": key, "base_url": at.cartesia, "model": at.cartesia_model, **voice}
        case "llm", "gemini":
            models = {"model": at.gemini_model, "small_model": at.gemini_small}
            return {"api_key": key, "base_url": at.gemini, **models, **timeouts(settings)}
        case "search", "tavily":
            return {"api_key": key, "base_url": at.tavily}
        case _, "groq" | "openai":
            model = getattr(at, f"{kind}_{port}" if port != "llm" else f"{kind}_model", "")
            if not model:
                return {}
            small = {"small_model": getattr(at, f"{kind}_small")} if port == "llm" else {}
            url = getattr(at, kind)
            return {**compatible(port, url, key, model, settings), **small, "provider": kind}
    return {}


def compatible(port: str, url: str, key: str, model: str, settings: Settings) -> dict[str, Any]:
    """Arguments of an engine that speaks OpenAI's protocol."""
    found: dict[str, Any] = {"base_url": url, "api_key": key, "model": model}
    if port == "llm":
        small = settings.llm.small_model if url == settings.llm.base_url else ""
        found |= {"small_model": small, **timeouts(settings)}
    elif port == "stt":
        found["language"] = settings.stt.language
    elif port == "tts":
        found["voice"] = settings.tts.voice
    return found


def timeouts(settings: Settings) -> dict[str, float]:
    return {"first_token": settings.llm.first_token, "between_tokens": settings.llm.between_tokens}


def own(port: str, kind: str, settings: Settings, models: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """Arguments of an engine on this machine; `models` are all that are pulled of its kind."""
    stt, llm, tts, fake = settings.stt, settings.llm, settings.tts, settings.fake
    match port, kind:
        case "stt", "whisper":
            return {
                "workers": stt.whisper_workers,
                "threads": stt.whisper_threads,
                "device": stt.device,
                "language": stt.language,
            }
        case "stt", "pocketsphinx":
            return {"workers": stt.workers}
        case "stt", "fake":
            return {"transcript": fake.transcript, "partials": fake.partials, "final_delay": fake.final_delay}
        case "llm", "llamacpp":
            return {
                "context": llm.context,
                "threads": llm.threads,
                "gpu_layers": llm.gpu_layers,
                "parallel": llm.parallel,
            }
        case "llm", "fake":
            return {"answer": fake.answer, "first_token": fake.first_token, "token_gap": fake.token_gap}
        case "tts", "piper":
            return {"workers": tts.workers, "voices": dict(models or {})}
        case "tts", "xtts":
            samples = tts.samples or settings.data_dir / "voices"
            return {"samples": samples, "licence_accepted": tts.licence_accepted}
        case "tts", "espeak":
            return {"workers": tts.workers, **({"voice": tts.voice} if tts.voice else {})}
        case "tts", "fake":
            return {
                "first_audio": fake.first_audio,
                "speed": fake.audio_speed,
                "seconds": fake.sentence_seconds,
                "rate": fake.audio_rate,
            }
        case "embedder", "minilm":
            return {"cache_dir": settings.data_dir / "models"}
    return {}
