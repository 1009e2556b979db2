"""Settings of the knowledge base."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from .section import Section


class Knowledge(Section):
    seed: Path | None = Field(
        None, description="Folder that is read at every start; by default the product's documentation."
    )
    enabled: bool = Field(True, description="Whether there is a knowledge base.")
    min_score: float = Field(
        0.15, ge=0, le=1, description="Relevance, 0 to 1, below which no passage is used or cited."
    )
    file: int = Field(50_000_000, ge=1_000, description="Largest document in bytes.")
    upload: int = Field(
        100_000_000, ge=1_000, description="Largest upload in bytes, all its documents together."
    )
    at_once: int = Field(1, ge=1, le=64, description="Documents that this server ingests at a time.")
    queue: int = Field(
        100_000,
        ge=1,
        description="Documents that may wait to be ingested; further ones are refused with 429.",
    )
    reachable: list[str] = Field(
        [],
        description="Private hosts and networks, such as 10.0.0.0/8, that documents may be fetched from.",
    )
