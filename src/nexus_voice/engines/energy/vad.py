"""Voice activity detection by loudness alone: the fallback, which cannot fail."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.audio import Pcm, Voicing
from ..vad_windows import Envelope, floats, powers, windows

WINDOW_SAMPLES = 512


class EnergyVad:
    """Takes for speech what is louder than an adaptive noise floor. A steady sound becomes floor in 1-2 s."""

    name = "energy"

    def open(self, sensitivity: float = 0.5) -> _Detector:
        return _Detector(min(max(sensitivity, 0.0), 1.0))


class _Detector:
    def __init__(self, sensitivity: float) -> None:
        self._margin = 10 ** (1.5 - sensitivity)  # 10 dB over the quietest moment at 0.5
        self._faint = 10 ** (-4.5 - sensitivity)  # -50 dBFS at 0.5
        self._envelope = Envelope(WINDOW_SAMPLES, hold=False)
        self.reset()

    def reset(self) -> None:
        self._rest = b""
        self._envelope.reset()

    async def __call__(self, pcm: Pcm) -> Sequence[Voicing]:
        whole, self._rest = windows(self._rest, pcm, WINDOW_SAMPLES)
        return [self._window(data) for data in whole]

    def _window(self, data: bytes) -> Voicing:
        loudness = powers(floats(data))
        power = sum(loudness) / len(loudness)
        floor = self._envelope.floor
        limit = max(self._faint, self._margin * floor.power if floor.known else 0.0)
        probability = power / (power + limit)  # 0.5 at the limit, 0.9 at 10 dB above it
        return Voicing(probability, WINDOW_SAMPLES, *self._envelope.edges(loudness, probability >= 0.5))
