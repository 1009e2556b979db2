"""All engines by port and kind. Each is imported only when it is chosen.

A new provider is a folder here and a line in `ENGINES`; `supply/offers.py` gives it its arguments and says
what it needs, `supply/choices.py` its place in the order, and `settings/engines.py` its settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..core.errors import BadInput

ENGINES: dict[str, dict[str, str]] = {
    "vad": {
        "silero": "silero.vad:SileroVad",
        "energy": "energy.vad:EnergyVad",
        "webrtc": "webrtc.vad:WebrtcVad",
        "fake": "fake.engines:FakeVad",
    },
    "stt": {
        "deepgram": "deepgram.stt:DeepgramStt",
        "google": "google.stt:GoogleStt",
        "openai": "openai.stt:OpenAiStt",
        "whisper": "whisper.stt:WhisperStt",
        "pocketsphinx": "pocketsphinx.stt:PocketsphinxStt",
        "fake": "fake.engines:FakeStt",
    },
    "turn": {"smart_turn": "smart_turn.judge:SmartTurn"},
    "llm": {
        "openai": "openai.llm:OpenAiLlm",
        "gemini": "gemini.llm:GeminiLlm",
        "llamacpp": "llama.llm:LlamaCppLlm",
        "extractive": "extractive.llm:ExtractiveLlm",
        "fake": "fake.engines:FakeLlm",
    },
    "tts": {
        "cartesia": "cartesia.tts:CartesiaTts",
        "deepgram": "deepgram.tts:DeepgramTts",
        "google": "google.tts:GoogleTts",
        "openai": "openai.tts:OpenAiTts",
        "piper": "piper.tts:PiperTts",
        "xtts": "xtts.tts:XttsTts",
        "espeak": "espeak.tts:EspeakTts",
        "fake": "fake.engines:FakeTts",
    },
    "embedder": {
        "e5": "onnx_text.e5:E5Embedder",
        "openai": "openai.embedder:OpenAiEmbedder",
        "minilm": "onnx_text.minilm:MiniLmEmbedder",
        "fake": "fake.engines:FakeEmbedder",
    },
    "search": {"tavily": "tavily.search:TavilySearch", "searxng": "searxng.search:SearxngSearch"},
    "reranker": {"crossencoder": "onnx_text.crossencoder:OnnxReranker"},
}
"""Port -> kind -> "module:Class" in this package."""


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
