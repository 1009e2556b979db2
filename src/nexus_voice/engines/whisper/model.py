"""Decodes one window of audio with faster-whisper: whether it is speech, its language, and its words.

Whisper was trained on windows of 30 s, filled up with silence. Encoding 10 s takes a fifth of the time and is
as good for shorter speech if they are filled up with faint noise; below 8 s Whisper loses numbers and says
sentences twice. Where the result is doubtful, the whole 30 s are decoded after all. Results that cannot have
been said are dropped (`hallucinations.py`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.audio import RATE
from ...core.errors import EngineError
from ..vad_windows import floats
from .agreement import units
from .hallucinations import believable, ends_twice, unlooped
from .loading import load

SPEECH_MARGIN = round(0.3 * RATE)
"""Samples before and after the speech that are decoded with it."""
SPEECH_DETECTION = {
    "threshold": 0.25,
    "neg_threshold": 0.15,
    "min_silence_duration_ms": 300,
    "speech_pad_ms": 0,
}
"""Options of Silero. The thresholds are lower than its usual 0.5, so that nothing is left out that might be
speech."""
MIN_WINDOW_S, ROOM_S, WHOLE_WINDOW_S = 10.0, 1.0, 30.0
"""What is encoded is at least so long, at least so much longer than the speech, at most the whole window."""
HISS_DBFS = -60.0
"""Level of the noise that fills a window up."""
MIN_LOG_PROBABILITY, MAX_COMPRESSION = -0.7, 2.0
"""Mean log-probability of a token and compression ratio beyond which a short window's text is doubted. The
limits for the whole window are Whisper's own (Radford et al., 2022, 4.5)."""
TEMPERATURES = (0.0, 0.4, 0.8)
"""Tried one after the other while a whole window's text is improbable or repetitive."""
MIN_LANGUAGE_S, MIN_LANGUAGE_CERTAINTY = 2.0, 0.8
"""Seconds of speech, and probability, from which on a detected language is believed: a second of English was
taken for Japanese with 0.95."""
BASE_TOKENS, TOKENS_PER_S, SHORT_SPEECH_S = 24, 16, 12.0
"""Speech shorter than `SHORT_SPEECH_S` may take so many tokens, and so many more per second, so that a
runaway decoder stops soon."""

Floats = NDArray[np.float32]


