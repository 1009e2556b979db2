"""WebRTC's voice activity detector. It is the cheapest, but takes tones and hum for speech."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.audio import RATE, Pcm, Voicing
from ...core.errors import EngineError
from ..vad_windows import Envelope, floats, powers, windows

FRAME_SAMPLES = 160
FRAMES_PER_WINDOW = 3
WINDOW_SAMPLES = FRAME_SAMPLES * FRAMES_PER_WINDOW


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
    """The probability is the share of a window's 10 ms frames that WebRTC calls speech."""

    def __init__(self, new: Any, aggressiveness: int) -> None:
        self._new, self._aggressiveness = new, aggressiveness
        self._envelope = Envelope(WINDOW_SAMPLES)
        self.reset()

    def reset(self) -> None:
        self._rest = b""
        self._envelope.reset()
        self._vad = self._new(self._aggressiveness)

    async def __call__(self, pcm: Pcm) -> Sequence[Voicing]:
        whole, self._rest = windows(self._rest, pcm, WINDOW_SAMPLES)
        return [self._window(data) for data in whole]

    def _window(self, data: bytes) -> Voicing:
        size = 2 * FRAME_SAMPLES
        voiced = sum(self._vad.is_speech(data[at : at + size], RATE) for at in range(0, len(data), size))
        loudness = powers(floats(data))
        return Voicing(
            voiced / FRAMES_PER_WINDOW,
            WINDOW_SAMPLES,
            *self._envelope.edges(loudness, 2 * voiced >= FRAMES_PER_WINDOW),
        )
