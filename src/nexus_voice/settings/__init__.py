"""All settings, by section.

A setting comes from a flag, else from the environment (`NEXUS_LLM__KIND=openai`), else from the file `.env`
in the working folder, else from its default here. No module reads settings when it is imported; they are
passed in. `docs/configuration.md` lists all settings, and a test compares the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .engines import (
    Discovery,
    Embedder,
    Fake,
    Fallback,
    Llm,
    Providers,
    Reranker,
    Search,
    Stt,
    Tts,
    Turn,
    Vad,
)
from .knowledge import Knowledge
from .models import Models
from .server import Limits, Server
from .talk import Talk


def key(name: str, what: str) -> Any:
    """A provider's key, read from our own variable or from the one that the provider's tools use."""
    return Field(
        SecretStr(""),
        validation_alias=AliasChoices(f"NEXUS_{name}", name),
        description=f"{what}. Also read as {name}.",
    )


class Settings(BaseSettings):
    """The whole configuration. The variable `NEXUS_LLM__KIND` sets `kind` in the section `llm`."""

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
    turn: Turn = Turn()
    llm: Llm = Llm()
    tts: Tts = Tts()
    embedder: Embedder = Embedder()
    reranker: Reranker = Reranker()
    search: Search = Search()
    fallback: Fallback = Fallback()
    providers: Providers = Providers()
    discovery: Discovery = Discovery()
    models: Models = Models()
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
        """Where documents are kept: a folder, or the address of a PostgreSQL database."""
        return self.database_url.get_secret_value() or self.data_dir / "knowledge"
