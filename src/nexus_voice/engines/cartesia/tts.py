"""Cartesia's speech synthesis, Sonic: server-sent events with sound or with the times of words."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from typing import Any

from ...core.audio import Mark, Pcm, Voice
from ..http.audio import has_words
from ..http.client import RemoteEngine, RemoteHttp

RATE = 24_000
API_VERSION = "2026-03-01"
"""Every request must name it."""
MIN_SPEED, MAX_SPEED = 0.6, 1.5
"""The speeds that Sonic 3 takes."""
_WITHOUT_SPEED = ("sonic-2", "sonic-turbo", "sonic-english", "sonic-multilingual")
"""Models without `generation_config`."""
MAX_SKIPPED_LETTERS = 40
"""Letters that may be passed over in search of a word: the voice read them as something else."""
MIN_SEARCHED_LETTERS = 3
"""Letters of a word that is searched for; a shorter word is found everywhere."""


class CartesiaTts(RemoteEngine):
    """Implements `ports.Tts`; enter it before use.

    `voice` is a voice's id, as is `Voice.name`. Sonic 3 has a speed and no pitch. `first_audio`: the
    longest wait, in seconds, for the first and any further sound.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://api.cartesia.ai",
        model: str = "sonic-3",
        voice: str = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b",
        language: str = "en",
        first_audio: float = 10.0,
    ) -> None:
        api_key = api_key.strip()
        headers = {"Authorization": f"Bearer {api_key}", "Cartesia-Version": API_VERSION}
        self._http = RemoteHttp("tts", base_url, headers, setting="CARTESIA_API_KEY", secret=api_key)
        self._model, self._voice, self._language, self._within = model, voice, language, first_audio
        self.name = f"cartesia:{model}"

    async def ready(self) -> None:
        """Check that Cartesia answers, takes the key and has the voice; costs nothing."""
        await self._http.ask("GET", f"voices/{self._voice}", self._within)

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm | Mark]:
        """Audio at 24 kHz as it comes, with a mark after each word that is found in the sentence, and one at
        the end."""
        if not has_words(sentence):
            return
        marks, seconds, held, done = WordMarks(sentence), 0.0, b"", False
        order = self._order(sentence, voice)
        async with await self._http.open("POST", "tts/sse", self._within, json=order) as body:
            while not done and (event := await body.event()) is not None:
                data, found = b"", list[Mark]()
                with self._http.errors.reading(event):
                    match event["type"]:
                        case "done":
                            done = True
                        case "error":
                            raise self._http.errors.in_stream(event)
                        case "timestamps":
                            found = _marks(marks, event["word_timestamps"])
                        case "chunk":
                            data = base64.b64decode(event["data"], validate=True)
                for mark in found:
                    yield mark
                held += data
                if whole := len(held) - len(held) % 2:
                    pcm, held = Pcm(held[:whole], RATE), held[whole:]
                    seconds += pcm.seconds
                    yield pcm
        if not done:
            raise self._http.errors.broken()
        if not seconds:
            raise self._http.errors.malformed("no sound")
        yield Mark(seconds, len(sentence))

    def _order(self, sentence: str, voice: Voice) -> dict[str, Any]:
        order: dict[str, Any] = {
            "model_id": self._model,
            "transcript": sentence,
            "voice": {"mode": "id", "id": voice.name or self._voice},
            "language": voice.language or self._language,
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": RATE},
            "add_timestamps": True,
        }
        if voice.rate != 1.0 and not self._model.startswith(_WITHOUT_SPEED):
            order["generation_config"] = {"speed": min(max(voice.rate, MIN_SPEED), MAX_SPEED)}
        return order


def _marks(marks: WordMarks, times: dict[str, list[Any]]) -> list[Mark]:
    """The marks of one message with words and their times."""
    ends = zip(times["words"], times["end"], strict=True)
    return [mark for word, end in ends if (mark := marks.mark(word, float(end)))]


class WordMarks:
    """Turns a voice's word times into places in the sentence that the voice was given.

    It gets the words in order, however the voice splits, joins, punctuates or capitalises them: only letters
    and digits are compared. A word that is not found ("20" said as "twenty") gives no mark, and the next
    word that is found catches up.
    """

    def __init__(self, sentence: str) -> None:
        letters = [(letter, at + 1) for at, written in enumerate(sentence) for letter in _letters(written)]
        self._sentence = sentence
        self._text = "".join(letter for letter, _ in letters)
        self._ends = [end for _, end in letters]
        self._said = 0
        self._at = 0.0

    def mark(self, word: str, end: float) -> Mark | None:
        """The mark for `word`, which ends at `end` seconds. Marks never go backwards."""
        letters = "".join(_letters(word))
        if not letters or (found := self._find(letters)) < 0:
            return None
        self._said = found + len(letters)
        self._at = max(self._at, end)
        return Mark(self._at, self._with_punctuation(self._ends[self._said - 1]))

    def _find(self, letters: str) -> int:
        """Where `letters` come next; -1 if they are not near."""
        if self._text.startswith(letters, self._said) or len(letters) < MIN_SEARCHED_LETTERS:
            return self._text.find(letters, self._said, self._said + len(letters))
        return self._text.find(letters, self._said, self._said + MAX_SKIPPED_LETTERS + len(letters))

    def _with_punctuation(self, chars: int) -> int:
        """`chars` and the punctuation that follows."""
        rest = self._sentence[chars:]
        word = rest.split(maxsplit=1)[0] if rest and not rest[0].isspace() else ""
        return chars + len(word) if not any(_letters(word)) else chars


def _letters(text: str) -> list[str]:
    return [letter for letter in text.casefold() if letter.isalnum()]
