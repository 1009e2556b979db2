"""Greetings, thanks, and questions to the assistant about itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .words import bare_question, words

MAX_CHARS = 200
"""A longer question is no small talk."""
ROLES = {
    "stt": "hear you with",
    "vad": "notice speech with",
    "embedder": "search your documents with",
    "tts": "speak with",
}
NO_MODEL = "I have no language model: I answer in the words of your documents"
WELCOME = "Hello! What would you like to know?"
ABILITIES = (
    "Ask me about your documents, and I answer with what they say and where it stands. "
    "I also tell the time and the date, and I do arithmetic. Interrupt me whenever you like."
)
INTERRUPTION = (
    "Just start talking, and I fall silent; a cough or an mm-hm does not stop me. "
    "The stop button and a typed message stop me at once."
)

_WHO = re.compile(
    r"(?:who|what) are you|what(?:'s|s| is) your name|introduce yourself"
    r"|are you (?:an? )?(?:ai|bot|chat ?bot|computer|human|machine|person|program|real|robot)(?: person)?"
)
_ENGINES = re.compile(
    r"(?:which|what) (?:ai|engines?|language model|llm|models?|voice)"
    r" (?:(?:are|do|does|is) (?:you|it)|powers you|(?:is|are) (?:active|in use|loaded|running))"
    r"(?: (?:based on|run on|running|running on|use|using))?"
)
_AGAIN = re.compile(
    r"(?:say|repeat)(?: that| it)?(?: again)?|what did you (?:just )?say|come again|pardon(?: me)?|again"
)
_REPLIES = [
    (re.compile(pattern), reply)
    for pattern, reply in (
        (
            r"(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))"
            r"(?: there)?(?: nexus)?(?: voice)?",
            WELCOME,
        ),
        (
            r"how are you(?: doing)?(?: today)?|how(?:'s| is) it going|what'?s up",
            "I am well, thank you. What can I do for you?",
        ),
        (
            r"(?:great |alright )?(?:thanks|thank you|thx|cheers)(?: (?:a lot|so much|very much|you))?",
            "You are welcome.",
        ),
        (r"(?:good ?bye|bye|bye bye|see you|see you later|good ?night)", "Goodbye!"),
        (r"can you hear me(?: now)?|do you hear me|are you there|testing|test", "Yes, I hear you."),
        (
            r"what (?:can|could|do) you (?:do|know|help(?: me)? with)(?: for me)?|help(?: me)?"
            r"|what can i (?:ask|say)(?:(?: to)? you)?|what are you able to do"
            r"|how (?:can|do) you (?:help|work)(?: me)?",
            ABILITIES,
        ),
        (
            r"(?:how (?:do|can|could) i|can i|how to) (?:interrupt|silence|stop|shut up)(?: you)?"
            r"(?: (?:from )?(?:(?:while|when) you(?: are|'re) )?(?:speaking|talking))?"
            r"|how do i make you (?:be quiet|shut up|stop)(?: talking)?",
            INTERRUPTION,
        ),
    )
]


def answer(question: str, engines: Mapping[str, str], last: str = "") -> str | None:
    """Answer small talk; None for any other question.

    `engines` maps a kind ("stt", "tts", ...) to the name of the engine in use. `last` is what the assistant
    said last, for "say that again".
    """
    if len(question) > MAX_CHARS:
        return None
    said = {bare_question(question), " ".join(words(question))}
    if _any(_AGAIN, said):
        return last or None
    for pattern, reply in _REPLIES:
        if _any(pattern, said):
            return reply
    if _any(_ENGINES, said):
        return _in_use(engines)
    return f"I am Nexus Voice, and I run on your own machine. {NO_MODEL}." if _any(_WHO, said) else None


def _in_use(engines: Mapping[str, str]) -> str:
    used = [f"{does} {engines[kind]}" for kind, does in ROLES.items() if engines.get(kind)]
    if not used:
        return f"{NO_MODEL}."
    return f"I {', '.join(used[:-1])}{' and ' if used[1:] else ''}{used[-1]}. {NO_MODEL}."


def _any(pattern: re.Pattern[str], forms: set[str]) -> bool:
    return any(pattern.fullmatch(form) for form in forms)
