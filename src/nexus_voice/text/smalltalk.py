"""Greetings, thanks, questions to the assistant about itself, and about what was just said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .pleasantries import PLEASANTRIES, plain
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
WHO = f"I am Nexus Voice, and I run on your own machine. {NO_MODEL}."
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
_SLOWLY = "(?:(?:a )?(?:slowly|slower|loudly|louder|clearly|once|one time))"
_AGAIN = re.compile(
    r"(?:(?:can|could|would|will) you )?(?:(?:say|repeat|read|tell me)(?: (?:that|it|this|what you said"
    rf"|(?:the|your)(?: last)? (?:answer|reply|sentence)))?|speak(?: up)?)(?: {_SLOWLY})*"
    rf"|(?:sorry )?what(?: was that| did you say)?|come|pardon(?: me)?|{_SLOWLY}"
    r"|(?:sorry )?i (?:did|could) not (?:hear|catch|get|understand)(?: (?:that|it|you|what you said))?"
)
"""Matches what asks to hear the answer again, as `plain` has it."""
_NO_WISH = frozenset(("say", "read", "speak", "tell me", "come"))
"""What `_AGAIN` matches only if "again" came with it."""
_ONCE_MORE = re.compile(
    r"(?:(?:can|could) you )?(?:please )?(?:say |read |speak |tell me |come )?again(?: please)?"
)
_ASKED = re.compile(
    r"(?:(?:can|could) you )?(?:(?:tell me |do you remember |remember )?what (?:did|have|had) i(?: last)?"
    r" (?:ask|asked|say|said)(?: you)?|(?:tell me |do you remember |remember )?what i (?:asked|said)(?: you)?"
    r"|(?:what (?:is|was) |do you remember |remember |repeat )my(?: (?:last|previous|latest))? question"
    r"|what (?:was|am) i asking(?: you)?(?: about)?)"
    r"(?: (?:before|earlier|last|(?:a )?(?:moment|minute|second)? ?ago))?"
)
"""Matches questions about the question before, as `plain` has it."""


def answer(
    question: str, engines: Mapping[str, str], last: str = "", asked: Sequence[str] = ()
) -> str | None:
    """Answer small talk; None for any other question.

    `engines` maps a kind ("stt", "tts", ...) to the name of the engine in use. `last` is what the assistant
    said last, for "say that again", and `asked` are the questions before, for "what did I just ask?".
    """
    if len(question) > MAX_CHARS:
        return None
    said = {bare_question(question), " ".join(words(question))}
    simple = {plain(form) for form in said}
    if _any(_ASKED, simple):
        return f"You asked: “{asked[-1]}”" if asked else "You have not asked me anything yet."
    if any(_AGAIN.fullmatch(form) for form in simple - _NO_WISH) or _any(_ONCE_MORE, said):
        return last or "I have not said anything yet."
    for phrases, reply in PLEASANTRIES:
        if not phrases.isdisjoint(simple):
            return reply or WHO
    for pattern, reply in _REPLIES:
        if _any(pattern, said | simple):
            return reply
    if _any(_ENGINES, said):
        return _in_use(engines)
    return WHO if _any(_WHO, said) else None


def _in_use(engines: Mapping[str, str]) -> str:
    used = [f"{does} {engines[kind]}" for kind, does in ROLES.items() if engines.get(kind)]
    if not used:
        return f"{NO_MODEL}."
    return f"I {', '.join(used[:-1])}{' and ' if used[1:] else ''}{used[-1]}. {NO_MODEL}."


def _any(pattern: re.Pattern[str], forms: set[str]) -> bool:
    return any(pattern.fullmatch(form) for form in forms)
