"""What is heard: edges that endpointing finds in the sound, and what the conversation is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Onset:
    """Somebody may have begun to speak at `position` (samples since the session began).

    Endpointing knows no clock; the ear adds `at`, in seconds of anyio's.
    """

    position: int
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class FalseOnset:
    """It was only a noise, too short to be speech."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A short silence: the words so far are probably stable."""


@dataclass(frozen=True, slots=True)
class SpeechEnd:
    """The utterance is over; its last voiced sample was at `position`."""

    position: int


Edge = Onset | FalseOnset | Pause | SpeechEnd
"""What endpointing finds in the sound."""


@dataclass(frozen=True, slots=True)
class Sustained:
    """The user's own speech has gone on over the assistant's: silence, until it is clear what it was."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The user wants the floor."""


@dataclass(frozen=True, slots=True)
class Dismissed:
    """What was said over the assistant was no interruption: an "mm-hm", a laugh, nothing at all."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Words so far. `stable`: the speaker pauses, so this is probably the whole question."""

    text: str
    stable: bool = False
    language: str = ""
    """ISO 639-1 code, where the recogniser tells."""


@dataclass(frozen=True, slots=True)
class Final:
    """A finished utterance; `ended` is when its last voiced sample was heard: the turn's t0."""

    text: str
    ended: float
    began: float
    language: str = ""
    """ISO 639-1 code, where the recogniser tells."""
    engine: str = ""
    """The recogniser."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A finished utterance that asks for no reply: a cough, an "mm-hm", the assistant's own echo."""

    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A message that was typed; `at` is when it arrived."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Hush:
    """Be silent at once: the stop button, or the talk button pressed."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """Speech that could not be transcribed; the utterance is lost, the conversation is not."""

    error: Exception


Heard = (
    Onset | FalseOnset | Sustained | Claimed | Dismissed | Partial | Final | Aside | Typed | Hush | Unheard
)
"""What the ear and the client's messages tell the conversation."""
