"""Decides whether somebody who is heard while the assistant speaks wants the floor.

A cough, a hum, an "mm-hm" and the assistant's own echo do not. Three things count: how likely the sound is
the user's own speech (`overlap.py`), how long it has gone on (`endpointing.py`), and which words it has
(`text/turn_taking.py`). Sound is known first, so it pauses the assistant. Words come later and tell more, so
they decide. Sound that has no words in time takes the floor only if it is speech that goes on and on.
"""

from __future__ import annotations

from ...core.audio import RATE
from ...ports import Overlap
from ...text.turn_taking import beside_echo, is_backchannel, is_echo, words
from ..floor import Floor
from ..session import Session
from .endpointing import STABLE_PAUSE_S, Endpoint, samples
from .events import Claimed, Dismissed, Sustained

MIN_OWN_SPEECH = 0.5
"""Likelihood from which sound over the assistant's voice counts as the user's own speech."""
MIN_LIKELY_SPEECH = 0.1
"""Likelihood from which it is worth a pause. Soft voices begin so; hums, knocks and echo stay below."""
MAX_UNCERTAIN_S = 0.9
"""Sound that becomes the user's own speech only after so long was the assistant's echo before."""
MAX_WORDS_DELAY_S = 1.0
"""Words that come so long after the user's own speech are believed to be the user's."""
MAX_UNSURE_PAUSE_S = 1.2
"""How long a reply is paused at most for a short sound whose words the recogniser looks at again."""
MAX_PAUSE_S = 2.5
"""How long a reply is paused at most, while speech goes on whose words should have come early and do not."""


class BargeIn:
    """Judges one utterance, heard since `began` (anyio clock). Each of its findings is returned once."""

    def __init__(
        self, session: Session, floor: Floor, overlap: Overlap, endpoint: Endpoint, began: float
    ) -> None:
        self._session, self._floor, self._overlap, self._endpoint = session, floor, overlap, endpoint
        self.began = began
        self._over_answer = floor.held_at(began)
        """Whether the assistant could be heard when it began."""
        self.over_echo = False
        """Whether the assistant's echo was heard first, and then the user's own speech."""
        self._own_at: float | None = None
        """When it last sounded like the user's own speech."""
        self._judged = self._likely = False
        """Whether its sound was judged, and whether it may have been the user's speech at any time."""
        self._let_go = False
        """Whether the assistant was told that it need not keep its voice down."""
        self._paused = 0
        """The turn that was paused because of this utterance."""
        self._asking = False
        """Whether that turn still waits to learn what the utterance is."""
        self._before = ""
        """The words that were known when it paused."""
        self._claimed = False

    def judge(self, text: str, now: float, *, sure: bool = True) -> Sustained | Claimed | Dismissed | None:
        """What follows from the words so far, `text`, and the sound up to `now`.

        Words of which the recogniser is not `sure` decide nothing yet.
        """
        tuning, floor = self._session.tuning, self._floor
        if self._claimed or not floor.taken:
            return None
        if self._asking:
            if not sure:
                return None
            if self._wants_floor(text):
                return self._claim()
            known = text != self._before and self._endpoint.silent >= samples(STABLE_PAUSE_S)
            return self._dismiss() if known else None
        old = self._over_answer and now - self.began > MAX_UNCERTAIN_S
        wanted = sure and self._wants_floor(text)
        brief = not self._judged and self._endpoint.silent >= samples(STABLE_PAUSE_S)
        likelihood = self._own_speech(0.0 if wanted or brief else tuning.interrupt, now)
        least = MIN_OWN_SPEECH if old else MIN_LIKELY_SPEECH
        self._likely = self._likely or likelihood >= least
        if likelihood >= (least if floor.can_pause else MIN_OWN_SPEECH):
            if old and self._own_at is None:
                self.over_echo, text, wanted = True, "", False
            self._own_at = now
            if floor.can_pause and not self._paused and not wanted:
                self._paused, self._asking, self._before = floor.turn, True, text
                return Sustained()
            if likelihood >= MIN_OWN_SPEECH and not text and self._goes_on():
                return self._claim()
        if self._own_at is None:
            if not self._let_go and now - self.began >= tuning.decide:
                self._let_go = True
                return Dismissed()
        elif wanted and now - self._own_at <= MAX_WORDS_DELAY_S:
            return self._claim()
        return None

    def conclude(
        self, text: str, now: float, waited: float, *, sure: bool = True
    ) -> Claimed | Dismissed | None:
        """After a pause of `waited` seconds: what follows from the words that came, and from the sound.

        None: the speech still goes on, and its words cannot be far; or they are being looked at again.
        """
        if not self._asking or self._floor.turn != self._paused:
            self._asking = False
            return None
        if text and not sure and self._endpoint.gap and waited < MAX_UNSURE_PAUSE_S:
            return None
        if self._wants_floor(text):
            return self._claim()
        if text != self._before or self._own_speech(self._session.tuning.interrupt, now) < MIN_OWN_SPEECH:
            return self._dismiss()
        if self._session.engines.stt.early_words:
            return self._claim() if waited >= MAX_PAUSE_S else None
        return self._claim() if self._goes_on() else self._dismiss()

    def is_aside(self, text: str) -> bool:
        """Whether the finished utterance asks for no reply. While nobody speaks, "yes" is an answer."""
        if not words(text):
            return True
        if not self._over_answer:
            return False
        if not self._likely:
            return self._judged or is_backchannel(text) or is_echo(text, self._floor.speaking)
        return not self._wants_floor(text)

    def _wants_floor(self, text: str) -> bool:
        """Whether the words are more than those of a listener, or of the assistant."""
        if self.over_echo:
            text = beside_echo(text, self._floor.speaking)
        return bool(words(text)) and not is_backchannel(text) and not is_echo(text, self._floor.speaking)

    @property
    def asking(self) -> bool:
        """Whether the assistant is silent until it is clear what this utterance is."""
        return self._asking

    def _claim(self) -> Claimed:
        self._claimed, self._asking = True, False
        return Claimed()

    def _dismiss(self) -> Dismissed:
        self._asking = False
        return Dismissed()

    def _goes_on(self) -> bool:
        """Whether speech has gone on for so long that it is meant, whatever its words."""
        tuning, early = self._session.tuning, self._session.engines.stt.early_words
        if self._floor.can_pause and early:
            return self._endpoint.sustained >= samples(MAX_PAUSE_S)
        enough = tuning.interrupt_late if self._floor.can_pause or early else tuning.interrupt
        return self._endpoint.sustained >= samples(enough)

    def _own_speech(self, seconds: float, now: float) -> float:
        """How likely the sound is the user's own speech, 0..1; 0 when it has not gone on for so long."""
        onset = self._endpoint.onset
        if onset is None or self._endpoint.sustained < samples(seconds):
            return 0.0
        self._judged = True
        return self._overlap.speech(now - (self._endpoint.position - onset) / RATE)
