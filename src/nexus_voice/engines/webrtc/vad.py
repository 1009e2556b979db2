"""WebRTC's voice activity detector: the cheapest, though it takes tones and hum for speech."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.audio import RATE, Pcm, Voicing
from ...core.errors import EngineError
from ..envelope import Envelope, floats, powers, windows

FRAME = 160
FRAMES = 3
WINDOW = FRAME * FRAMES


class WebrtcVad:
    name = "webrtc"

    def __init__(self) -> None:
        try:
            import webrtcvad
        except ImportError as error:
            raise EngineError(
                "WebRTC voice detection is not installed; run: pip install 'nexus-voice[webrtcvad]'",
                code="engine_missing",
            ) from error
        self._new = webrtcvad.Vad

    def open(self, sensitivity: float = 0.5) -> _Detector:
        return _Detector(self._new, round(3 * (1 - min(max(sensitivity, 0.0), 1.0))))


class _Detector:
    """Probability is the share of a window's 10 ms frames that WebRTC calls speech."""

    def __init__(self, new: Any, aggressiveness: int) -> None:
        self._new, self._aggressiveness = new, aggressiveness
        self._envelope = Envelope(WINDOW)
        self.reset()

    def reset(self) -> None:
        self._rest = b""
        self._envelope.reset()
        self._vad = self._new(self._aggressiveness)

    async def __call__(self, pcm: Pcm) -> Sequence[Voicing]:
        whole, self._rest = windows(self._rest, pcm, WINDOW)
        return [self._window(data) for data in whole]

    def _window(self, data: bytes) -> Voicing:
        size = 2 * FRAME
        voiced = sum(self._vad.is_speech(data[at : at + size], RATE) for at in range(0, len(data), size))
        loudness = powers(floats(data))
        return Voicing(voiced / FRAMES, WINDOW, *self._envelope.edges(loudness, 2 * voiced >= FRAMES))
