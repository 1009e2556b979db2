"""Two pocketsphinx decoders side by side, in the worker process of `stt.py`.

One knows general English, the other the words of the documents and everyday phrases. The latter gives
confident nonsense for anything else, so both decode and the better score wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, log
from typing import Any, Self

import pocketsphinx

from ...workers.worker import Emit
from .model import DECODER_OPTIONS, LEVEL_SEARCH, learn
from .phrases import LONE_WORDS

PRIMING_BYTES = round(0.8 * 2 * 16_000)
"""Audio (0.8 s) from which the first cepstral mean is taken: levels and microphones differ, and the decoders
by themselves take seconds to adapt."""
GENERAL_MARGIN = 0.1
"""The general decoder must be better by so many nats per frame to be believed."""
DEFAULT_MEAN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
"""pocketsphinx's cmninit."""
LIBRARY_MEAN_FRAMES, OUR_MEAN_FRAMES = 500, 30
"""Weight of the default mean in frames, in the library (CMN_WIN in cmn.h) and as we want it."""
SCORE_SCALE = 1024
"""pocketsphinx shifts scores by SENSCR_SHIFT (10) before it exponentiates them."""
MAX_WORD_FRAMES = 100
"""Frames of 10 ms. A longer word is a hum, a tone or a hiss."""
MIN_LONE_WORD_LETTERS = 5
"""A shorter word alone is believed only if people do say it alone."""
FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
VARIANT_NUMBER = re.compile(r"\(\d+\)$")
GENERAL_OPTIONS = DECODER_OPTIONS | {"maxhmmpf": 3000}
"""With fewer hypotheses at a time than usual: half the work for nearly the same words."""


class Listener:
    def __init__(self) -> None:
        self._general = pocketsphinx.Decoder(**GENERAL_OPTIONS)
        self._domain = learn(self._general, [])

    def setup(self, items: Iterator[Any], emit: Emit) -> None:
        """One list of sentences, which replace the domain."""
        self._domain = learn(self._general, next(items))

    def transcribe(self, items: Iterator[Any], emit: Emit) -> None:
        """PCM16 at 16 kHz in any pieces -> (text so far, False) when it changes, then (text, True)."""
        with Utterance(self._domain, self._general) as utterance:
            said = ""
            for pcm in items:
                utterance.hear(pcm)
                if (text := utterance.agreed()) != said:
                    said = text
                    emit((said, False))
            emit((utterance.final(), True))


class Utterance:
    """One utterance in both decoders. In doubt the domain's is believed."""

    def __init__(self, expected: pocketsphinx.Decoder, general: pocketsphinx.Decoder) -> None:
        self._decoders = (expected, general)
        self._early = b""
        self._started = False
        self._last: list[str] = []
        self._agreed: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._end()

    def hear(self, pcm: bytes) -> None:
        if not self._started:
            self._early += pcm
            if len(self._early) < PRIMING_BYTES:
                return
            pcm = self._start()
        for decoder in self._decoders:
            decoder.process_raw(pcm)

    def agreed(self) -> str:
        """The words on which two looks in a row agree, since the end of a hypothesis still changes."""
        if self._started:
            now = self._best().split()
            same = 0
            while same < min(len(now), len(self._last)) and now[same] == self._last[same]:
                same += 1
            self._agreed, self._last = now[:same], now
        return " ".join(self._agreed)

    def final(self) -> str:
        if not self._started and self._early:
            pcm = self._start()
            for decoder in self._decoders:
                decoder.process_raw(pcm)
        if not self._started:
            return ""  # an empty utterance makes pocketsphinx raise IndexError
        self._end()
        return self._best()

    def _start(self) -> bytes:
        mean = cepstral_mean(self._decoders[0], self._early)
        for decoder in self._decoders:
            decoder.set_cmn(mean)
            decoder.start_utt()
        self._started = True
        pcm, self._early = self._early, b""
        return pcm

    def _end(self) -> None:
        self._started = False
        for decoder in self._decoders:
            decoder.end_utt()

    def _best(self) -> str:
        expected, general = (Hypothesis(decoder) for decoder in self._decoders)
        better = general.score > expected.score + GENERAL_MARGIN and (
            expected.words or len(general.words) > 1
        )
        said = general.words if better else expected.words
        # Coughs and clicks sound like "that" or "ack", which nobody says alone.
        return (
            ""
            if len(said) == 1 and len(said[0]) < MIN_LONE_WORD_LETTERS and said[0] not in LONE_WORDS
            else " ".join(said)
        )


def cepstral_mean(decoder: pocketsphinx.Decoder, pcm: bytes) -> str:
    """Mean cepstrum of `pcm`, as `set_cmn` takes it.

    pocketsphinx can only move a given mean, which weighs as much as `LIBRARY_MEAN_FRAMES` frames. That is too
    much for less than a second of audio, so it is made to weigh `OUR_MEAN_FRAMES`.
    """
    search = decoder.current_search()
    decoder.activate_search(LEVEL_SEARCH)
    decoder.set_cmn(DEFAULT_MEAN)
    decoder.start_utt()
    decoder.process_raw(pcm)
    decoder.end_utt()
    decoder.activate_search(search)
    frames = decoder.n_frames()
    moved, default = (map(float, mean.split(",")) for mean in (decoder.get_cmn(True), DEFAULT_MEAN))
    return ",".join(
        str(
            (new * (LIBRARY_MEAN_FRAMES + frames) - old * (LIBRARY_MEAN_FRAMES - OUR_MEAN_FRAMES))
            / (frames + OUR_MEAN_FRAMES)
        )
        for new, old in zip(moved, default, strict=True)
    )


class Hypothesis:
    """A decoder's words for the audio so far. `score` is their log likelihood per frame, in nats."""

    def __init__(self, decoder: pocketsphinx.Decoder) -> None:
        best = decoder.hyp()
        heard = best is not None and best.score > 0
        self.score = log(best.score) * SCORE_SCALE / decoder.n_frames() if heard else -inf
        self.words = [
            VARIANT_NUMBER.sub("", segment.word)
            for segment in (decoder.seg() if heard else ())
            if not FILLER.fullmatch(segment.word)
            and segment.end_frame - segment.start_frame < MAX_WORD_FRAMES
        ]
