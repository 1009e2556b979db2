"""Settings of the conversation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .section import Seconds, Section


class Talk(Section):
    silence: Seconds = Field(
        0.5,
        description="Silence that ends a turn; your words and your voice make it shorter or longer.",
    )
    interrupt: Seconds = Field(0.192, description="How long a user must speak to interrupt the assistant.")
    pre_roll: Seconds = Field(
        0.3, description="Audio before the detected start of speech that is transcribed as well."
    )
    lead: Seconds = Field(1.0, description="How far audio is sent ahead of what the user hears.")
    speculate: Literal["auto", "always", "off"] = Field(
        "auto",
        description="Whether the answer is begun at a pause, before the question is certain; auto: only by "
        "engines on this machine, since what is thrown away costs tokens too; off: only the search is.",
    )
    high_pass: bool = Field(True, description="Remove rumble below 200 Hz from the microphone.")
    noise_gate: bool = Field(True, description="Soften background noise between words.")
    system: str = Field(
        "You are Nexus, a friendly and concise voice assistant.",
        description="Instructions of the administrator to the language model.",
    )
