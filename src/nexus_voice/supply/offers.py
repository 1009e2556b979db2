"""Which engines can be made from the settings, keys, servers and models, and with what arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engines import ENGINES
from ..settings import Settings

OLLAMA = "http://127.0.0.1:11434/v1"

EMBEDDED = {"stt": "pocketsphinx", "llm": "extractive", "tts": "espeak", "embedder": "minilm"}
"""Needs no key and no download."""

NEEDS = {
    "deepgram": "set DEEPGRAM_API_KEY",
    "google": "set GOOGLE_API_KEY",
    "groq": "set GROQ_API_KEY",
    "gemini": "set GEMINI_API_KEY",
    "cartesia": "set CARTESIA_API_KEY",
    "tavily": "set TAVILY_API_KEY",
    "searxng": "set NEXUS_SEARCH__BASE_URL",
    "whisper": "run `nexus-voice models pull whisper-base.en`",
    "llamacpp": "run `nexus-voice models pull` with one of its language models",
    "piper": "run `nexus-voice models pull` with one of its voices",
    "xtts": "run `nexus-voice models pull xtts-v2 --accept-licence`",
    "e5": "run `nexus-voice models pull e5-small-v2`",
    "crossencoder": "run `nexus-voice models pull ms-marco-minilm-l6-v2`",
    "server": "set its BASE_URL",
}
"""Kind -> what makes it available."""


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


def missing(port: str, kind: str) -> str:
    """Why an engine that was chosen by name cannot be made, and what to do."""
    if kind in NEEDS:
        return f"NEXUS_{port.upper()}__KIND={kind} needs more: {NEEDS[kind]}."
    known = ", ".join(["auto", *ENGINES.get(port, {})])
    return f"There is no {port} engine {kind!r}. Choices: {known}."


def offers(port: str, kind: str, settings: Settings, found: Found) -> list[Choice]:
    """The engines of one kind that can be made now: none without its key, model or server."""
    made: list[Choice] = []

    def offer(why: str, label: str = "", engine: str = kind, **arguments: Any) -> None:
        embedded = EMBEDDED.get(port) == kind or kind == "fake"
        made.append(Choice(port, engine, label, why, arguments, embedded))

    keyed = {
        "deepgram": settings.deepgram_api_key,
        "google": settings.google_api_key,
        "groq": settings.groq_api_key,
        "gemini": settings.gemini_api_key,
        "openai": settings.openai_api_key,
        "cartesia": settings.cartesia_api_key,
        "tavily": settings.tavily_api_key,
    }
    section, at = getattr(settings, port), settings.providers
    if kind in keyed:
        if key := keyed[kind].get_secret_value():
            name = kind.upper() + "_API_KEY is set"
            engine, arguments = provided(port, kind, key, settings)
            if engine:
                offer(name, getattr(at, kind, "https://google"), engine, **arguments)
    elif kind == "server":
        if section.base_url:
            key = section.api_key.get_secret_value()
            arguments = compatible(port, section.base_url, key, section.model, settings)
            offer(f"NEXUS_{port.upper()}__BASE_URL is set", section.base_url, "openai", **arguments)
    elif kind == "ollama":
        offer(
            "chosen in the settings",
            OLLAMA,
            "openai",
            **compatible(port, OLLAMA, "", section.model, settings),
        )
    elif kind == "local":
        for url in found.servers:
            arguments = compatible(port, url, "", "", settings)
            offer("answers on this machine", url, "openai", **arguments)
    elif kind == "searxng":
        if section.base_url:
            offer("NEXUS_SEARCH__BASE_URL is set", section.base_url, base_url=section.base_url)
    elif kind in ("whisper", "llamacpp", "piper", "xtts", "e5", "crossencoder"):
        if models := found.models.get(kind, {}):
            name = next((one for one in chosen_names(port, settings) if one in models), next(iter(models)))
            more = local(kind, settings, models)
            offer("its model is pulled", name, path=models[name], **more)
    elif kind in ENGINES.get(port, {}):
        offer("needs no key and no download", **embedded(port, kind, settings))
    return made


def chosen_names(port: str, settings: Settings) -> tuple[str, ...]:
    """Pulled models that the settings ask for by name."""
    section = getattr(settings, port)
    return tuple(filter(None, (getattr(section, "voice", ""), section.model)))


def provided(port: str, kind: str, key: str, settings: Settings) -> tuple[str, dict[str, Any]]:
    """(engine kind, arguments) at a provider; ("", {}) when it does not offer that."""
    at, language = settings.providers, settings.stt.language
    spoken = {"language": language} if language else {}
    match port, kind:
        case "stt", "deepgram":
            return kind, {"api_key": key, "base_url": at.deepgram, "model": at.deepgram_stt, **spoken}
        case "tts", "deepgram":
            return kind, {"api_key": key, "base_url": at.deepgram, "model": at.deepgram_tts}
        case "stt", "google":
            return kind, {"api_key": key, "base_url": at.google_stt, **spoken}
        case "tts", "google":
            return kind, {"api_key": key, "base_url": at.google_tts}
        case "tts", "cartesia":
            voice = {"voice": settings.tts.voice} if settings.tts.voice else {}
            return kind, {"api_key": key, "base_url": at.cartesia, "model": at.cartesia_model, **voice}
        case "llm", "gemini":
            models = {"model": at.gemini_model, "small_model": at.gemini_small}
            return kind, {"api_key": key, "base_url": at.gemini, **models, **patience(settings)}
        case "search", "tavily":
            return kind, {"api_key": key, "base_url": at.tavily}
        case _, "groq" | "openai":
            model = getattr(at, f"{kind}_{port}" if port != "llm" else f"{kind}_model", "")
            if not model:
                return "", {}
            arguments = compatible(port, getattr(at, kind), key, model, settings)
            if port == "llm":
                arguments["small_model"] = getattr(at, f"{kind}_small")
            return "openai", {**arguments, "provider": kind}
    return "", {}


def compatible(port: str, url: str, key: str, model: str, settings: Settings) -> dict[str, Any]:
    """For our adapters of OpenAI's protocol."""
    found: dict[str, Any] = {"base_url": url, "api_key": key, "model": model}
    if port == "llm":
        small = settings.llm.small_model if url == settings.llm.base_url else ""
        found |= {"small_model": small, **patience(settings)}
    elif port == "stt":
        found["language"] = settings.stt.language
    elif port == "tts":
        found["voice"] = settings.tts.voice
    return found


