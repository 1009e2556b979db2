"""When does somebody speak, and when have they finished? A pure machine that counts samples.

It knows no clock: positions are samples since the session began. Speech is dated back to where the
loudness envelope says it was, because a detector notices late: a silence timer that starts when the
detector notices costs up to 100 ms a turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.audio import RATE, Voicing
from .events import Edge, FalseOnset, Onset, Pause, SpeechEnd
from .turn_end import NOTHING, Evidence, silence_to_wait

MIN_SPEECH_PROBABILITY = 0.5
"""From here on a window counts as speech; sensitivity is the detector's business."""
STABLE_PAUSE_S = 0.16
"""Silence after which the partial transcript is taken as stable."""
MIN_SPEECH_S = 0.09
"""Voice under which an onset was only a noise."""
MAX_GAP_S = 0.1
"""Silence that sustained speech may contain (stop consonants)."""
MAX_UTTERANCE_S = 60.0
"""An utterance is ended after this time, whether or not the speaker has finished."""


SILENCE = Voicing(0.0, 0, 0, 1)


def samples(seconds: float) -> int:
    return round(seconds * RATE)


class Endpoint:
    """Feed every frame in order; `silence` is the usual end-of-turn silence in seconds."""

    def __init__(self, silence: float) -> None:
        self.silence = silence
        self.position = 0
        """Samples received."""
        self.onset: int | None = None
        """Where the current utterance began; None while nobody speaks."""
        self.held = False
        """Push to talk: the button says when speech ends, not silence."""
        self._examined = 0
        self._before = SILENCE
        """The window before this one."""
        self._last_voiced = 0
        self._run_start = 0
        self._voiced = 0
        self._paused = False

    @property
    def sustained(self) -> int:
        """Samples for which speech has gone on without a gap, up to the latest window."""
        if self.onset is None or self._examined - self._last_voiced > samples(MAX_GAP_S):
            return 0
        return self._examined - self._run_start

    @property
    def paused(self) -> bool:
        """Somebody has spoken, and is silent for a moment."""
        return self.onset is not None and self._paused

    @property
    def gap(self) -> bool:
        """Somebody has spoken, and is silent for longer than within a word."""
        return self.onset is not None and self.silent >= samples(MAX_GAP_S)

    @property
    def last_voiced(self) -> int:
        """Where the latest voice ended."""
        return self._last_voiced

    @property
    def silent(self) -> int:
        """Samples since the latest voice."""
        return self.position - self._last_voiced

    def feed(self, count: int, windows: Sequence[Voicing], known: Evidence = NOTHING) -> list[Edge]:
        """`count` more samples arrived, which completed `windows`; `known` is said of the utterance."""
        self.position += count
        edges: list[Edge] = []
        for window in windows:
            start, self._examined = self._examined, self._examined + window.samples
            if window.probability >= MIN_SPEECH_PROBABILITY and window.lead + window.trail < window.samples:
                begin = start + window.lead
                if window.lead == 0 and self._before.trail == 0:
                    # The voice was there already when the detector was not yet sure.
                    begin -= self._before.samples - self._before.lead
                self._voice(begin, self._examined - window.trail, edges)
            self._before = window
        if self.onset is not None and not self.held:
            self._silence(known, edges)
        elif self.onset is not None and self.position - self.onset >= samples(MAX_UTTERANCE_S):
            edges.append(self.release())
        return edges

    def undecided(self, known: Evidence = NOTHING) -> int:
        """Samples until silence could next cause an edge; so many may be gathered before the next `feed`."""
        silent = self.position - self._last_voiced
        thresholds = [silence_to_wait(known, self.silence)]
        if not self._paused:
            thresholds.append(MAX_GAP_S if silent < samples(MAX_GAP_S) else STABLE_PAUSE_S)
        if self._voiced < samples(MIN_SPEECH_S):
            thresholds = [2 * MAX_GAP_S]
        return min(map(samples, thresholds)) - silent

    def press(self) -> None:
        """The talk button goes down: speech from here on, whatever the detector says."""
        self.held = True
        if self.onset is None:
            self._begin(self.position)

    def release(self) -> SpeechEnd:
        """The talk button goes up: the utterance is over."""
        self.held = False
        self.onset = None
        return SpeechEnd(max(self._last_voiced, self.position - samples(self.silence)))

    def reset(self, examined: bool = True) -> None:
        """Forget the current utterance; with `examined`, audio from here on starts new windows."""
        self.onset = None
        self.held = False
        if examined:
            self._examined = self.position

    def begin_at(self, at: int) -> None:
        """The utterance begins at `at`; what was heard before was not the speaker."""
        self.onset = self._run_start = at
        self._voiced = max(0, self._last_voiced - at)

    def _begin(self, at: int) -> None:
        self.onset = self._run_start = self._last_voiced = at
        self._voiced = 0
        self._paused = False

    def _voice(self, start: int, end: int, edges: list[Edge]) -> None:
        if self.onset is None:
            self._begin(start)
            edges.append(Onset(start))
        elif start - self._last_voiced > samples(MAX_GAP_S):
            self._run_start = start
        start = max(start, self._last_voiced)
        self._last_voiced = end
        self._voiced += end - start
        self._paused = False

    def _silence(self, known: Evidence, edges: list[Edge]) -> None:
        assert self.onset is not None
        silent = self.position - self._last_voiced
        if self._voiced < samples(MIN_SPEECH_S):
            if silent >= samples(2 * MAX_GAP_S):
                self.onset = None
                edges.append(FalseOnset())
        elif silent >= samples(silence_to_wait(known, self.silence)) or (
            self.position - self.onset >= samples(MAX_UTTERANCE_S)
        ):
            self.onset = None
            edges.append(SpeechEnd(self._last_voiced))
        elif silent >= samples(STABLE_PAUSE_S) and not self._paused:
            self._paused = True
            edges.append(Pause())
