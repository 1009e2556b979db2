"""Speech recognition by pocketsphinx, with the model in its wheel. Needs no download.

It is a fallback: English only, and reliable only for clear speech on known subjects. `bias` tells it what the
documents say, so it understands questions about them best. It holds the interpreter's lock while it works, so
it runs in worker processes (`worker.py`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from math import inf
from typing import Any

from ...core.audio import RATE, Pcm, Transcript
from ...core.errors import BadInput
from ...workers.in_workers import InWorkers
from ...workers.pool import Workers

PIECE_BYTES = 2 * RATE // 10
"""Sound decoded at a time, 100 ms: also how often words can appear."""
MAX_WAITING_PIECES = 600
"""A minute's worth, which an utterance may collect while every process is busy."""


class PocketsphinxStt(InWorkers):
    """Implements `ports.Stt`; enter it before use.

    `workers` processes (default: one per core, at most 4) hear one utterance each, at some 0.3 of
    real time and 130 MB. `queue` more may wait, their audio kept; past that, `Busy`. With `idle`, a process
    is started for an utterance, which takes some 2 s, and ended after so many seconds without another.
    """

    name = "pocketsphinx"
    early_words = False  # the first come after 1.2 s: it hears 0.8 s before it begins

    def __init__(self, workers: int | None = None, queue: int = 16, nice: int = 0, idle: float = inf) -> None:
        count = workers or min(4, os.cpu_count() or 1)
        listener = "nexus_voice.engines.pocketsphinx.worker:Listener"
        super().__init__(Workers(listener, count, name=self.name, queue=queue, nice=nice, idle=idle))

    async def bias(self, sentences: Sequence[str]) -> None:
        """Expect these sentences and questions about them, instead of those given before.

        Headings without a full stop make the best questions. Takes a second or so for a thousand
        sentences; utterances being heard go on, and one process at a time learns.
        """
        await self._workers.setup(list(sentences))

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        """Lower-case words without punctuation; "" when nothing was understood."""
        heard = self._workers.call("transcribe", pieces(audio), buffer=MAX_WAITING_PIECES, parse=transcript)
        async with aclosing(heard) as transcripts:
            async for one in transcripts:
                yield one


def transcript(result: Any) -> Transcript:
    match result:
        case [str(text), bool(final)]:
            return Transcript(text, final)
    raise ValueError("no transcript")


async def pieces(audio: AsyncIterator[Pcm]) -> AsyncGenerator[bytes]:
    """The audio in pieces of 100 ms, the last one shorter."""
    held = bytearray()
    async for pcm in audio:
        if pcm.rate != RATE:
            raise BadInput(f"Speech recognition needs {RATE} Hz audio, not {pcm.rate} Hz")
        held += pcm.data
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)
