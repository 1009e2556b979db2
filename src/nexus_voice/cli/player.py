"""A loudspeaker without sound: keeps the audio, and knows what would have been played by now."""

from __future__ import annotations

import anyio

from ..core.audio import Pcm


class Player:
    """Plays one turn's audio in real time from the moment it arrives, pausing when none is there."""

    def __init__(self) -> None:
        self.turn = 0
        self.rate = 0
        self._audio = bytearray()
        self._ends = 0.0
        self._open = False

    def start(self, turn: int, rate: int) -> None:
        """What follows is this turn's audio. A second rate within a turn is taken for the first's."""
        if turn != self.turn:
            self.turn, self.rate, self._ends = turn, rate, 0.0
            self._audio.clear()
        self._open = True

    def add(self, data: bytes) -> None:
        if self._open:
            self._audio += data
            self._ends = max(self._ends, anyio.current_time()) + len(data) / (2 * self.rate)

    def flush(self, turn: int) -> None:
        """Fall silent; what was not played is dropped, and so is what still arrives."""
        if turn == self.turn and self.rate:
            del self._audio[2 * round(self.played * self.rate) :]
            self._ends = anyio.current_time()
        self._open = False

    @property
    def audio(self) -> Pcm:
        return Pcm(bytes(self._audio), self.rate or 16_000)

    @property
    def playing(self) -> bool:
        return self._ends > anyio.current_time()

    @property
    def played(self) -> float:
        """Seconds of this turn's audio that were heard."""
        return self.audio.seconds - max(0.0, self._ends - anyio.current_time())