class WhisperDecoder:
    """A loaded, warm model. One call at a time."""

    def __init__(
        self, path: str, device: str, compute: str, language: str, threads: int, beam: int, sharers: int
    ) -> None:
        """Raises `EngineError`: what `load` does, and `unsupported_language`."""
        self._model = load(Path(path), device, compute, threads, sharers)
        if language and language not in self._model.supported_languages:
            raise EngineError(
                f"The speech model {Path(path).name} does not know the language {language!r}; "
                "choose a multilingual one.",
                code="unsupported_language",
            )
        self._options = self._library_options(beam)
        noise = np.random.default_rng(0).normal(0, 10 ** (HISS_DBFS / 20), round(WHOLE_WINDOW_S * RATE))
        self._hiss = noise.astype(np.float32)
        self.measured()  # the first is slower

    @property
    def running(self) -> str:
        """Such as "cpu (int8_float32)"."""
        return f"{self._model.model.device} ({self._model.model.compute_type})"

    def _library_options(self, beam: int) -> Any:
        """faster-whisper's defaults with our options."""
        _, info = self._model.transcribe(
            np.zeros(RATE // 10, np.float32),
            language="en",
            beam_size=beam,
            best_of=1,
            condition_on_previous_text=False,
            without_timestamps=True,  # one pass a window, never a second one over its rest
        )
        return info.transcription_options

    def measured(self) -> float:
        """How long it takes now to decode a second of sound, in seconds."""
        began = time.perf_counter()
        self._recognise(np.zeros(RATE, np.float32), "en", "", "", final=False)
        return time.perf_counter() - began

    def decode(self, pcm: bytes, language: str, expected: str, before: str, final: bool) -> dict[str, Any]:
        """PCM16 at 16 kHz, up to 30 s -> the fields of `utterance.Decoded` that have a value.

        `language` is that of the speech; where it is empty it is detected, and `expected` is kept to
        while that is unsure. A `final` text is decoded from the whole 30 s where the short window's is
        doubtful, and its words have times. `before` is the text that came before; only a final uses it.
        """
        from faster_whisper.vad import get_speech_timestamps

        x = floats(pcm)
        spans = get_speech_timestamps(x, **SPEECH_DETECTION) if len(x) else []
        if not spans:
            return {}
        first, last = spans[0]["start"], spans[-1]["end"]
        begin = max(0, first - SPEECH_MARGIN)
        voiced = np.concatenate([x[span["start"] : span["end"]] for span in spans])
        x, seconds = x[begin : last + SPEECH_MARGIN], len(voiced) / RATE
        known = language if self._model.model.is_multilingual else "en"
        if expected not in self._model.supported_languages:  # another recogniser may know more
            expected = ""
        enough = seconds >= MIN_LANGUAGE_S
        result = self._recognise(
            x, known or ("" if enough else expected), expected, before if final else "", final
        )
        segment = result.segment
        found = {
            "language": result.language,
            "certain": bool(known) or (enough and result.certainty >= MIN_LANGUAGE_CERTAINTY),
            "speech": (first / RATE, last / RATE),
            "doubtful": result.doubtful or bool(before and not final),
        }
        if segment is None:
            return found
        text = "".join(unlooped(units(segment.text), str, seconds))
        level = float(10 * np.log10(np.square(voiced).mean() + 1e-12))
        if not believable(text, voiced=seconds, level=level, no_speech=segment.no_speech_prob):
            return found
        words = unlooped(segment.words or [], lambda word: word.word, seconds)
        offset = begin / RATE
        return found | {
            "text": text,
            "words": [(word.word, offset + float(word.start), offset + float(word.end)) for word in words],
        }

    def _recognise(self, x: Floats, language: str, expected: str, before: str, final: bool) -> Result:
        """Decode a short window, and for a final the whole one where that is better.

        After `before` it is: given text and a short window, Whisper repeats itself.
        """
        if not before:
            window = max(MIN_WINDOW_S, len(x) / RATE + ROOM_S)
            result = self._decode(x, window, language, expected, words=final)
            unsure = not expected and result.certainty < MIN_LANGUAGE_CERTAINTY
            result.doubtful = unsure or doubtful(result.segment)
            if not (final and result.doubtful):
                return result
        return self._decode(x, WHOLE_WINDOW_S, language, expected, before, words=final)

    def _decode(
        self, x: Floats, window: float, language: str, expected: str, before: str = "", *, words: bool
    ) -> Result:
        """Decode `x` in a `window` of so many seconds; the encoder runs once for language, text and times."""
        from faster_whisper.tokenizer import Tokenizer

        model, certainty = self._model, 1.0
        size = min(round(window * RATE), len(self._hiss))
        features = model.feature_extractor(np.append(x, self._hiss[len(x) : size])[:size])
        encoded = model.encode(features[..., :-1])
        if not language:
            (token, certainty), *_ = model.model.detect_language(encoded)[0]
            unsure = expected and certainty < MIN_LANGUAGE_CERTAINTY
            language = expected if unsure else token.strip("<|>")
        short = len(x) < SHORT_SPEECH_S * RATE
        options = replace(
            self._options,
            temperatures=TEMPERATURES if window == WHOLE_WINDOW_S else TEMPERATURES[:1],
            initial_prompt=before or None,
            word_timestamps=words,
            max_new_tokens=BASE_TOKENS + round(TOKENS_PER_S * len(x) / RATE) if short else None,
        )
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, "transcribe", language)
        said = features[..., : len(x) // model.feature_extractor.hop_length + 1]
        segments = model.generate_segments(said, tokenizer, options, False, encoded)
        return Result(next(iter(segments), None), language, certainty)


@dataclass(slots=True)
class Result:
    """What Whisper made of some speech."""

    segment: Any
    """faster-whisper's; None where there is no text."""
    language: str
    certainty: float
    """Probability of the language that was detected, 0..1."""
    doubtful: bool = False


def doubtful(segment: Any) -> bool:
    """Whether a look at the whole window may find something better."""
    return (
        segment is None
        or segment.avg_logprob < MIN_LOG_PROBABILITY
        or segment.compression_ratio > MAX_COMPRESSION
        or ends_twice(units(segment.text))
    )
