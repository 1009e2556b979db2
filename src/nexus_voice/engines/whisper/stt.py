"""Speech recognition by faster-whisper: Whisper models in CTranslate2's format, on the CPU or a GPU.

To give words while somebody speaks, the growing utterance is decoded again whenever enough was added
(`utterance.py`). A worker process (`worker.py`) is lent for one decode, not for a whole utterance, so one
model in memory serves many speakers.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from anyio import current_time
from anyio.lowlevel import checkpoint

from ...core.audio import RATE, Pcm, Transcript
from ...core.errors import BadInput, Busy, EngineError
from ...workers.in_workers import InWorkers
from ...workers.pool import Workers
from ...workers.process import given
from .utterance import BLOCK_SAMPLES, FIRST_LOOK_BLOCKS, Decoded, Utterance

log = logging.getLogger(__name__)

LIVE_WAIT_RATIO, MIN_FRAME_S = 0.25, 0.02
"""A piece counts as live and newest when the wait for it was longer than this share of its own length, which
is taken as the second number at least: a file may end with a sliver."""
BLOCK_S = 0.1
"""Live audio comes in pieces of this length."""
MAX_EARLY_WORDS_S = 0.9
"""How long the first words may take, from the first sound on, to count as early."""
LOOK_SPACING = 2
"""Looks come so far apart that the processes are free half the time, and a final rarely waits."""
SMOOTHING_FACTOR = 0.2
"""Weight of the newest decode in the running mean of how long one takes."""


class WhisperStt(InWorkers):
    """Implements `ports.Stt`; enter it before use.

    `path` is the model's folder. `workers` processes hold the model once each and decode one window at a time
    with `threads` threads (0: half of the processors, shared out, at most 8) and `beam` hypotheses; `queue`
    decodes may wait: past that, `Busy`. `device` is "cpu", "cuda" or "auto" (a GPU if there is one and it
    works); `compute` a CTranslate2 type, "auto" int8 on the CPU and float16 on a GPU. An empty `language`
    (ISO 639-1) is detected. `nice` (0..19) lowers the processes' priority.
    """

    def __init__(
        self,
        path: Path,
        *,
        workers: int = 1,
        device: str = "auto",
        compute: str = "auto",
        language: str = "",
        threads: int = 0,
        beam: int = 1,
        queue: int = 8,
        nice: int = 0,
    ) -> None:
        self.name = f"faster-whisper:{path.name.removeprefix('faster-').removeprefix('whisper-')}"
        self._language = language
        self._decoding = self._live = 0
        self._seconds = 0.0
        options = {
            "path": str(path.absolute()),
            "device": device,
            "compute": compute,
            "language": language,
            "threads": threads,
            "beam": beam,
            "sharers": workers,
        }
        listener = "nexus_voice.engines.whisper.worker:Listener"
        super().__init__(Workers(listener, workers, options, name=self.name, queue=queue, nice=nice))

    async def ready(self) -> None:
        """Wait until every process has the model loaded and warm.

        Raises `EngineError`: `engine_not_installed`, `model_broken`, `unsupported_language`.
        """
        await self._workers.setup(None)
        self._seconds = await self._measured(tries=1)

    async def cost(self) -> float:
        """Implements `ports.TellsCost`: the best of three, since other work may come between."""
        return await self._measured(tries=3)

    async def _measured(self, tries: int) -> float:
        seconds, running = await self._call("speed", tries)
        log.info("%s on %s: %.0f ms a decode", self.name, running, 1000 * seconds)
        return float(seconds)

    @property
    def early_words(self) -> bool:
        """Whether words come in time to confirm an interruption, as decodes have lately been measured: the
        first ones need 0.4 s of sound and one decode."""
        first_words = FIRST_LOOK_BLOCKS * BLOCK_SAMPLES / RATE + BLOCK_S + self._seconds
        return self._seconds > 0 and first_words <= MAX_EARLY_WORDS_S

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        """Partials while `audio` is live and a process is free; `language` on the final, and word times
        unless it is the last partial. A partial with the same text as before says that it covers more of the
        audio.

        `audio` is not read during a decode, so a live source must keep what comes meanwhile. Audio that is
        there at once, such as a file, is decoded in whole windows without partials.
        """
        utterance = Utterance(self._language, expected)
        self._live += 1
        try:
            while True:
                asked = current_time()
                pcm = await anext(audio, None)
                if pcm is None:
                    break
                if pcm.rate != RATE:
                    raise BadInput(f"Speech recognition needs {RATE} Hz audio, not {pcm.rate} Hz")
                newest = current_time() - asked > LIVE_WAIT_RATIO * max(pcm.seconds, MIN_FRAME_S)
                if not newest:
                    await checkpoint()  # others have their turn while a file is read
                utterance.hear(pcm.data)
                while excess := utterance.excess:
                    utterance.closed(await self._decode(*utterance.window(excess), True), excess)
                if newest and self._decoding < self._workers.count and utterance.due(self._interval):
                    text = await self._look(utterance)
                else:
                    text = utterance.partial if newest and utterance.complete else ""
                if text:
                    yield Transcript(
                        text, False, utterance.spoken, until=utterance.covered, sure=utterance.sure
                    )
            if not utterance.settled:
                utterance.closed(await self._decode(*utterance.window(), True))
            yield utterance.final()
        finally:
            self._live -= 1

    @property
    def _interval(self) -> float:
        """Seconds between the looks at one utterance."""
        return LOOK_SPACING * self._seconds * self._live / self._workers.count

    async def _look(self, utterance: Utterance) -> str:
        """The partial text; "" when this look failed for a passing reason, since only the final must not
        fail. In a pause a doubtful text is decoded as the final is, so that nothing is left to do when the
        utterance ends."""
        final = utterance.doubted
        try:
            return utterance.looked(await self._decode(*utterance.window(), final), final)
        except (Busy, EngineError) as error:
            if isinstance(error, EngineError) and not error.retryable:
                raise
            return ""

    async def _decode(self, *window: Any) -> Decoded:
        began = current_time()
        self._decoding += 1
        try:
            result = await self._call("decode", window)
        finally:
            self._decoding -= 1
        self._seconds += SMOOTHING_FACTOR * (current_time() - began - self._seconds)
        return Decoded(**result)

    async def _call(self, method: str, *items: Any) -> Any:
        """The one result of a call."""
        async with aclosing(self._workers.call(method, given(*items))) as results:
            async for result in results:
                if result is not None:
                    return result
        raise EngineError(f"{self.name} gave no result", retryable=True)
