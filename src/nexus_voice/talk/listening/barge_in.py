"""Decides whether somebody who is heard while the assistant speaks wants the floor.

A cough, a hum, an "mm-hm" and the assistant's own echo do not. Three things count: how likely the sound is
the user's own speech (`overlap.py`), how long it has gone on (`endpointing.py`), and which words it has
(`text/turn_taking.py`).
"""

from __future__ import annotations

from ...core.audio import RATE
from ...ports import Overlap
from ...text.turn_taking import interrupts
from ..floor import Floor
from ..session import Session
from .endpointing import Endpoint, samples

MIN_OWN_SPEECH = 0.5
"""Likelihood from which sound over the assistant's voice counts as the user's own speech."""


class BargeIn:
    """Judges what was heard up to `now` (anyio clock)."""

    def __init__(self, session: Session, floor: Floor, overlap: Overlap, endpoint: Endpoint) -> None:
        self._session, self._floor, self._overlap, self._endpoint = session, floor, overlap, endpoint

    def by_words(self, text: str, now: float) -> bool:
        """Whether the words so far take the floor."""
        return self._floor.taken and interrupts(text, self._floor.speaking) and self._own_speech(now)

    def by_sound(self, now: float) -> bool:
        """Whether the user has spoken over the assistant for so long that they mean it, whatever the words.

        Where the recogniser's words come early, they are waited for: they tell more.
        """
        tuning = self._session.tuning
        enough = tuning.interrupt_late if self._session.engines.stt.early_words else tuning.interrupt
        return self._floor.taken and self._endpoint.sustained >= samples(enough) and self._own_speech(now)

    def _own_speech(self, now: float) -> bool:
        onset = self._endpoint.onset
        since = now if onset is None else now - (self._endpoint.position - onset) / RATE
        return self._overlap.speech(since) >= MIN_OWN_SPEECH
