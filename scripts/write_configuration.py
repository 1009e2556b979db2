"""Writes the list of settings in docs/configuration.md anew from the settings themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from nexus_voice.cli.configure import variable
from nexus_voice.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
BEGIN = "<!-- The rest of this page is made by scripts/write_configuration.py. -->\n"
TITLES = {
    "": "Settings for the data and the providers' keys",
    "server": "Settings for the server",
    "limits": "Settings for limits",
    "talk": "Settings for the conversation",
    "vad": "Settings for the speech detector",
    "stt": "Settings for the speech recogniser",
    "turn": "Settings for the end of a turn",
    "llm": "Settings for the language model",
    "tts": "Settings for the voice",
    "embedder": "Settings for the search by meaning",
    "reranker": "Settings for the order of what was found",
    "search": "Settings for web search",
    "fallback": "Settings for what happens when an engine fails",
    "providers": "Settings for the providers' addresses and models",
    "discovery": "Settings for finding local servers and models",
    "models": "Settings for where models come from",
    "knowledge": "Settings for the knowledge base",
    "fake": "Settings for the scripted engines",
}
"""Section -> heading; a section without one fails."""


def default(value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool | list):
        return f"`{json.dumps(value)}`"
    return f"`{value}`"


def section(name: str, model: type[BaseModel]) -> Iterator[str]:
    """A heading, and a line for every setting."""
    yield f"\n## {TITLES[name]}\n"
    for field, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            continue
        path = (name, field) if name else (field,)
        yield f"- `{variable(*path)}` (default: {default(info.default)}): {info.description}"


def reference() -> str:
    """The page's list of settings, as it should be."""
    lines = list(section("", Settings))
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            lines += section(name, info.annotation)
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """`page` with its list renewed."""
    head, mark, _ = page.partition(BEGIN)
    if not mark:
        raise SystemExit(f"{PAGE}: the line that begins the list is missing.")
    return head + mark + reference()


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
