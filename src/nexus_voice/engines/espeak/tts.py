"""espeak-ng: a small formant synthesiser for a hundred languages. It needs no model and no network.

The library is GPL and not thread-safe, so it lives in a process of its own (`espeak.py`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from ...core.audio import Mark, Pcm, Voice
from ...core.errors import BadInput
from ...workers.pool import Workers

RATE = 22_050
"""Hz, espeak-ng's own rate."""
MAX_TEXT = 2_000
"""Characters of one sentence."""
WAITING_CHUNKS = 8_000
"""Audio of the longest text: the process is free again once it is done, however slowly it is played."""


class EspeakTts:
    """Implements `ports.Tts`; enter it before use.

    Voices are espeak-ng's, such as "en-us", "de" or, with a variant, "en-us+f3"; `voice` is the one
    for a `Voice` without a name. Of the American ones tried, "+f2" is understood best (by pocketsphinx).
    """

    name = "espeak-ng"

    def __init__(self, voice: str = "en-us+f2", workers: int = 1, queue: int = 256) -> None:
        self._voice = voice
        self._workers = Workers(
            "nexus_voice.engines.espeak.worker:Espeak", workers, name=self.name, queue=queue
        )

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._workers.__aexit__(kind, error, trace)

    async def ready(self) -> None:
        await self._workers.ready()

    async def voices(self) -> list[str]:
        """Names for `Voice.name`, and variants, which begin with "+" and may follow any of them."""
        async with aclosing(self._workers.call("voices", once(None))) as names:
            return [name async for name in names]

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm | Mark]:
        """Audio at 22,050 Hz in pieces of at most 60 ms; a mark before each word and one at the end.

        Raises `BadInput` for a voice that does not exist and for more than 2,000 characters.
        """
        if len(sentence) > MAX_TEXT:
            raise BadInput(
                f"A sentence to speak may have at most {MAX_TEXT} characters", code="text_too_long"
            )
        if not sentence.strip():
            return
        order = {
            "text": sentence.encode("utf-8", "replace").decode(),  # a lone surrogate cannot be sent
            "voice": voice.name,
            "usual": self._voice,
            "language": voice.language,
            "rate": voice.rate,
            "pitch": voice.pitch,
        }
        async with aclosing(self._workers.call("speak", once(order), buffer=WAITING_CHUNKS)) as pieces:
            async for piece in pieces:
                yield Pcm(piece, RATE) if isinstance(piece, bytes) else Mark(*piece)


async def once(item: Any) -> AsyncGenerator[Any]:
    yield item
