"""What a model may be asked for, by its name."""

from __future__ import annotations

import pytest

from nexus_voice.models.skills import parameters, skill
from nexus_voice.settings import Settings
from nexus_voice.supply.skills import skills


@pytest.mark.parametrize(
    ("name", "size", "may"),
    [
        ("smollm2-135m-instruct", 135e6, "chat"),
        ("SmolLM2-135M-Instruct.Q4_1", 135e6, "chat"),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m", 0.5e9, "chat"),
        ("qwen2.5:0.5b", 0.5e9, "chat"),
        ("qwen2.5-1.5b-instruct", 1.5e9, "chat"),
        ("llama3.2:1b", 1e9, "chat"),
        ("gemma2:2b", 2e9, "passages"),
        ("llama3.2:3b-instruct-q4_K_M", 3e9, "tools"),
        ("llama-3.1-8b-instruct", 8e9, "tools"),
        ("Qwen/Qwen2.5-7B-Instruct", 7e9, "tools"),
        ("mixtral-8x7b", 56e9, "tools"),
        ("gpt-4.1-mini", None, "tools"),
        ("llama3.1", None, "tools"),
        ("phi3:latest", None, "tools"),
    ],
)
def test_the_size_in_a_name_tells_what_a_model_may(name: str, size: float | None, may: str) -> None:
    assert parameters(name) == size
    assert skill(name) == may


def test_the_settings_decide_before_the_name() -> None:
    assert skills(Settings())("qwen2.5:0.5b") == "chat"
    chosen = skills(Settings(llm={"skill": "tools"}))  # type: ignore[arg-type]
    assert chosen("qwen2.5:0.5b") == "tools"
