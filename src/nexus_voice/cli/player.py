"""A silent loudspeaker: keeps the audio and knows how much of it would have been played by now."""

from __future__ import annotations

import anyio

from ..core.audio import Pcm


class Player:
    """Plays the audio of one turn in real time, from when it arrives, and pauses when there is none."""

    def __init__(self) -> None:
        self.turn = 0
        self.rate = 0
        self._audio = bytearray()
        self._ends = 0.0
        self._open = False

    def start(self, turn: int, rate: int) -> None:
        """Expect the audio of this turn. Within a turn the sample rate cannot change."""
        if turn != self.turn:
            self.turn, self.rate, self._ends = turn, rate, 0.0
            self._audio.clear()
        self._open = True

    def add(self, data: bytes) -> None:
        if self._open:
            self._audio += data
            self._ends = max(self._ends, anyio.current_time()) + len(data) / (2 * self.rate)

    def flush(self, turn: int) -> None:
        """Stop playing. Drop what was not played, and what still arrives."""
        if turn == self.turn and self.rate:
            self._cut(self.played)
        self._open = False

    def resume(self, turn: int, at: float) -> None:
        """Go on after `flush`: what arrives now begins `at` seconds into the turn's audio."""
        if turn == self.turn and self.rate:
            self._cut(at)
            self._open = True

    def _cut(self, at: float) -> None:
        del self._audio[2 * round(at * self.rate) :]
        self._ends = anyio.current_time()

    @property
    def audio(self) -> Pcm:
        return Pcm(bytes(self._audio), self.rate or 16_000)

    @property
    def playing(self) -> bool:
        return self._ends > anyio.current_time()

    @property
    def played(self) -> float:
        """Seconds of this turn's audio that were played."""
        return self.audio.seconds - max(0.0, self._ends - anyio.current_time())
