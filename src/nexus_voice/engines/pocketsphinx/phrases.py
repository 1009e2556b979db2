"""Phrases that people say to any assistant, whatever its documents are about: they train a language model."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .spoken_forms import ONES, TENS

_TEXT = """
    hello; hi; hi there; hey; good morning; good afternoon; good evening; good night; goodbye; bye
    how are you; nice to meet you; thank you; thank you very much; thanks; yes; yes please; no
    no thank you; okay; ok; yeah; right; mhm; hmm; um; uh; uh huh; huh; oh; all right; sure; of course
    maybe; i don't know; stop; stop it; stop talking; please stop; be quiet; cancel; wait; wait a minute
    hold on; never mind; go on; continue; start over; repeat that; repeat that please; say that again
    can you say that again; can you repeat that please; what did you say; i did not understand
    tell me more; tell me more about that; more details please; give me an example; why; why is that
    what else; who are you; what are you; what is your name; what can you do; what can i ask you
    what can i say; what do you know; who made you; how do you work; are you there; can you hear me
    can you help me; help; help me; i need help; i have a question; i want to ask you something
    speak slower; speak louder; louder please; what time is it; what is the time; what time is it now
    can you tell me the time; what day is it; what day is it today; what is the date
    what is the date today; what is today's date; what month is it; what year is it
    what day of the week is it; what day is tomorrow; what was yesterday; where does that come from
    which document says that; where did you find that; what are your sources; show me the source
    search the web; what is in my documents; what documents do you have; how do i; how can i
    how do i use; how do i use it; how do i change; how do i add; how do i set; how long does it
    how long does it take; how many; how much; how much does it cost; how does it work
    how does that work; what is; what is the; what are the; what does it do; what does this mean
    what happens when i; what happens if i; what do i need; which one; which ones are; which is the best
    which are used by default; what is used by default; where is; where is the; where are the
    where are my; where can i find; where do i find; when does; is it possible to; is there a
    are there any; can i; can i use; can it; does it; does it work with; do i need; do i need a
    should i use; why does it; tell me about; tell me about the; explain
"""
PHRASES = tuple(phrase.strip() for phrase in re.split(r"[;\n]", _TEXT) if phrase.strip())
LONE_WORDS = frozenset(phrase for phrase in PHRASES if " " not in phrase)
"""Words that people say alone."""
OPERATIONS = ("plus", "minus", "times", "multiplied by", "divided by")
QUESTION_STARTS = ("what is", "how much is")


def phrases() -> Iterator[str]:
    """The phrases, then sums of all kinds over the number words."""
    yield from PHRASES
    numbers = [*ONES, *TENS, "one hundred", "a thousand"]
    numbers += [f"{ten} {one}" for ten in TENS for one in ONES[1:10]]
    for index, first in enumerate(numbers):
        for step, operation in enumerate(OPERATIONS):
            second = numbers[(7 * index + 13 * step + 5) % len(numbers)]
            yield f"{QUESTION_STARTS[(index + step) % len(QUESTION_STARTS)]} {first} {operation} {second}"
    for step in (5, 10, 15, 20, 25, 50):
        yield f"what is {numbers[step % 20]} percent of one hundred"
