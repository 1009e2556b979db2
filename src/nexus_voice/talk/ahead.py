"""What is made of an answer before anybody asks for it, in bounded buffers."""

from __future__ import annotations

import math

import anyio

from ..core.audio import Mark, Pcm, Voice
from .answer import Piece

MAX_PIECES, MAX_SOUNDS = 64, 64
"""Pieces of the answer, and of its first sentence's sound, that wait until they are asked for."""
MAX_WAIT_S = 5.0
"""How long all of it waits for that."""


class Ahead:
    """How far an answer is made ahead (the passages are always searched for), and what has been made.

    `model`: it is written; `voice`: its first sentence is said, for a question in `language`. Cancelling
    `scope` throws it away.
    """

    def __init__(self, *, model: bool, voice: bool, language: str = "") -> None:
        self.model, self.voice, self.language = model, voice, language
        self.scope = anyio.CancelScope(deadline=anyio.current_time() + MAX_WAIT_S)
        self.claimed = False
        """A turn has taken it, and answers with it."""
        self.searched, self.asked, self.ended = anyio.Event(), anyio.Event(), anyio.Event()
        """Set when the search is over, when the turn reads the answer, and when no more work is done."""
        self.pieces, self.written = anyio.create_memory_object_stream[Piece](MAX_PIECES)
        self.sounds, self.said = anyio.create_memory_object_stream[Pcm | Mark](MAX_SOUNDS)
        self.first: tuple[str, Voice] | None = None
        """The first sentence, as words to speak, and its voice."""
        self.spoken = False
        """The turn has come to the first sentence."""
        self.error: Exception | None = None
        self.voice_error: Exception | None = None

    @property
    def usable(self) -> bool:
        """It was neither thrown away, nor has it failed or waited for too long."""
        late = anyio.current_time() >= self.scope.deadline
        return not (late or self.ended.is_set() or self.scope.cancel_called)

    def claim(self) -> None:
        """A turn waits for it from now on."""
        self.claimed, self.scope.deadline = True, math.inf

    def close(self) -> None:
        for stream in (self.pieces, self.written, self.sounds, self.said):
            stream.close()
