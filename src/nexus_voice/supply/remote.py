"""The engines of a server that leaves the models to others."""

from __future__ import annotations

from ..core.errors import BadInput
from ..settings import Settings
from .choices import EMBEDDED, NOTHING, OWN, Choice, Found, choices

LOCAL = {
    "xtts",
    "e5",
    "crossencoder",
    *EMBEDDED.values(),
    *(kind for kinds in OWN.values() for kind in kinds),
}
"""Kinds that compute in this process or its children."""
TALKING = ("stt", "llm", "tts")
"""Without these there is no conversation."""


def remote_choices(port: str, settings: Settings, found: Found = NOTHING) -> list[Choice]:
    """`choices`, without local models that the settings do not name. Raises `BadInput` when a
    conversation would be left without an engine."""
    named = {kind.strip() for kind in getattr(settings, port).kind.split(",")}
    chain = [one for one in choices(port, settings, found) if one.kind not in LOCAL or one.kind in named]
    if not chain and port in TALKING and "off" not in named:
        raise BadInput(
            f"This role uses models by their address and has none for {port}: set "
            f"NEXUS_{port.upper()}__BASE_URL, or name a local engine with NEXUS_{port.upper()}__KIND.",
            code="engine_unavailable",
        )
    return chain
