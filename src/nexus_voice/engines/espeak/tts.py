"""Text to speech by espeak-ng: a small formant synthesiser for a hundred languages, without model or network.

The library is under the GPL and not thread-safe, so it runs in a worker process (`worker.py`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from ...core.audio import Mark, Pcm, Voice
from ...workers.in_workers import InWorkers
from ...workers.pool import Workers
from ...workers.process import given
from ..voice_orders import MAX_WAITING_CHUNKS, sound, speaking_order

RATE = 22_050
"""Hz, espeak-ng's own rate."""


class EspeakTts(InWorkers):
    """Implements `ports.Tts`; enter it before use.

    Voices have espeak-ng's names, such as "en-us", "de" or, with a variant, "en-us+f3". `voice` is used for
    a `Voice` without a name. Of the American ones tried, pocketsphinx understood "+f2" best.
    """

    name = "espeak-ng"

    def __init__(self, voice: str = "en-us+f2", workers: int = 1, queue: int = 256) -> None:
        worker = "nexus_voice.engines.espeak.worker:Espeak"
        super().__init__(Workers(worker, workers, name=self.name, queue=queue))
        self._voice = voice

    async def voices(self) -> list[str]:
        """Names for `Voice.name`, and variants, which begin with "+" and may follow any of them."""
        async with aclosing(self._workers.call("voices", given(None))) as names:
            return [name async for name in names]

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm | Mark]:
        """Audio at 22,050 Hz in pieces of at most 60 ms; a mark before each word and one at the end.

        Raises `BadInput` for a voice that does not exist and for more than 2,000 characters.
        """
        order = speaking_order(sentence, voice, voice=voice.name, usual=self._voice, language=voice.language)
        if order is None:
            return
        spoken = self._workers.call("speak", given(order), buffer=MAX_WAITING_CHUNKS, parse=sound_or_mark)
        async with aclosing(spoken) as pieces:
            async for piece in pieces:
                yield piece


def sound_or_mark(piece: Any) -> Pcm | Mark:
    match piece:
        case [int() | float() as seconds, int(characters)]:
            return Mark(seconds, characters)
    return Pcm(sound(piece), RATE)
