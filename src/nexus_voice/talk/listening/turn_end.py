"""Decides how much silence ends an utterance, by what is known of it: its words and its sound.

Both come during the silence and from models that err, so they only make the usual silence longer or shorter.
Words tell fillers, numbers being read out and phrases that cannot end here; the sound tells a voice that goes
on.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...text.turn_taking import Completeness, completeness

MIN_SILENCE_S, MAX_SILENCE_S = 0.2, 1.6
"""Bounds of the silence that ends an utterance, whatever is known of it."""
MAX_UNFINISHED, MIN_FINISHED = 0.3, 0.8
"""How likely a voice has finished that sounds unfinished at most, and one that sounds finished at least."""

SILENCES: dict[Completeness, tuple[float, float, float]] = {
    # The voice sounds:     unfinished, unsure or not judged, finished.
    Completeness.unfinished: (2.4, 2.0, 1.6),
    Completeness.open: (2.0, 1.6, 1.2),
    Completeness.coming: (1.6, 1.6, 1.6),
    Completeness.unheard: (1.6, 1.0, 1.0),
    Completeness.plain: (1.6, 1.0, 0.6),
    Completeness.complete: (1.6, 0.7, 0.5),
}
"""The silence that ends an utterance, as a multiple of the usual one. `python -m bench turns` measures it.

Words that are coming are waited for, however finished the voice sounds: the final text comes from the same
look at the sound, so nobody waits longer for it.
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an utterance whose speaker is silent."""

    words: str = ""
    heard_out: bool = True
    """Whether these are all words before the silence, rather than those that are recognised so far."""
    finished: float | None = None
    """How likely (0..1) it is by the sound that the speaker has finished; None: not judged."""


NOTHING = Evidence()


def silence_to_wait(known: Evidence, usual: float) -> float:
    """How many seconds of silence end the utterance; `usual` is their usual number."""
    unfinished, unsure, finished = SILENCES[completeness(known.words, known.heard_out)]
    if known.finished is None or MAX_UNFINISHED < known.finished < MIN_FINISHED:
        factor = unsure
    else:
        factor = finished if known.finished >= MIN_FINISHED else unfinished
    return min(max(usual * factor, MIN_SILENCE_S), max(MAX_SILENCE_S, usual))
