"""All settings, in one place.

Each comes from a flag, else the environment (`NEXUS_LLM__KIND=openai`), else the file `.env` in the
working folder, else its default here. Nothing reads settings at import; they are passed in.
`docs/configuration.md` lists them, and a test holds the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
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
    loop_lag: Seconds = Field(
        0.1, description="Event-loop delay (90th percentile of 5 s) above which new sessions are refused."
    )
    upload: int = Field(20_000_000, ge=1_000, description="Largest upload in bytes.")
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


class Stt(Section):
    kind: str = Field("pocketsphinx", description="pocketsphinx or fake.")
    workers: int = Field(2, ge=1, le=64, description="Recogniser processes.")


class Llm(Section):
    kind: str = Field("extractive", description="extractive, openai or fake.")
    base_url: str = Field("", description="An OpenAI-compatible server, such as http://127.0.0.1:11434/v1.")
    api_key: SecretStr = Field(SecretStr(""), description="Its key, if it wants one.")
    model: str = Field("", description="Model name; empty takes the first that the server lists.")
    small_model: str = Field("", description='Model for the mode "faster"; empty uses `model`.')
    first_token: Seconds = Field(20, description="Seconds to wait for the first token.")
    between_tokens: Seconds = Field(20, description="Seconds to wait between tokens.")


class Tts(Section):
    kind: str = Field("espeak", description="espeak or fake.")
    voice: str = Field("", description="Default voice; empty is the engine's own choice.")
    workers: int = Field(1, ge=1, le=16, description="Synthesiser processes.")


class Embedder(Section):
    kind: str = Field("minilm", description="minilm or fake.")


class Knowledge(Section):
    seed: Path | None = Field(
        None, description="Folder ingested at start; by default the product's own documentation."
    )
    enabled: bool = Field(True, description="Whether there is a knowledge base at all.")


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


class Settings(BaseSettings):
    """The whole configuration. `NEXUS_` variables; two underscores step into a section."""

    model_config = SettingsConfigDict(
        env_prefix="NEXUS_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        nested_model_default_partial_update=True,
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
    knowledge: Knowledge = Knowledge()
    fake: Fake = Fake()
