"""Chooses the engines of a server whose models run elsewhere (`serve --role app`)."""

from __future__ import annotations

from ..settings import Settings
from .choices import EMBEDDED, NOTHING, OWN, Choice, Found, choices, unavailable
from .discovery import servers_to_look_for

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
    """`choices` without the local models that the settings do not name. A port that a conversation needs
    and that has no engine gets a choice that says what is `missing`."""
    named = {kind.strip() for kind in getattr(settings, port).kind.split(",")}
    chain = [one for one in choices(port, settings, found) if one.kind not in LOCAL or one.kind in named]
    if port in TALKING and named <= {"auto", ""} and all(one.missing for one in chain):
        discoverable = servers_to_look_for(settings) if port == "llm" else ()
        start = f"start a server at {' or '.join(discoverable)}, " if discoverable else ""
        message = (
            f"This role uses models by their address and has none for {port}: {start}set "
            f"NEXUS_{port.upper()}__BASE_URL, or name a local engine with NEXUS_{port.upper()}__KIND."
        )
        chain.append(unavailable(port, "server", message))
    return chain
