"""Makes `speech.wav`, what every simulated speaker says: `python -m bench.make_speech`.

The file is committed, because espeak-ng's versions differ by a few samples and the detector's windows
fall differently then. It holds speech only, from its first voiced frame to its last, so that the load
generator knows which frame begins and ends the utterance.
"""

from __future__ import annotations

import ctypes
import wave
from pathlib import Path

import espeakng_loader
import numpy as np
import soxr

from .contract import FRAME_BYTES, RATE

FILE = Path(__file__).with_name("speech.wav")
TEXT = "could you tell me what the weather is going to be tomorrow"
VOICE, WORDS_PER_MINUTE, AMPLITUDE = b"en-us", 165, 180
PEAK = 0.7
VOICED = 0.02
"""Share of the loudest frame's level above which a frame is voiced."""

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def synthesise() -> tuple[bytes, int]:
    """The text as 16-bit samples, and their rate."""
    out = bytearray()

    def collect(samples: ctypes._Pointer[ctypes.c_short] | None, count: int, _: int | None) -> int:
        if samples and count > 0:
            out.extend(ctypes.string_at(samples, 2 * count))
        return 0

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = int(library.espeak_Initialize(2, 60, espeakng_loader.get_data_path().encode(), 0))
    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(VOICE)
    library.espeak_SetParameter(1, WORDS_PER_MINUTE, 0)
    library.espeak_SetParameter(2, AMPLITUDE, 0)
    text = TEXT.encode() + b"\0"
    library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, 1, None, None)
    library.espeak_Synchronize()
    return bytes(out), rate


def main() -> None:
    data, rate = synthesise()
    x = soxr.resample(np.frombuffer(data, "<i2").astype(np.float64), rate, RATE, quality="HQ")
    x *= PEAK * 32767 / np.abs(x).max()
    size = FRAME_BYTES // 2
    frames = x[: len(x) // size * size].reshape(-1, size)
    level = np.sqrt((frames**2).mean(axis=1))
    voiced = np.flatnonzero(level > VOICED * level.max())
    spoken = frames[voiced[0] : voiced[-1] + 1].astype("<i2")
    with wave.open(str(FILE), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(spoken.tobytes())
    print(f"{FILE}: {len(spoken)} frames")


if __name__ == "__main__":
    main()
