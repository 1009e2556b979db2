"""All settings, in one place.

Each comes from a flag, else the environment (`NEXUS_LLM__KIND=openai`), else the file `.env` in the
working folder, else its default here. Nothing reads settings at import; they are passed in.
`docs/configuration.md` lists them, and a test holds the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(ge=0, le=3600)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Server(Section):
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    origins: list[str] = Field(
        [], description="Web origins besides the server's own that may connect, such as https://example.org."
    )
    log: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_json: bool | None = Field(
        None, description="Log JSON lines; by default when standard error is not a terminal."
    )


class Limits(Section):
    sessions: int = Field(
        100, ge=1, description="Voice sessions at a time; further ones are refused politely."
    )
    sessions_per_address: int = Field(
        0, ge=0, description="Voice sessions at a time from one address; 0: as many as there are."
    )
    requests: int = Field(
        1_024,
        ge=0,
        description="Requests in progress at a time, where one to a model counts as 4 and an upload of "
        "documents as 8; further ones are refused with 429. 0: no limit.",
    )
    requests_per_address: int = Field(512, ge=0, description="The same for each client address. 0: no limit.")
    rate: int = Field(
        12_000,
        ge=0,
        description="Requests a minute from one client address, counted likewise; further ones are refused "
        "with 429. 0: no limit.",
    )
    loop_lag: Seconds = Field(
        0.1, description="Event-loop delay (90th percentile of 5 s) above which new sessions are refused."
    )
    upload: int = Field(
        20_000_000, ge=1_000, description="Largest request in bytes, but for documents that are handed in."
    )
    text: int = Field(8_000, ge=100, description="Longest text message in characters.")
    messages: int = Field(200, ge=10, description="Messages a second from one connection, averaged over 5 s.")
    audio: float = Field(3.0, ge=1.1, description="Audio accepted per second of time, in seconds.")
    idle: Seconds = Field(
        3600, description="Seconds without a connection after which a session is forgotten."
    )
    send: Seconds = Field(
        10, description="Seconds a client may take to accept a message before it is cut off."
    )
    remembered: int = Field(2_000, ge=1, description="Sessions kept for reconnection.")
    model_requests: int = Field(
        8,
        ge=1,
        description="Requests by HTTP that each model serves at a time; voice conversations do not count.",
    )
    model_queue: int = Field(
        32, ge=0, description="Requests that wait for each model; further ones are refused with 429."
    )


class Talk(Section):
    silence: Seconds = Field(0.5, description="Silence that ends a turn, before it is adapted to the words.")
    interrupt: Seconds = Field(0.192, description="Sustained speech that interrupts the assistant.")
    pre_roll: Seconds = Field(
        0.3, description="Audio from before speech was noticed that is transcribed too."
    )
    lead: Seconds = Field(1.0, description="Audio sent ahead of what the user hears.")
    high_pass: bool = Field(True, description="Remove rumble below 200 Hz from the microphone.")
    noise_gate: bool = Field(True, description="Soften background noise between words.")
    system: str = Field(
        "You are Nexus, a friendly and concise voice assistant.",
        description="The administrator's instructions.",
    )


class Vad(Section):
    kind: str = Field("silero", description="silero, energy, webrtc or fake.")


CHAIN = "auto, or engines in order of preference with commas between them:"


class Stt(Section):
    kind: str = Field(
        "auto", description=f"{CHAIN} whisper, deepgram, google, openai, groq, pocketsphinx or fake."
    )
    language: str = Field("", description="Language of the speech, such as en; empty: as the model finds.")
    base_url: str = Field("", description="An OpenAI-compatible server for speech recognition.")
    api_key: SecretStr = Field(SecretStr(""), description="Its key, if it wants one.")
    model: str = Field("", description="Its model; empty is the provider's usual one.")
    workers: int = Field(2, ge=1, le=64, description="Recogniser processes of pocketsphinx.")
    whisper_workers: int = Field(1, ge=1, le=64, description="Recogniser processes of faster-whisper.")
    whisper_threads: int = Field(0, ge=0, le=256, description="Threads of each of them; 0: as it finds.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where faster-whisper computes.")


class Llm(Section):
    kind: str = Field("auto", description=f"{CHAIN} openai, groq, gemini, llamacpp, extractive or fake.")
    base_url: str = Field("", description="An OpenAI-compatible server, such as http://127.0.0.1:11434/v1.")
    api_key: SecretStr = Field(SecretStr(""), description="Its key, if it wants one.")
    model: str = Field("", description="Model name; empty takes the first that the server lists.")
    small_model: str = Field("", description='Model for the mode "faster"; empty uses `model`.')
    first_token: Seconds = Field(20, description="Seconds to wait for the first token.")
    between_tokens: Seconds = Field(20, description="Seconds to wait between tokens.")
    context: int = Field(4096, ge=512, le=1_048_576, description="Context of llama.cpp in tokens.")
    threads: int = Field(0, ge=0, le=256, description="Threads of llama.cpp; 0: as it finds.")
    gpu_layers: int = Field(-1, ge=-1, description="Layers of llama.cpp on the GPU; -1: all that fit.")
    parallel: int = Field(2, ge=1, le=64, description="Answers that llama.cpp writes at a time.")


class Tts(Section):
    kind: str = Field(
        "auto", description=f"{CHAIN} cartesia, deepgram, google, openai, piper, xtts, espeak or fake."
    )
    base_url: str = Field("", description="An OpenAI-compatible server for speech.")
    api_key: SecretStr = Field(SecretStr(""), description="Its key, if it wants one.")
    model: str = Field("", description="Its model; empty is the provider's usual one.")
    voice: str = Field("", description="Default voice of the first engine; empty is its own choice.")
    workers: int = Field(1, ge=1, le=16, description="Synthesiser processes.")
    samples: Path | None = Field(
        None,
        description="Folder of voice samples that XTTS may clone; by default voices/ in the data folder.",
    )
    licence_accepted: bool = Field(
        False, description="Whether you accept the Coqui Public Model Licence (no commercial use)."
    )


class Embedder(Section):
    kind: str = Field("auto", description="auto, e5, minilm, openai or fake. A change re-indexes.")
    base_url: str = Field("", description="An OpenAI-compatible server for embeddings.")
    api_key: SecretStr = Field(SecretStr(""), description="Its key, if it wants one.")
    model: str = Field("", description="Its model.")


class Reranker(Section):
    kind: str = Field("auto", description="auto, crossencoder or off: a model that orders what was found.")
    model: str = Field("", description="Name of a pulled model; empty is the best one.")
    within: Seconds = Field(0.15, description="Time it may take; later the order stays as it was.")


class Search(Section):
    kind: str = Field("auto", description="auto, tavily, searxng or off.")
    base_url: str = Field("", description="Address of a SearXNG that answers in JSON.")


class Fallback(Section):
    """When an engine fails, the next one of its chain takes over."""

    enabled: bool = Field(True, description="Whether there is a next one: else only the first is used.")
    stt: Seconds = Field(6, description="End of speech to text, before the next recogniser is tried.")
    llm: Seconds = Field(12, description="Question to first token, before the next model is tried.")
    tts: Seconds = Field(4, description="Sentence to first sound, before the next voice is tried.")
    search: Seconds = Field(4, description="Time for a web search, before the next one is tried.")
    retries: int = Field(1, ge=0, le=5, description="Tries more with the same engine after passing errors.")
    failures: int = Field(3, ge=1, le=100, description="Failures in a row after which an engine rests.")
    cooldown: Seconds = Field(5, description="How long it rests, doubled each time up to a minute.")


class Providers(Section):
    """Where the providers are, for proxies, regions and private gateways; and which models are used there."""

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
        description="Where language models may already be served: Ollama, vLLM, LM Studio.",
    )
    every: Seconds = Field(15, description="How often new models and servers are looked for; 0: at start.")


class Knowledge(Section):
    seed: Path | None = Field(
        None, description="Folder ingested at start; by default the product's own documentation."
    )
    enabled: bool = Field(True, description="Whether there is a knowledge base at all.")
    min_score: float = Field(
        0.15, ge=0, le=1, description="Relevance, 0 to 1, below which no passage is used or cited."
    )
    file: int = Field(50_000_000, ge=1_000, description="Largest document in bytes.")
    upload: int = Field(
        100_000_000, ge=1_000, description="Largest upload of documents in bytes, all of them together."
    )
    at_once: int = Field(1, ge=1, le=64, description="Documents taken in at a time by this server.")
    queue: int = Field(
        100_000, ge=1, description="Documents that wait to be taken in; further ones are refused with 429."
    )
    reachable: list[str] = Field(
        [],
        description="Hosts and networks, such as 10.0.0.0/8, that documents may be fetched from although "
        "they are not public.",
    )


class Fake(Section):
    """Scripted engines, for load tests: they take exactly these times."""

    transcript: str = Field(
        "could you tell me what the weather is going to be tomorrow", description="What every utterance says."
    )
    partials: bool = Field(False, description="Whether words arrive while the user speaks.")
    final_delay: Seconds = Field(0.1, description="End of speech to final transcript.")
    answer: str = Field(
        "The forecast for tomorrow looks mostly clear with a light wind coming from the north. "
        "Temperatures should stay around eighteen degrees for most of the day with little change expected. "
        "There is a small chance of rain in the evening so please take an umbrella. "
        "After that the weekend is expected to be dry and warm across the whole region.",
        description="What the model always answers.",
    )
    first_token: Seconds = Field(0.15, description="Prompt to first token.")
    token_gap: Seconds = Field(0.02, description="Time between tokens.")
    first_audio: Seconds = Field(0.08, description="Sentence to first audio.")
    audio_speed: float = Field(10.0, gt=0, description="Audio after that, in multiples of real time.")
    sentence_seconds: Seconds = Field(2.0, description="Length of every spoken sentence.")
    audio_rate: int = Field(24_000, ge=8_000, le=48_000, description="Rate of the fake voice in Hz.")


def key(name: str, what: str) -> Any:
    """A provider's key, under our own name or the one that its own tools use."""
    return Field(
        SecretStr(""),
        validation_alias=AliasChoices(f"NEXUS_{name}", name),
        description=f"{what}. Also read as {name}.",
    )


