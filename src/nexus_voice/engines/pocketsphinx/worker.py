"""Two pocketsphinx decoders side by side, for a worker process; `stt_pocketsphinx.py` is the host's side.

One knows general English, the other the words of the documents and everyday phrases. Off its domain
the latter is confident nonsense, so both listen and the better score wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, log
from typing import Any, Self

import pocketsphinx

from ...workers.worker import Emit
from .model import LEVEL, OPTIONS, learn
from .phrases import ALONE

PRIME = round(0.8 * 2 * 16_000)
"""Bytes of audio that give the first cepstral mean: levels and microphones differ, and the decoders
take seconds to adapt by themselves."""
MARGIN = 0.1
"""Nats per frame by which the general decoder must be better to be believed."""
DEFAULT_MEAN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
"""pocketsphinx's cmninit."""
GIVEN, KEPT = 500, 30
"""Weights of the default mean, in frames: CMN_WIN in pocketsphinx's cmn.h, and ours."""
SCORE_SCALE = 1024
"""pocketsphinx shifts scores by SENSCR_SHIFT (10) before it exponentiates them."""
LONGEST_WORD = 100
"""Frames of 10 ms: what is taken for a longer word is a hum, a tone or a hiss."""
SHORT = 5
"""Letters below which a lone word must be one that people say alone."""
FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
VARIANT = re.compile(r"\(\d+\)$")
GENERAL = OPTIONS | {"maxhmmpf": 3000}
"""Fewer hypotheses at a time than usual: half the work, nearly the same words."""


class Listener:
    def __init__(self) -> None:
        self._general = pocketsphinx.Decoder(**GENERAL)
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
    """One utterance in both decoders. The one that knows what to expect is believed in doubt."""

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
            if len(self._early) < PRIME:
                return
            pcm = self._start()
        for decoder in self._decoders:
            decoder.process_raw(pcm)

    def agreed(self) -> str:
        """What two looks in a row agree on: the tail of a hypothesis still changes."""
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
        better = general.score > expected.score + MARGIN and (expected.words or len(general.words) > 1)
        said = general.words if better else expected.words
        # Coughs and clicks sound like "that" or "ack"; nobody says only that.
        return "" if len(said) == 1 and len(said[0]) < SHORT and said[0] not in ALONE else " ".join(said)


def cepstral_mean(decoder: pocketsphinx.Decoder, pcm: bytes) -> str:
    """Mean cepstrum of `pcm`, as `set_cmn` takes it.

    pocketsphinx only moves a mean that is given, which counts as much as `GIVEN` frames: too
    much for less than a second of audio. Here it counts as much as `KEPT` frames.
    """
    search = decoder.current_search()
    decoder.activate_search(LEVEL)
    decoder.set_cmn(DEFAULT_MEAN)
    decoder.start_utt()
    decoder.process_raw(pcm)
    decoder.end_utt()
    decoder.activate_search(search)
    frames = decoder.n_frames()
    moved, default = (map(float, mean.split(",")) for mean in (decoder.get_cmn(True), DEFAULT_MEAN))
    return ",".join(
        str((new * (GIVEN + frames) - old * (GIVEN - KEPT)) / (frames + KEPT))
        for new, old in zip(moved, default, strict=True)
    )


class Hypothesis:
    """What a decoder makes of the audio so far. `score` is its log likelihood per frame, in nats."""

    def __init__(self, decoder: pocketsphinx.Decoder) -> None:
        best = decoder.hyp()
        heard = best is not None and best.score > 0
        self.score = log(best.score) * SCORE_SCALE / decoder.n_frames() if heard else -inf
        self.words = [
            VARIANT.sub("", segment.word)
            for segment in (decoder.seg() if heard else ())
            if not FILLER.fullmatch(segment.word) and segment.end_frame - segment.start_frame < LONGEST_WORD
        ]
