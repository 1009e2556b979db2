"""Turn taking by words alone: what is a backchannel, what interrupts, and how long to wait for more words."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

_BACKCHANNELS = """
    mm mmm mhm mm-hm mm-hmm mhmm hm hmm uh uh-huh huh um umm er erm ah oh aha
    yeah yep yes yup ok okay right sure alright cool good great nice i see got it go on
"""
BACKCHANNELS = frozenset(_BACKCHANNELS.split())
"""Words of a listener who does not want the floor (Yngve 1970, "On getting a word in edgewise")."""
MAX_BACKCHANNEL_WORDS, MAX_BACKCHANNEL_CHARS = 4, 100
"""A longer text is no backchannel, whatever its words."""
MIN_ECHO_WORDS, MIN_ECHO_SHARE = 2, 0.8
"""Words that a text must have to be taken for an echo, and the share of them that the assistant has said."""


def words(text: str) -> list[str]:
    """Words in lower case; "mm-hm" is one."""
    return _WORD.findall(text.lower())


def is_backchannel(text: str) -> bool:
    """Whether `text` is a few listening noises and nothing else."""
    if len(text) > MAX_BACKCHANNEL_CHARS:
        return False
    said = words(text)
    return len(said) <= MAX_BACKCHANNEL_WORDS and all(word in BACKCHANNELS for word in said)


def is_ignorable(text: str, floor_taken: bool) -> bool:
    """Whether `text` asks for no reply: a cough, or an "mm-hm" while the assistant has the floor.

    While nobody speaks, "yes" and "okay" are answers.
    """
    said = words(text)
    return not said or (floor_taken and is_backchannel(text))


def is_echo(text: str, speaking: str) -> bool:
    """Whether the words of `text` are those that the assistant is `speaking`, caught by the microphone."""
    said, own = words(text), frozenset(words(speaking))
    if len(said) < MIN_ECHO_WORDS or not own:
        return False
    return sum(word in own for word in said) >= MIN_ECHO_SHARE * len(said)


def interrupts(text: str, speaking: str) -> bool:
    """Whether a partial transcript confirms that the user wants the floor."""
    return not is_ignorable(text, floor_taken=True) and not is_echo(text, speaking)


_NUMBER = (
    r"(?:\d[\d,.:/-]*|zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|double|triple)"
)

PATIENCE: tuple[tuple[str, re.Pattern[str], float], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE), factor)
    for name, pattern, factor in (
        # Certainly complete: wait less.
        (
            "whole command",
            r"^(?:stop|yes|no|yes please|no thanks|thank you|thanks|goodbye|never mind)[.!]?$",
            0.7,
        ),
        # It cannot end here: wait longer.
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
        # Probably complete: wait less.
        ("question mark", r"\?$", 0.6),
        (
            "complete question",
            r"^(?:(?:and|so|okay|hey|please)\s+)?(?:what|how|why|where|when|who|which|can|could|do|does|did|is|are|"
            r"was|were|will|would|should|tell me|show me)(?:\s+\S+){3,}$",
            0.7,
        ),
    )
)
"""(name, pattern of the words so far, factor): by how much longer or shorter than the usual silence to wait.
The first pattern that matches decides."""

MAX_PATIENCE_CHARS = 500
"""Only so many characters at the end of an utterance are read."""
MIN_SILENCE_S, MAX_SILENCE_S = 0.2, 1.6
"""Bounds of the silence that ends an utterance, in seconds, whatever the words."""


def patience(text: str, silence: float) -> float:
    """Return how many seconds of silence end this utterance; `silence` is the usual number.

    `text` holds the words so far.
    """
    text = text[-2 * MAX_PATIENCE_CHARS :].strip()
    if not text:
        return silence
    if len(text) > MAX_PATIENCE_CHARS:
        text = "… " + text[-MAX_PATIENCE_CHARS:]  # it does not begin here
    for _, pattern, factor in PATIENCE:
        if pattern.search(text):
            return min(max(silence * factor, MIN_SILENCE_S), max(MAX_SILENCE_S, silence))
    return silence
