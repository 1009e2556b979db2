"""Settings of the engines: which ones are used, where they are, and when the next one takes over."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from .section import Seconds, Section


class Vad(Section):
    kind: str = Field("silero", description="silero, energy, webrtc or fake.")


CHAIN = "auto, or engines in order of preference with commas between them:"


class Stt(Section):
    kind: str = Field(
        "auto", description=f"{CHAIN} whisper, deepgram, google, openai, groq, pocketsphinx or fake."
    )
    language: str = Field("", description="Language of the speech, such as en; empty: the model detects it.")
    base_url: str = Field("", description="An OpenAI-compatible server for speech recognition.")
    api_key: SecretStr = Field(SecretStr(""), description="The server's key, if it needs one.")
    model: str = Field(
        "",
        description="The server's model, or the Whisper model to use here, such as whisper-small; empty: the "
        "provider's usual one, and the Whisper model that is fast enough.",
    )
    workers: int = Field(2, ge=1, le=64, description="Recogniser processes of pocketsphinx.")
    whisper_workers: int = Field(1, ge=1, le=64, description="Recogniser processes of faster-whisper.")
    whisper_threads: int = Field(0, ge=0, le=256, description="Threads of each of them; 0: chosen by itself.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Device that faster-whisper runs on.")


class Turn(Section):
    kind: str = Field(
        "auto",
        description="auto, smart_turn or off. It tells by the sound of the voice whether you have finished.",
    )
    model: str = Field("", description="Name of a pulled model; empty is the best pulled one.")


class Llm(Section):
    kind: str = Field("auto", description=f"{CHAIN} openai, groq, gemini, llamacpp, extractive or fake.")
    base_url: str = Field("", description="An OpenAI-compatible server, such as http://127.0.0.1:11434/v1.")
    api_key: SecretStr = Field(SecretStr(""), description="The server's key, if it needs one.")
    model: str = Field("", description="Model name; empty takes the first that the server lists.")
    small_model: str = Field("", description='Model for the mode "faster"; empty uses `model`.')
    skill: Literal["auto", "chat", "passages", "tools"] = Field(
        "auto",
        description="What language models may be asked for: only to chat, also to answer from passages, also "
        "to call tools; by default as the catalogue or the size in a model's name says.",
    )
    first_token: Seconds = Field(20, description="Seconds to wait for the first token.")
    between_tokens: Seconds = Field(20, description="Seconds to wait between tokens.")
    context: int = Field(4096, ge=512, le=1_048_576, description="Context size of llama.cpp in tokens.")
    threads: int = Field(0, ge=0, le=256, description="Threads of llama.cpp; 0: chosen by itself.")
    gpu_layers: int = Field(-1, ge=-1, description="Layers that llama.cpp runs on the GPU; -1: all that fit.")
    parallel: int = Field(2, ge=1, le=64, description="Answers that llama.cpp generates at a time.")


class Tts(Section):
    kind: str = Field(
        "auto", description=f"{CHAIN} cartesia, deepgram, google, openai, piper, xtts, espeak or fake."
    )
    base_url: str = Field("", description="An OpenAI-compatible server for speech.")
    api_key: SecretStr = Field(SecretStr(""), description="The server's key, if it needs one.")
    model: str = Field("", description="The server's model; empty is the provider's usual one.")
    voice: str = Field(
        "", description="Default voice of the first engine; empty is the engine's own default."
    )
    workers: int = Field(1, ge=1, le=16, description="Synthesiser processes.")
    samples: Path | None = Field(
        None,
        description="Folder of voice samples that XTTS may clone; by default voices/ in the data folder.",
    )
    licence_accepted: bool = Field(
        False, description="Whether you accept the Coqui Public Model Licence (no commercial use)."
    )


class Embedder(Section):
    kind: str = Field(
        "auto", description="auto, e5, minilm, openai or fake. A change embeds all documents again."
    )
    base_url: str = Field("", description="An OpenAI-compatible server for embeddings.")
    api_key: SecretStr = Field(SecretStr(""), description="The server's key, if it needs one.")
    model: str = Field("", description="The server's model.")


class Reranker(Section):
    kind: str = Field("auto", description="auto, crossencoder or off. A reranker sorts the passages found.")
    model: str = Field("", description="Name of a pulled model; empty is the best pulled one.")
    within: Seconds = Field(
        0.15, description="How long reranking may take; after that the order stays as it was."
    )


class Search(Section):
    kind: str = Field("auto", description="auto, tavily, searxng or off.")
    base_url: str = Field("", description="Address of a SearXNG server whose JSON format is enabled.")


class Fallback(Section):
    """When an engine fails, the next one of its chain takes over."""

    enabled: bool = Field(
        True, description="Whether another engine takes over; otherwise only the first is used."
    )
    stt: Seconds = Field(
        6, description="Time from the end of speech to its text before the next recogniser is tried."
    )
    llm: Seconds = Field(
        12, description="Time from the question to the first token before the next model is tried."
    )
    tts: Seconds = Field(
        4, description="Time from a sentence to its first sound before the next voice is tried."
    )
    search: Seconds = Field(4, description="Time for a web search before the next one is tried.")
    retries: int = Field(1, ge=0, le=5, description="Retries with the same engine after a temporary error.")
    failures: int = Field(
        3, ge=1, le=100, description="Failures in a row after which an engine is not used for a while."
    )
    cooldown: Seconds = Field(5, description="How long that is; it doubles each time, up to a minute.")


class Providers(Section):
    """Addresses of the providers, for proxies, regions and private gateways, and the models used there."""

    deepgram: str = Field("https://api.deepgram.com", description="Deepgram.")
    deepgram_stt: str = Field("nova-3", description="Its recogniser.")
    deepgram_tts: str = Field("aura-2-thalia-en", description="Its voice.")
    google_stt: str = Field("https://speech.googleapis.com", description="Google's recogniser.")
    google_tts: str = Field("https://texttospeech.googleapis.com", description="Google's voices.")
    gemini: str = Field("https://generativelanguage.googleapis.com", description="Gemini.")
    gemini_model: str = Field("gemini-2.5-flash", description="Its model.")
    gemini_small: str = Field("gemini-2.5-flash-lite", description='Its model for the mode "faster".')
    groq: str = Field("https://api.groq.com/openai/v1", description="Groq.")
    groq_model: str = Field("llama-3.3-70b-versatile", description="Its model.")
    groq_small: str = Field("llama-3.1-8b-instant", description='Its model for the mode "faster".')
    groq_stt: str = Field("whisper-large-v3-turbo", description="Its recogniser.")
    openai: str = Field("https://api.openai.com/v1", description="OpenAI.")
    openai_model: str = Field("gpt-4.1", description="Its model.")
    openai_small: str = Field("gpt-4.1-mini", description='Its model for the mode "faster".')
    openai_stt: str = Field("gpt-4o-mini-transcribe", description="Its recogniser.")
    openai_tts: str = Field("gpt-4o-mini-tts", description="Its voice.")
    cartesia: str = Field("https://api.cartesia.ai", description="Cartesia.")
    cartesia_model: str = Field("sonic-3", description="Its model.")
    tavily: str = Field("https://api.tavily.com", description="Tavily.")


class Discovery(Section):
    local_servers: list[str] = Field(
        ["http://127.0.0.1:11434/v1", "http://127.0.0.1:8000/v1", "http://127.0.0.1:1234/v1"],
        description="Addresses where Ollama, vLLM or LM Studio may serve language models.",
    )
    every: Seconds = Field(15, description="How often to look for new models and servers; 0: only at start.")


class Fake(Section):
    """Scripted engines for load tests. They take exactly these times."""

    transcript: str = Field(
        "could you tell me what the weather is going to be tomorrow",
        description="The transcript of every utterance.",
    )
    partials: bool = Field(False, description="Whether partial transcripts arrive while the user speaks.")
    final_delay: Seconds = Field(0.1, description="Time from the end of speech to the final transcript.")
    answer: str = Field(
        "The forecast for tomorrow looks mostly clear with a light wind coming from the north. "
        "Temperatures should stay around eighteen degrees for most of the day with little change expected. "
        "There is a small chance of rain in the evening so please take an umbrella. "
        "After that the weekend is expected to be dry and warm across the whole region.",
        description="The model's only answer.",
    )
    first_token: Seconds = Field(0.15, description="Time from the prompt to the first token.")
    token_gap: Seconds = Field(0.02, description="Time between tokens.")
    first_audio: Seconds = Field(0.08, description="Time from a sentence to its first audio.")
    audio_speed: float = Field(
        10.0, gt=0, description="How fast the rest of the audio comes, in multiples of real time."
    )
    sentence_seconds: Seconds = Field(2.0, description="Duration of every spoken sentence.")
    audio_rate: int = Field(24_000, ge=8_000, le=48_000, description="Sample rate of the fake voice in Hz.")
