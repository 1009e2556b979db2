"""One conversation: its engines, its settings, its memory."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from ..core.access import EVERYONE, Scope
from ..core.audio import Voice
from ..core.chat import Caller, Chat, Passage, Prompt
from ..core.events import Settings
from ..core.modes import MODES, Mode, ModeName
from ..ports import Chain, FrontEnds, Knowledge, Llm, Overlaps, Stt, Tool, Tts, TurnJudge, Vad
from .drafts import Drafts

E = TypeVar("E", Stt, Llm, Tts)
Speculate = Literal["auto", "always", "off"]
MAX_CONTEXT_CHARACTERS = 4_000
"""Characters of client context that reach the model."""


@dataclass(slots=True)
class Engines:
    """What a conversation talks with. Replacing a field takes effect with the next turn."""

    vad: Vad
    stt: Stt
    llm: Llm
    tts: Tts
    front_ends: FrontEnds
    overlaps: Overlaps
    turn: TurnJudge | None = None
    knowledge: Knowledge | None = None
    tools: Sequence[Tool] = ()
    link: Callable[[Passage], str] = lambda passage: ""
    """Where a client opens a passage: the server makes its addresses."""
    drafts: Drafts = field(default_factory=Drafts)
    """What was begun ahead, in all conversations with these engines."""

    def names(self) -> dict[str, str]:
        return {"vad": self.vad.name, "stt": self.stt.name, "llm": self.llm.name, "tts": self.tts.name}


def noting(engine: E, note: Callable[[str], None]) -> E:
    """`engine`; `note` is told its name, or that of the engine of a chain that has worked."""
    if isinstance(engine, Chain):
        return engine.noting(note)
    note(engine.name)
    return engine


@dataclass(frozen=True, slots=True)
class Tuning:
    """How conversations are held; times in seconds."""

    silence: float = 0.5
    """End-of-turn silence, before it is adapted to the words."""
    interrupt: float = 0.192
    """Sustained speech that silences the assistant, before words are known (six windows of the detector)."""
    interrupt_late: float = 0.7
    """Sustained speech that takes the floor although no words are known."""
    decide: float = 0.9
    """Time from the onset in which words must have taken the floor; then the assistant goes on."""
    pre_roll: float = 0.3
    """Audio from before the onset that is transcribed too."""
    lead: float = 1.0
    """Audio sent ahead of what the user hears."""
    system: str = ""
    """The administrator's instructions to the model."""
    speculate: Speculate = "auto"
    """Whether a likely question is answered before it is certain; "auto": by engines of this machine."""


DEFAULT_TUNING = Tuning()
DEFAULT_VOICE = Voice()


@dataclass(slots=True)
class Manner:
    """How this user likes it; changed by `hello` and `settings`."""

    hands_free: bool = True
    knowledge: bool = True
    speak: bool = True
    mode: ModeName = "planning"
    voice: Voice = DEFAULT_VOICE
    sensitivity: float = 0.5
    collections: frozenset[str] = frozenset()
    """Ids of those that are looked in; none: all."""

    def apply(self, wanted: Settings) -> None:
        for name in ("hands_free", "knowledge", "speak", "mode", "sensitivity"):
            value = getattr(wanted, name)
            if value is not None:
                setattr(self, name, value)
        if wanted.collections is not None:
            self.collections = frozenset(wanted.collections)
        self.voice = Voice(
            self.voice.name if wanted.voice is None else wanted.voice,
            self.voice.rate if wanted.voice_rate is None else wanted.voice_rate,
            self.voice.pitch if wanted.voice_pitch is None else wanted.voice_pitch,
        )

    def voice_for(self, language: str, quoted: bool) -> Voice:
        """The user's voice; unless one was named, one for the `language` that was spoken. An answer that
        quotes documents is in theirs."""
        return self.voice if self.voice.name or quoted else replace(self.voice, language=language)

    @property
    def hearing(self) -> tuple[bool, float]:
        """What the ear goes by."""
        return self.hands_free, self.sensitivity

    @property
    def thinking(self) -> Mode:
        return MODES[self.mode]


@dataclass(slots=True)
class Session:
    """Everything one conversation owns; survives a lost connection."""

    id: str
    engines: Engines
    tuning: Tuning = DEFAULT_TUNING
    manner: Manner = field(default_factory=Manner)
    chat: Chat = field(default_factory=Chat)
    language: str = ""
    """ISO 639-1 code of the language that the user has spoken lately; empty while it is not known."""
    turn: int = 0
    """The latest turn's number; numbers are never used twice in a session."""
    client_pauses: bool = False
    """Whether the connected client knows how to pause and resume."""
    caller: Caller = "conversation"
    """How the user has last reached the conversation."""
    principals: frozenset[str] = frozenset({EVERYONE})
    """Who the user is, for the access to collections."""

    @property
    def scope(self) -> Scope:
        """The documents that are looked in."""
        return Scope(self.principals, self.manner.collections or None)

    def prompt(self) -> Prompt:
        """Everything the model is given but the question and its passages, each part with its own trust."""
        manner, mode = self.manner, self.manner.thinking
        return Prompt(
            question="",
            system=self.tuning.system,
            context=self.chat.context,
            history=self.chat.history(),
            spoken=manner.speak,
            size=mode.size,
            max_tokens=mode.tokens,
            knowledge=manner.knowledge and self.engines.knowledge is not None,
            has_knowledge=self.engines.knowledge is not None,
            caller=self.caller,
        )

    def update_context(self, text: str) -> None:
        """Background from the client's page: kept as data, without control characters, capped."""
        looked_at = text[: 2 * MAX_CONTEXT_CHARACTERS]
        kept = (c for c in looked_at if c in "\n\t" or unicodedata.category(c)[0] != "C")
        self.chat.context = "".join(kept)[:MAX_CONTEXT_CHARACTERS].strip()
