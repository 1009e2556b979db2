"""The first piece of a reply is released early, at a natural pause."""

import pytest
from splitting import by_bare_tokens, by_tokens, by_words, split

from nexus_voice.text.sentences.splitter import Sentences

CASES = {
    "comma": ["I can help you with that,", " just tell me what, how and when."],
    "a short comma waits": ["Yes, I can help you with it now", " because I know it well."],
    "one sentence is enough": ["Of course!", " The thing is that, in most cases, it works."],
    "subordinate": ["The office in the town is closed", " because the day is a holiday."],
    "and, with a clause": ["I waited there for quite a while", " and then I left the room."],
    "and, in a list": ["The ones that people like best are salt and pepper."],
    "which": ["The model you are using right now", " which is small works well."],
    "a preposition leans on which": ["It is a very old town in which many people live."],
    "thousands": ["It has about 1,000 people,", " 2,500 cows and a dog."],
    "date": ["On Monday, July 5, 2021,", " the company was founded by two people."],
    "names": ["The capital of France is Paris, France.", " Good."],
    "a long clause": [
        "The warranty of the portable pump covers every part that is made by us",
        " for a period of two years from the date of purchase.",
    ],
    "a long clause, and a crumb": [
        "All the parts of the old portable pump in the cellar are very good for you."
    ],
    "a long clause without a phrase": [
        "The small old red pump in the big dark cellar is now almost as good as new again."
    ],
    "which, in a long clause": [
        "The refund is paid to the very card that you used for the order",
        " which must still be valid on the day.",
    ],
    "colon": ["Here are three options to consider:", " one, two, three."],
    "em dash": ["The system is very fast —", " it answers within a second."],
    "spaced hyphen": ["The system is very fast -", " it answers within a second."],
    "subtraction": ["The result you want is 5 - 3."],
    "hyphen": ["It is a really well-known problem."],
    "quote": ['He said "well, this is, you know, fine" there.'],
    "brackets": ["It costs (as you know, of course) nothing."],
    "code": ["The function is called `a, b, c` there."],
    "URL": ["You can go to https://example.com/a,b;c now."],
    "e.g.": ["There are many kinds of fruit e.g., apples."],
    "Chinese": ["北京是中国的首都，", "也是一个大城市。"],
    "Arabic": ["هذا هو البيت الكبير الجديد،", " وهو جميل."],
}


@pytest.mark.parametrize("pieces", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize(
    "tokens",
    [lambda text: [text], list, by_words, by_tokens, by_bare_tokens],
    ids=["whole", "characters", "words", "tokens", "bare tokens"],
)
def test_first_pause(pieces, tokens):
    assert split(tokens("".join(pieces)), first_words=4) == pieces


def test_what_is_written_at_once_needs_no_breath():
    text = "".join(CASES["a long clause"])
    sentences = Sentences(breaths=False)
    assert [*sentences.feed(text), *sentences.close()] == [text]


def test_only_the_first_piece_is_early():
    pieces = split(["First of all, I agree. Second of all things, I agree, because I do."], first_words=3)
    assert pieces == ["First of all,", " I agree.", " Second of all things, I agree, because I do."]


def test_an_introduction_is_said_early_and_so_is_what_follows():
    pieces = ["From “Engines”:", " To connect Ollama, start it,", " pull a model, and start the server."]
    assert split(by_words("".join(pieces)), first_words=4) == pieces
    whole = "Note: use water and soap. The ratio is 3:1 here."
    assert split(by_words(whole), first_words=4) == ["Note: use water and soap.", " The ratio is 3:1 here."]


def test_never_early_when_off():
    text = "I can help you with that, because I know it."
    assert split(by_words(text), first_words=0) == [text]


def test_a_comma_is_cut_without_waiting():
    sentences = Sentences()
    assert [sentences.feed(token) for token in ["I can", " help", " you", ","]][-1] == ["I can help you,"]
