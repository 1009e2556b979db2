"""Speaks with the XTTS adapter, coqui-tts and a model of random weights, and checks that all of it works.

The tests cannot: they do without torch. Run it with a Python that has `nexus-voice[xtts]`. It takes two
minutes on two cores, uses a GPU if torch sees one, and fails at the first thing that is wrong. With
`--real-size` it only measures a model as large as the published one: 2 GB in the folder for temporary files.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path
from statistics import median

import anyio
import numpy as np
import soundfile

from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.xtts.tts import LANGUAGES, MODEL_FILES, RATE, XttsTts

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from models_tiny.xtts import REAL, TINY, TOKEN, TOKENS, build

TEXT = "A sentence of usual length, which says nothing of interest but has a comma and a full stop."
PLAIN, FAST = Voice(), Voice(rate=2.0)
SECONDS = TOKENS * TOKEN
TIMES = 10


async def spoken(tts: XttsTts, text: str = TEXT, voice: Voice = PLAIN) -> tuple[list[float], list[Pcm]]:
    """After how many seconds each piece came, and the pieces."""
    begun, times, said = time.perf_counter(), [], []
    async with aclosing(tts.speak(text, voice)) as pieces:
        async for piece in pieces:
            times.append(time.perf_counter() - begun)
            said.append(piece)
    return times, said


async def whole(tts: XttsTts, text: str = TEXT, voice: Voice = PLAIN, seconds: float = SECONDS) -> None:
    """Speak it, and check that all of it came, in small pieces of the right format, and is not silence."""
    _, said = await spoken(tts, text, voice)
    assert all(piece.rate == RATE and 0 < piece.seconds <= 0.06 for piece in said)
    length = sum(piece.seconds for piece in said)
    assert abs(length - seconds) < 2 * TOKEN, f"{length:.2f} s instead of {seconds:.2f} s"
    assert np.frombuffer(b"".join(piece.data for piece in said), "<i2").any()


async def failure(call: Awaitable[object]) -> EngineError:
    try:
        await call
    except EngineError as error:
        return error
    raise AssertionError("that should have failed")


async def figures(tts: XttsTts) -> None:
    begun = time.perf_counter()
    await tts.ready()
    print(f"ready after {time.perf_counter() - begun:.1f} s")
    runs = [(await spoken(tts))[0] for _ in range(TIMES)]
    first, last = ([times[at] for times in runs] for at in (0, -1))
    print(f"first sound: p50 {1000 * median(first):.0f} ms, slowest of {TIMES} {1000 * max(first):.0f} ms")
    print(f"all {SECONDS:.1f} s of sound: p50 {median(last):.1f} s, slowest {max(last):.1f} s")
    assert median(first) < 0.5 * median(last), "the sound came at the end, not as it was made"


async def manners(tts: XttsTts) -> None:
    """Rate, pitch, long texts, long numbers and languages."""
    await whole(tts, voice=FAST, seconds=SECONDS / 2)
    await whole(tts, voice=Voice(rate=0.5), seconds=SECONDS * 2)
    await whole(tts, voice=Voice(pitch=1.5))
    await whole(tts, voice=Voice(pitch=0.7))
    await whole(tts, f"{TEXT} {TEXT}", seconds=2 * SECONDS)
    await whole(tts, 40 * "9")
    refused = {}
    for language in LANGUAGES:
        try:
            await whole(tts, "1, 2, 3.", Voice(language=language, rate=2.0), SECONDS / 2)
        except EngineError as error:
            refused[language] = error
    for language, error in refused.items():
        print(f"not spoken: {error.message}")
        assert language in ("ja", "zh")
        assert error.code == "engine_not_installed"


async def interruptions(tts: XttsTts) -> None:
    """Stopped before and after the first sound, and when the process dies."""
    (pid,) = tts._workers.pids
    with anyio.move_on_after(0.05):
        await spoken(tts)
    async with aclosing(tts.speak(TEXT, PLAIN)) as pieces:
        await anext(pieces)
    begun = time.perf_counter()
    times, _ = await spoken(tts)
    first = time.perf_counter() - begun - times[-1] + times[0]
    print(f"first sound of the next sentence after one was stopped: {1000 * first:.0f} ms")
    await whole(tts)
    assert tts._workers.pids == [pid], "a sentence that was stopped cost the process"

    async def killed() -> None:
        async with aclosing(tts.speak(TEXT, PLAIN)) as pieces:
            async for _ in pieces:
                os.kill(pid, signal.SIGKILL)

    error = await failure(killed())
    assert error.retryable
    await whole(tts)
    assert tts._workers.pids != [pid]


async def damaged(model: Path, samples: Path) -> None:
    os.truncate(model / "model.pth", 1_000_000)
    async with XttsTts(model, samples=samples, licence_accepted=True) as tts:
        error = await failure(tts.ready())
        assert error.code == "model_broken"


def digests(model: Path) -> list[str]:
    return [sha256((model / name).read_bytes()).hexdigest() for name in MODEL_FILES]


async def main(real_size: bool) -> None:
    logging.basicConfig(format="%(message)s")
    with tempfile.TemporaryDirectory() as folder:
        model, samples = build(Path(folder) / "model", REAL if real_size else TINY), Path(folder) / "samples"
        samples.mkdir()
        hum = 0.2 * np.sin(2 * np.pi * 150 * np.arange(8 * RATE) / RATE)
        soundfile.write(samples / "ada.wav", hum, RATE)
        before = digests(model)
        async with XttsTts(model, samples=samples, licence_accepted=True) as tts:
            await figures(tts)
            if not real_size:
                await manners(tts)
                await interruptions(tts)
        assert digests(model) == before, "loading changed the model's files"
        if not real_size:
            await damaged(shutil.copytree(model, Path(folder) / "damaged"), samples)
    print("all is well")


if __name__ == "__main__":
    anyio.run(main, "--real-size" in sys.argv[1:])