def patience(settings: Settings) -> dict[str, float]:
    return {"first_token": settings.llm.first_token, "between_tokens": settings.llm.between_tokens}


def local(kind: str, settings: Settings, models: Mapping[str, Path]) -> dict[str, Any]:
    """For models on this machine; `models` are all of this kind."""
    stt, llm, tts = settings.stt, settings.llm, settings.tts
    match kind:
        case "whisper":
            return {
                "workers": stt.whisper_workers,
                "threads": stt.whisper_threads,
                "device": stt.device,
                "language": stt.language,
            }
        case "llamacpp":
            return {
                "context": llm.context,
                "threads": llm.threads,
                "gpu_layers": llm.gpu_layers,
                "parallel": llm.parallel,
            }
        case "piper":
            return {"workers": tts.workers, "voices": dict(models)}
        case "xtts":
            samples = tts.samples or settings.data_dir / "voices"
            return {"samples": samples, "licence_accepted": tts.licence_accepted}
    return {}


def embedded(port: str, kind: str, settings: Settings) -> dict[str, Any]:
    fake = settings.fake
    match port, kind:
        case "stt", "pocketsphinx":
            return {"workers": settings.stt.workers}
        case "stt", "fake":
            return {"transcript": fake.transcript, "partials": fake.partials, "final_delay": fake.final_delay}
        case "llm", "fake":
            return {"answer": fake.answer, "first_token": fake.first_token, "token_gap": fake.token_gap}
        case "tts", "espeak":
            named = {"voice": settings.tts.voice} if settings.tts.voice else {}
            return {"workers": settings.tts.workers, **named}
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
