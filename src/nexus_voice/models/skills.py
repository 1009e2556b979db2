"""What a language model may be asked for, by what its name tells.

Measured on 12 questions about our documentation on two cores: the extractive answerer had all 12 right in
0.1 s, Qwen2.5-Coder-0.5B 3 in 12 s, SmolLM2-135M none. Both wrote tool calls that nobody had asked for.
"""

from __future__ import annotations

import re

from ..core.chat import Skill
from .catalogue import CATALOGUE

MIN_PASSAGES, MIN_TOOLS = 2e9, 3e9
"""Parameters from which on a model that the catalogue does not know may answer from passages, and may be
given tools."""
_SIZE = re.compile(r"(?<![\w.])(?:(\d{1,2})x)?(\d{1,4}(?:\.\d{1,2})?)([bm])(?![a-z0-9])", re.IGNORECASE)
_OF_CATALOGUE = {
    key: model.skill
    for model in CATALOGUE
    if model.port == "llm"
    for key in (model.name, model.entry.removesuffix(".gguf").lower())
}


def parameters(name: str) -> float | None:
    """How many a model's name tells: "llama3.2:1b", "SmolLM2-135M", "mixtral-8x7b"; None without a number."""
    found = _SIZE.search(name.replace("_", "-"))
    if not found:
        return None
    times, size, unit = found.groups()
    return int(times or 1) * float(size) * (1e9 if unit in "bB" else 1e6)


def skill(name: str) -> Skill:
    """What the model of this name may do. One of unknown size is trusted: providers' names tell none."""
    known = _OF_CATALOGUE.get(name.lower().removesuffix(".gguf"))
    size = parameters(name)
    if known or size is None:
        return known or "tools"
    return "chat" if size < MIN_PASSAGES else "passages" if size < MIN_TOOLS else "tools"
