"""The engines there are, by port and kind. Each is imported only when it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..domain.errors import BadInput

ENGINES: dict[str, dict[str, str]] = {
    "vad": {
        "silero": "vad_silero:SileroVad",
        "energy": "vad_energy:EnergyVad",
        "webrtc": "vad_webrtc:WebrtcVad",
        "fake": "fake:FakeVad",
    },
    "stt": {
        "deepgram": "stt_deepgram:DeepgramStt",
        "google": "stt_google:GoogleStt",
        "openai": "stt_openai:OpenAiStt",
        "whisper": "stt_whisper:WhisperStt",
        "pocketsphinx": "stt_pocketsphinx:PocketsphinxStt",
        "fake": "fake:FakeStt",
    },
    "llm": {
        "openai": "llm_openai:OpenAiLlm",
        "gemini": "llm_gemini:GeminiLlm",
        "llamacpp": "llm_llamacpp:LlamaCppLlm",
        "extractive": "llm_extractive:ExtractiveLlm",
        "fake": "fake:FakeLlm",
    },
    "tts": {
        "cartesia": "tts_cartesia:CartesiaTts",
        "deepgram": "tts_deepgram:DeepgramTts",
        "google": "tts_google:GoogleTts",
        "openai": "tts_openai:OpenAiTts",
        "piper": "tts_piper:PiperTts",
        "xtts": "tts_xtts:XttsTts",
        "espeak": "tts_espeak:EspeakTts",
        "fake": "fake:FakeTts",
    },
    "embedder": {
        "e5": "embed_e5:E5Embedder",
        "openai": "embed_openai:OpenAiEmbedder",
        "minilm": "embed_minilm:MiniLmEmbedder",
        "fake": "fake:FakeEmbedder",
    },
    "search": {"tavily": "search_tavily:TavilySearch", "searxng": "search_searxng:SearxngSearch"},
    "reranker": {"crossencoder": "rerank_onnx:OnnxReranker"},
}
"""port -> kind -> "module:Class" in this package."""


def load(port: str, kind: str) -> type[Any]:
    """The engine's class. Raises `BadInput` for an unknown kind, or one whose package is missing."""
    kinds = ENGINES.get(port, {})
    if kind not in kinds:
        choices = ", ".join(kinds) or "none"
        raise BadInput(f"There is no {port} engine {kind!r}. Choices: {choices}.", code="unknown_engine")
    module, name = kinds[kind].split(":")
    try:
        found: type[Any] = getattr(import_module(f".{module}", __name__), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("nexus_voice"):
            raise
        raise BadInput(
            f"The {port} engine {kind!r} needs the Python package {error.name!r}, which is not installed.",
            code="engine_not_installed",
        ) from error
    return found
