"""Decodes one window of audio with faster-whisper: whether it is speech, its language, and its words.

Results that cannot have been said are dropped (`hallucinations.py`).
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.audio import RATE
from ...core.errors import EngineError
from ..vad_windows import floats
from .hallucinations import believable, unlooped
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
TEMPERATURES = (0.0, 0.4, 0.8)
"""Tried one after the other while a result is improbable or repetitive."""
MIN_LOG_PROBABILITY, MAX_COMPRESSION = -1.0, 2.4
"""Mean log-probability of a token and compression ratio: Whisper's own limits (Radford et al., 2022, 4.5)."""
BASE_TOKENS, TOKENS_PER_S, SHORT_WINDOW_S = 24, 16, 12.0
"""A window shorter than `SHORT_WINDOW_S` may take so many tokens, and so many more per second, so that a
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
        self.seconds = self._warmed_up()
        """How long a short window takes, in seconds."""

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
            word_timestamps=True,  # a few percent on top of encoder and decoder
            compression_ratio_threshold=MAX_COMPRESSION,
            log_prob_threshold=MIN_LOG_PROBABILITY,
        )
        return info.transcription_options

    def _warmed_up(self) -> float:
        """Decode a second of silence twice, and return how long the second time took."""
        took = 0.0
        for _ in range(2):
            began = time.perf_counter()
            self._recognise(np.zeros(RATE, np.float32), "", "", careful=False)
            took = time.perf_counter() - began
        return took

    def decode(self, pcm: bytes, language: str, before: str, careful: bool) -> dict[str, Any]:
        """PCM16 at 16 kHz, up to 30 s -> the fields of `utterance.Decoded` that have a value.

        `language` may be empty; `before` is the text that came before. `careful` tries again where
        the first result is doubtful.
        """
        from faster_whisper.vad import get_speech_timestamps

        x = floats(pcm)
        spans = get_speech_timestamps(x, **SPEECH_DETECTION) if len(x) else []
        if not spans:
            return {}
        first, last = spans[0]["start"], spans[-1]["end"]
        begin = max(0, first - SPEECH_MARGIN)
        segment, language, certainty = self._recognise(
            x[begin : last + SPEECH_MARGIN], language, before, careful
        )
        found = {"language": language, "certainty": certainty, "speech": (first / RATE, last / RATE)}
        if segment is None:
            return found
        voiced = np.concatenate([x[span["start"] : span["end"]] for span in spans])
        words = unlooped(segment.words or [], lambda word: word.word)
        text = "".join(word.word for word in words)
        level = 10 * np.log10(np.square(voiced).mean() + 1e-12)
        seconds = len(voiced) / RATE
        if not believable(text, voiced=seconds, level=float(level), no_speech=segment.no_speech_prob):
            return found
        offset = begin / RATE
        return found | {
            "text": text,
            "words": [(word.word, offset + float(word.start), offset + float(word.end)) for word in words],
            "sound": segment.avg_logprob > MIN_LOG_PROBABILITY
            and segment.compression_ratio < MAX_COMPRESSION,
        }

    def _recognise(self, x: Floats, language: str, before: str, careful: bool) -> tuple[Any, str, float]:
        """(segment or None, language, its probability); the encoder runs once for all of them."""
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.tokenizer import Tokenizer

        model, seconds = self._model, len(x) / RATE
        features = model.feature_extractor(x)
        encoded = model.encode(pad_or_trim(features[..., :-1]))
        certainty = 1.0
        multilingual = model.model.is_multilingual
        if not language and multilingual:
            (token, certainty), *_ = model.model.detect_language(encoded)[0]
            language = token.strip("<|>")
        options = replace(
            self._options,
            temperatures=TEMPERATURES if careful else TEMPERATURES[:1],
            initial_prompt=before or None,
            max_new_tokens=BASE_TOKENS + round(TOKENS_PER_S * seconds) if seconds < SHORT_WINDOW_S else None,
        )
        tokenizer = Tokenizer(model.hf_tokenizer, multilingual, "transcribe", language or "en")
        segments = model.generate_segments(features, tokenizer, options, False, encoded)
        return next(iter(segments), None), language or "en", certainty
