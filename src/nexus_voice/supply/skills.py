"""What the language models in use may be asked for: as the settings say, else by the model."""

from __future__ import annotations

from collections.abc import Callable

from ..core.chat import Skill
from ..models.skills import skill
from ..settings import Settings

MAY: dict[Skill, str] = {
    "chat": "may only chat: documents are quoted without it",
    "passages": "may answer from documents, gets no tools",
    "tools": "may answer from documents and call tools",
}
"""For people."""


def skills(settings: Settings) -> Callable[[str], Skill]:
    chosen = settings.llm.skill
    if chosen == "auto":
        return skill

    def always(model: str) -> Skill:
        return chosen

    return always
