"""Rules of turn taking that need only words: backchannels, interruptions, how long to wait for more."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

_BACKCHANNELS = """
    mm mmm mhm mm-hm mm-hmm mhmm hm hmm uh uh-huh huh um umm er erm ah oh aha
    yeah yep yes yup ok okay right sure alright cool good great nice i see got it go on
"""
MAX_BACKCHANNEL_CHARS = 100
BACKCHANNELS = frozenset(_BACKCHANNELS.split())
"""Words of a listener who does not want the floor (Yngve 1970, "On getting a word in edgewise")."""


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def is_backchannel(text: str) -> bool:
    """Nothing but listening noises, and few of them."""
    if len(text) > MAX_BACKCHANNEL_CHARS:
        return False
    said = words(text)
    return len(said) <= 4 and all(word in BACKCHANNELS for word in said)


def is_ignorable(text: str, floor_taken: bool) -> bool:
    """A cough or an "mm-hm": no turn. With nobody speaking, "yes" and "okay" are answers."""
    said = words(text)
    return not said or (floor_taken and is_backchannel(text))


def is_echo(text: str, speaking: str) -> bool:
    """Whether recognised words are the assistant's own, coming back through the microphone."""
    said, own = words(text), frozenset(words(speaking))
    if len(said) < 2 or not own:
        return False
    return sum(word in own for word in said) >= 0.8 * len(said)


def interrupts(text: str, speaking: str) -> bool:
    """Whether a partial transcript confirms that the user wants the floor."""
    return not is_ignorable(text, floor_taken=True) and not is_echo(text, speaking)


_NUMBER = (
    r"(?:\d[\d,.:/-]*|zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|double|triple)"
)

PATIENCE: tuple[tuple[str, re.Pattern[str], float], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE), factor)
    for name, pattern, factor in (
        # One that is complete for certain: wait less.
        (
            "whole command",
            r"^(?:stop|yes|no|yes please|no thanks|thank you|thanks|goodbye|never mind)[.!]?$",
            0.7,
        ),
        # One that cannot end here: wait longer.
        ("filler", r"(?:^|\s)(?:um+|uh+|er+m?|hm+|well|you know|i mean)[,.…]*$", 2.0),
        ("ellipsis or comma", r"(?:,|…|\.\.\.|-)$", 2.0),
        ("digits being read out", rf"(?:^|\s){_NUMBER}$", 2.0),
        (
            "unfinished phrase",
            r"(?:^|\s)(?:and|but|or|nor|because|so|if|when|while|which|that|who|than|as|the|a|an|my|your|his|her|its|"
            r"our|their|this|these|of|to|in|on|at|by|for|from|with|about|into|is|are|was|were|be|can|could|"
            r"would|should|will|do|does|did|have|has|not|what|how|why|where|i|we|you)$",
            2.0,
        ),
        # One that is plainly complete: wait less.
        ("question mark", r"\?$", 0.6),
        (
            "complete question",
            r"^(?:(?:and|so|okay|hey|please)\s+)?(?:what|how|why|where|when|who|which|can|could|do|does|did|is|are|"
            r"was|were|will|would|should|tell me|show me)(?:\s+\S+){3,}$",
            0.7,
        ),
    )
)
"""How much longer or shorter than the silence window to wait, by the words so far; first match wins."""

MAX_PATIENCE_CHARS = 500
"""Characters at the end of an utterance that tell how long to wait."""
SHORTEST, LONGEST = 0.2, 1.6
"""Bounds of the silence window in seconds, whatever the words."""


def patience(text: str, window: float) -> float:
    """Seconds of silence that end this utterance, given the words so far and the usual window."""
    text = text[-2 * MAX_PATIENCE_CHARS :].strip()
    if not text:
        return window
    if len(text) > MAX_PATIENCE_CHARS:
        text = "… " + text[-MAX_PATIENCE_CHARS:]  # it does not begin here
    for _, pattern, factor in PATIENCE:
        if pattern.search(text):
            return min(max(window * factor, SHORTEST), max(LONGEST, window))
    return window
