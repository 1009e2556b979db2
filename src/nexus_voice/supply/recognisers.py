"""Which of the pulled Whisper models hears, by what it costs on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple


class Rule(NamedTuple):
    model: str
    max_decode_s: float
    """It is chosen if a decode takes less here: of silence, which is measured; words take about as much again
    as a third of that."""
    english_only: bool = False


RULES = (
    Rule("whisper-base", 1 / 4),
    Rule("whisper-tiny.en", inf, english_only=True),
    Rule("whisper-base", inf),
)
"""The first that holds decides. Any other model was pulled by choice and goes before."""


class Recogniser(NamedTuple):
    model: str
    why: str


def recognisers(
    pulled: Sequence[str], named: str, language: str, costs: Mapping[str, float]
) -> list[Recogniser]:
    """The models to have loaded, the one to use first; `pulled` has the preferred ones first.

    `named` is the one that the settings name, `language` what they say of the speech, and `costs` the seconds
    that a decode takes, of those models that were measured. A model that is new stands before a slower one
    until it is measured as well: it has to be loaded first.
    """
    if named in pulled:
        return [Recogniser(named, "NEXUS_STT__MODEL names it")]
    known = {rule.model for rule in RULES}
    if own := next((model for model in pulled if model not in known), None):
        return [Recogniser(own, "its model is pulled")]
    why = "its model is pulled"
    for rule in RULES:
        if rule.model not in pulled or (rule.english_only and not english(language)):
            continue
        cost = costs.get(rule.model)
        if cost is None:
            slower = [Recogniser(one, "hears until the other is loaded") for one in pulled if one in costs]
            return [Recogniser(rule.model, why), *slower]
        if cost < rule.max_decode_s < inf:
            why = f"a decode takes {cost:.2f} s here, less than {rule.max_decode_s:.2f} s"
        if cost < rule.max_decode_s:
            return [Recogniser(rule.model, why)]
        why = f"a decode of {rule.model} takes {cost:.2f} s here, more than {rule.max_decode_s:.2f} s"
    return []


def english(language: str) -> bool:
    """Whether the speech is English: as the settings say, else as the system's language is."""
    if language:
        return language.lower().startswith("en")
    given = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    system = next((one for one in given if one), "C")
    return re.match("en|c$|c[.]|posix", system.lower()) is not None
