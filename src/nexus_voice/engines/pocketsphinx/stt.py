"""pocketsphinx: speech recognition with a model that its wheel brings along. Needs no download.

A fallback: English only, and right about clear speech on known subjects. It is told what the documents say
(`bias`), which makes questions about them its best subject. It holds the interpreter's lock while
it works, so it lives in worker processes (`pocketsphinx_decoder.py`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self

from ...core.audio import RATE, Pcm, Transcript
from ...core.errors import BadInput
from ...workers.pool import Workers

PIECE = 2 * RATE // 10
"""Bytes decoded at a time, 100 ms: also how often words can appear."""
LONGEST_WAIT = 600
"""Pieces, a minute's worth, that an utterance may collect while every process is busy."""


class PocketsphinxStt:
    """Implements `ports.Stt`; enter it before use.

    `workers` processes (default: one per core, at most 4) hear one utterance each, at some 0.3 of
    real time and 130 MB. `queue` more may wait, their audio kept; past that, `Busy`.
    """

    name = "pocketsphinx"
    early_words = False  # the first come after 1.2 s: it hears 0.8 s before it begins

    def __init__(self, workers: int | None = None, queue: int = 16, nice: int = 0) -> None:
        count = workers or min(4, os.cpu_count() or 1)
        listener = "nexus_voice.engines.pocketsphinx.worker:Listener"
        self._workers = Workers(listener, count, name=self.name, queue=queue, nice=nice)

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._workers.__aexit__(kind, error, trace)

    async def ready(self) -> None:
        await self._workers.ready()

    async def bias(self, sentences: Sequence[str]) -> None:
        """Expect these sentences and questions about them, instead of the ones given before.

        Headings without a full stop make the best questions. Takes a second or so for a thousand
        sentences; utterances being heard go on, and one process at a time learns.
        """
        await self._workers.setup(list(sentences))

    async def transcribe(self, audio: AsyncIterator[Pcm]) -> AsyncGenerator[Transcript]:
        """Lower-case words without punctuation; "" when nothing was understood."""
        async with aclosing(
            self._workers.call("transcribe", pieces(audio), buffer=LONGEST_WAIT)
        ) as transcripts:
            async for text, final in transcripts:
                yield Transcript(text, final)


async def pieces(audio: AsyncIterator[Pcm]) -> AsyncGenerator[bytes]:
    """The audio in pieces of 100 ms, the last one shorter."""
    held = bytearray()
    async for pcm in audio:
        if pcm.rate != RATE:
            raise BadInput(f"Speech recognition needs {RATE} Hz audio, not {pcm.rate} Hz")
        held += pcm.data
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)
