"""Pleasantries and what is said in return."""

from __future__ import annotations

_WRITTEN_OUT = {
    "i'm": "i am", "im": "i am", "that's": "that is", "thats": "that is", "you're": "you are",
    "youre": "you are", "it's": "it is", "what's": "what is", "whats": "what is", "how's": "how is",
    "didn't": "did not", "didnt": "did not", "couldn't": "could not", "nevermind": "never mind",
}  # fmt: skip


def plain(said: str) -> str:
    """Words in small letters, written out, without those that small talk does not need."""
    return " ".join(_WRITTEN_OUT.get(word, word) for word in said.split() if word not in _FILLING)


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in text.split(","))


_FILLING = _phrases(
    "please, very, really, so, much, just, now, today, then, too, again, more, bit, little, hey, ok, okay,"
    " oh, um"
)
PLEASANTRIES = (
    (
        _phrases(
            """never mind, forget it, nothing, no thanks, no thank you, nothing thanks, that is all, that
            was all, that will be all, that is all thanks, that is all thank you, that is it"""
        ),
        "All right.",
    ),
    (
        _phrases("sorry, i am sorry, my bad, my mistake, i apologise, i apologize"),
        "No problem.",
    ),
    (
        _phrases(
            """well done, good job, great job, nice job, good work, great work, good answer, great
            answer, perfect, awesome, excellent, amazing, brilliant, wonderful, that is helpful, that
            was helpful, that is great, that was great, that is good, that is nice, that is funny,
            that was funny, that is perfect, you are great, you are good, you are nice, you are kind,
            you are funny, you are helpful, you are smart, you are clever, you are the best, you are
            awesome, you are amazing, i love you, i like you"""
        ),
        "Thank you, I am glad to hear that.",
    ),
    (
        _phrases(
            """nice to meet you, pleased to meet you, good to meet you, great to meet you, nice to see
            you, good to see you, it is nice to meet you, how do you do"""
        ),
        "It is nice to meet you.",
    ),
    (
        _phrases(
            """i am fine, i am good, i am great, i am well, i am doing well, i am doing fine, i am fine
            thanks, i am fine thank you, i am good thanks, i am good thank you, i am well thank you,
            fine thanks, fine thank you, good thanks, good thank you, i am fine and you, i am fine how
            are you"""
        ),
        "I am glad to hear that.",
    ),
    (
        _phrases(
            """hi how are you, hello how are you, hi there how are you, hi how are you doing, hello how
            are you doing, hi there how are you doing, hello there how are you, and how are you, and
            you, how are you feeling, how do you feel, how is your day, how was your day, how is your
            day going, how have you been, are you well, are you happy, are you tired, how are things,
            how is life"""
        ),
        "I am well, thank you. What can I do for you?",
    ),
    (
        _phrases(
            """tell me a joke, tell a joke, tell us a joke, tell me another joke, tell me some jokes,
            tell me jokes, tell another joke, another joke, a joke, do you know a joke, do you know
            any jokes, do you know jokes, can you tell me a joke, can you tell a joke, could you tell
            me a joke, know any jokes, one joke, tell me something funny, say something funny, make me
            laugh, i want to hear a joke, tell me a good joke, tell me a funny joke, got any jokes"""
        ),
        "Why did the document blush? It saw its own appendix.",
    ),
    (
        _phrases(
            """sing, sing a song, sing me a song, sing something, sing for me, can you sing, can you sing
            a song, a story, tell me a story, tell me a bedtime story, tell a story, can you tell me a
            story, tell me a fairy tale"""
        ),
        "I know no songs, and no stories but those in your documents.",
    ),
    (
        _phrases(
            """thank you for your help, thanks for your help, thank you for the help, thanks for the
            help, thank you for that, thanks for that, thank you nexus, thanks nexus, many thanks, no
            thanks needed, thank you that is all, thanks that is all, thank you that was helpful,
            thanks that was helpful, thank you that helps, thanks that helps, great thank you, great
            thanks, perfect thank you, perfect thanks, thank you goodbye, thank you for the answer,
            thanks for the answer, thank you thank you, thanks a million, i thank you, yes thank you,
            yes thanks, alright thank you"""
        ),
        "You are welcome.",
    ),
    (
        _phrases(
            """tell me about yourself, about yourself, tell me something about yourself, who made you,
            who built you, who created you, who wrote you, who programmed you, how old are you, where
            are you from, where do you come from, where do you live, where are you, are you alive, do
            you have a name, do you have feelings, are you conscious, are you listening to a human, am
            i talking to a machine, am i talking to a robot, am i talking to a person, am i speaking
            with a machine"""
        ),
        "",
    ),
    (
        _phrases(
            "merry christmas, happy christmas, happy new year, happy birthday, happy easter, happy holidays"
        ),
        "Thank you, and the same to you!",
    ),
)
"""What is said, as `plain` has it, and the reply; "" where the assistant says who it is."""