class Settings(BaseSettings):
    """The whole configuration. `NEXUS_` variables; two underscores step into a section."""

    model_config = SettingsConfigDict(
        env_prefix="NEXUS_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        nested_model_default_partial_update=True,
        populate_by_name=True,
    )

    deepgram_api_key: SecretStr = key("DEEPGRAM_API_KEY", "Deepgram: recognition and voice")
    google_api_key: SecretStr = key("GOOGLE_API_KEY", "Google Cloud: recognition and voice")
    gemini_api_key: SecretStr = key("GEMINI_API_KEY", "Gemini: answers")
    groq_api_key: SecretStr = key("GROQ_API_KEY", "Groq: answers and recognition")
    openai_api_key: SecretStr = key("OPENAI_API_KEY", "OpenAI: answers, recognition and voice")
    cartesia_api_key: SecretStr = key("CARTESIA_API_KEY", "Cartesia: voice")
    tavily_api_key: SecretStr = key("TAVILY_API_KEY", "Tavily: web search")
    database_url: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("NEXUS_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL with pgvector for the knowledge base, such as "
        "postgresql://user:password@host/name; empty: SQLite in the data folder. Also read as DATABASE_URL.",
    )
    data_dir: Path = Field(
        Path("data"), description="Where documents, indexes and converted models are kept."
    )
    server: Server = Server()
    limits: Limits = Limits()
    talk: Talk = Talk()
    vad: Vad = Vad()
    stt: Stt = Stt()
    llm: Llm = Llm()
    tts: Tts = Tts()
    embedder: Embedder = Embedder()
    reranker: Reranker = Reranker()
    search: Search = Search()
    fallback: Fallback = Fallback()
    providers: Providers = Providers()
    discovery: Discovery = Discovery()
    knowledge: Knowledge = Knowledge()
    fake: Fake = Fake()

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value().partition("://")[0] not in ("", "postgresql", "postgres"):
            raise PydanticCustomError(
                "scheme", "Must begin with postgresql://; it is also read as DATABASE_URL"
            )
        return url

    @property
    def knowledge_at(self) -> Path | str:
        """Where documents are kept: a folder, or PostgreSQL's address."""
        return self.database_url.get_secret_value() or self.data_dir / "knowledge"
