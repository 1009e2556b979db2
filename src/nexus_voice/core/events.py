"""The native voice protocol's messages: two closed unions, told apart by `type`.

`docs/protocol.md` describes each; a test holds the two together. Sizes and rates are checked at
the edge (`server/voice/wire.py`), so that everything here is already well formed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .chat import Passage
from .modes import ModeName

# --- from the client -----------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Settings:
    """Changes settings of the session, at any time. Absent fields stay as they are."""

    type: Literal["settings"] = "settings"
    hands_free: bool | None = None
    knowledge: bool | None = None
    speak: bool | None = None
    mode: ModeName | None = None
    voice: str | None = None
    voice_rate: float | None = None
    voice_pitch: float | None = None
    sensitivity: float | None = None
    collections: list[str] | None = None
    """Ids of the collections to search; an empty list means all of them."""


@dataclass(slots=True, kw_only=True)
class Hello(Settings):
    """First message of a connection. `rate` is the microphone's sample rate, 8,000..48,000 Hz."""

    type: Literal["hello"] = "hello"  # type: ignore[assignment]
    token: str = ""
    session_id: str = ""
    rate: int = 16_000
    pauses: bool = False
    """Whether the client knows `Pause` and `Resume`. Otherwise speech over the assistant flushes at once."""


@dataclass(slots=True, kw_only=True)
class Text:
    text: str
    type: Literal["text"] = "text"


@dataclass(slots=True, kw_only=True)
class UpdateContext:
    text: str
    type: Literal["update_context"] = "update_context"


@dataclass(slots=True, kw_only=True)
class TalkStart:
    type: Literal["talk_start"] = "talk_start"


@dataclass(slots=True, kw_only=True)
class TalkEnd:
    type: Literal["talk_end"] = "talk_end"


@dataclass(slots=True, kw_only=True)
class Hush:
    type: Literal["hush"] = "hush"


@dataclass(slots=True, kw_only=True)
class Playback:
    """The client's speaker has played `played_ms` of this turn's audio."""

    turn: int
    played_ms: float
    type: Literal["playback"] = "playback"


@dataclass(slots=True, kw_only=True)
class Ping:
    type: Literal["ping"] = "ping"


ClientEvent = Hello | Settings | Text | UpdateContext | TalkStart | TalkEnd | Hush | Playback | Ping

# --- from the server -----------------------------------------------------------------------------


@dataclass(slots=True)
class Ready:
    session_id: str
    token: str
    resumed: bool
    engines: dict[str, str]
    type: Literal["ready"] = "ready"


@dataclass(slots=True)
class Onset:
    type: Literal["onset"] = "onset"


@dataclass(slots=True)
class Partial:
    text: str
    type: Literal["partial"] = "partial"


@dataclass(slots=True)
class Final:
    """What was understood. `turn` is the number of the reply; 0 when there is none (a cough, "mm-hm")."""

    text: str
    turn: int
    type: Literal["final"] = "final"


@dataclass(slots=True)
class Delta:
    turn: int
    text: str
    type: Literal["delta"] = "delta"


@dataclass(slots=True)
class Sentence:
    """A sentence of the answer, or a part of one. When answers are spoken, its audio follows.

    `sources` are the numbers of the sources that it rests on: 1 is the first of the turn's `Sources`.
    """

    turn: int
    text: str
    sources: list[int] = field(default_factory=list)
    type: Literal["sentence"] = "sentence"


@dataclass(slots=True)
class Source:
    document: str
    title: str
    path: list[str]
    text: str
    score: float
    page: int | None = None
    position: int = 0
    url: str = ""
    link: str = ""

    @classmethod
    def of(cls, passage: Passage, link: str) -> Source:
        return cls(
            passage.document, passage.title, list(passage.path), passage.text, round(passage.score, 3),
            passage.page, passage.position, passage.url, link,
        )  # fmt: skip


@dataclass(slots=True)
class Sources:
    turn: int
    sources: list[Source]
    type: Literal["sources"] = "sources"


@dataclass(slots=True)
class Tool:
    turn: int
    name: str
    status: Literal["started", "done", "failed"]
    result: str = ""
    type: Literal["tool"] = "tool"


@dataclass(slots=True)
class AudioStart:
    """Binary messages after this one are this turn's PCM16 mono at `rate` Hz."""

    turn: int
    rate: int
    type: Literal["audio_start"] = "audio_start"


@dataclass(slots=True)
class AudioEnd:
    turn: int
    type: Literal["audio_end"] = "audio_end"


@dataclass(slots=True)
class Duck:
    turn: int
    type: Literal["duck"] = "duck"


@dataclass(slots=True)
class Unduck:
    turn: int
    type: Literal["unduck"] = "unduck"


@dataclass(slots=True)
class Pause:
    """Fall silent, and drop what was not played: `Resume` or `Flush` follows within a second."""

    turn: int
    type: Literal["pause"] = "pause"


@dataclass(slots=True)
class Resume:
    """Go on at full volume: the sound that follows begins `at_ms` into this turn's audio, at a word."""

    turn: int
    at_ms: float
    type: Literal["resume"] = "resume"


@dataclass(slots=True)
class Flush:
    """Drop all audio of this turn, played or not, now."""

    turn: int
    type: Literal["flush"] = "flush"


@dataclass(slots=True)
class Ended:
    turn: int
    outcome: Literal["done", "interrupted", "failed"]
    heard: str
    type: Literal["ended"] = "ended"


@dataclass(slots=True)
class Metrics:
    """A turn's clocks in milliseconds from t0, the last voiced sample (or the typed text's arrival)."""

    turn: int
    clocks: dict[str, float]
    engines: dict[str, str] = field(default_factory=dict)
    type: Literal["metrics"] = "metrics"


@dataclass(slots=True)
class Error:
    """Something failed. `turn` is the number of the reply that failed; 0 when it was no reply."""

    code: str
    message: str
    turn: int = 0
    type: Literal["error"] = "error"


@dataclass(slots=True)
class Pong:
    type: Literal["pong"] = "pong"


ServerEvent = (
    Ready
    | Onset
    | Partial
    | Final
    | Delta
    | Sentence
    | Sources
    | Tool
    | AudioStart
    | AudioEnd
    | Duck
    | Unduck
    | Pause
    | Resume
    | Flush
    | Ended
    | Metrics
    | Error
    | Pong
)
