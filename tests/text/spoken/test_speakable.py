import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nexus_voice.text.sentences.splitter import Sentences
from nexus_voice.text.spoken.lexicon import CODE, TABLE
from nexus_voice.text.spoken.speakable import MAX_CHARS, speakable

MARKUP = {
    "# A heading": "A heading",
    "# Title\nText here\n- one\n- two": "Title. Text here. one. two",
    "Wrapped\nprose goes on.": "Wrapped prose goes on.",
    "\n\n1. First": "1. First",
    "- **Bold** and *it* and ~~gone~~ and __u__ and ***both***": "Bold and it and gone and u and both",
    "\n- [ ] task one\n- [x] task two": "task one. task two",
    "> > quoted text": "quoted text",
    "**unclosed bold and *more": "unclosed bold and more",
    "text** more": "text more",
    "See [the docs](https://a.com/b(c)) and ![a cat](x.png).": "See the docs and a cat.",
    "[text][1] and [link](http://unclosed.com/xxx": "text and link",
    "[docs]: https://example.com": "",
    "It is true.[1] And so.[2, 3] Yes【4†source】 [^note].": "It is true. And so. Yes.",
    "True.[1](https://a.com/b)[2] So.": "True. So.",
    "<b>Hi</b> &amp; bye<br>next<!-- x --> it&#39;s": "Hi and bye next it's",
    "<script>alert(1)</script>Done": "Done",
    "Call `get_user_name()` or `fooBar` with `--flag`.": "Call get user name or foo Bar with flag.",
    "Set `A_KEY=on` in `main.py`.": "Set A KEY equals on in main dot py.",
    "snake_case and __init__ and 5 \\* 3": "snake case and init and 5 times 3",
    "@bob likes #topics": "bob likes topics",
    "---": "",
    "***": "",
    "# ": "",
}
CODE_AND_TABLES = {
    "```python\nprint(1)\n```": CODE,
    "```python\nprint(1)": CODE,
    "print(2)\n```": "",
    "Here:\n```\nx\n```\nDone.\n~~~\ny\n~~~": f"Here: {CODE} Done. {CODE}",
    "Here: ```py\nx\n```": f"Here: {CODE}",
    "| a | b |\n|---|:--|\n| 1 | 2 km |\n| 3 | |": "a: 1, b: 2 kilometers. a: 3.",
    "| a |\n|---|\n" + "| 1 |\n" * 4: TABLE,
    "| a | b | c | d |\n|---|---|---|---|\n| 1 | 2 | 3 | 4 |": TABLE,
    "| 1 | 2 |\n| 3 | 4 |": TABLE,
    "| 1 | 2 |": "1, 2.",
}
ADDRESSES = {
    "Visit https://www.example.com/path?x=1. Or example.com/a!": "Visit example dot com. Or example dot com!",
    "See <http://127.0.0.1:8080/>.": "See 127 dot 0 dot 0 dot 1 port 8080.",
    "Write to bob.smith@example.co.uk, please.": "Write to bob dot smith at example dot co dot uk, please.",
    "Open ./a/b.txt and /etc/hosts.": "Open a slash b dot txt and slash etc slash hosts.",
    "(src/main.py) or C:\\Users\\x or ~/.env": (
        "(src slash main dot py) or C: slash Users slash x or home slash dot env"
    ),
    "/very/long/path/to/some/my_file.tar.gz": "my file dot tar dot gz",
    "Node.js and .NET and .gitignore": "Node dot js and dot NET and dot gitignore",
    "v2.0.1, version v3.1-beta, 2.0.1, 10.0.0.1 and Python 3.11.": (
        "version 2 point 0 point 1, version 3 point 1 beta, 2 point 0 point 1, "
        "10 dot 0 dot 0 dot 1 and Python 3.11."
    ),
    "24/7 and/or TCP/IP": "twenty-four seven and or TCP IP",
}
FIGURES = {
    "5 km, 1 km, 20 °C, 3GB, 500 ms, 0.5 h": (
        "5 kilometers, 1 kilometer, 20 degrees Celsius, 3 gigabytes, 500 milliseconds, 0.5 hours"
    ),
    "100 km/h, 50 tok/s, 3.5 MB/s": "100 kilometers per hour, 50 tokens per second, 3.5 megabytes per second",
    "5%, 5-10%, 5–10 km": "5 percent, 5 to 10 percent, 5 to 10 kilometers",
    "the 90s, 1990s, 30s, a 5-km run, 10-minute": (
        "the nineties, nineteen nineties, 30 seconds, a 5-kilometer run, 10-minute"
    ),
    "$3.50, $1, $0.99, $2.00, €20, 20 €, £1,200.50": (
        "3 dollars and 50 cents, 1 dollar, 99 cents, 2 dollars, 20 euros, 20 euros, 1200 pounds and 50 pence"
    ),
    "$1.5 million, $5M, $5-10, $3.99/month": (
        "1.5 million dollars, 5 million dollars, 5 to 10 dollars, 3 dollars and 99 cents per month"
    ),
    "1,000,000; 2,500,000; 1,250,345; 1,500; 12,345.67; 10k": (
        "1 million; 2.5 million; 1250345; 1500; 12345.67; 10 thousand"
    ),
    "5-10, 2010–2015, 9–5, Monday–Friday": (
        "5 to 10, twenty ten to twenty fifteen, 9 to 5, Monday to Friday"
    ),
    "555-1234, 555-123-4567, COVID-19, F-16": (
        "five five five, one two three four, five five five, one two three, four five six seven, "
        "COVID-19, F-16"
    ),
    "14:30, 3:05 pm, 3:00, 3:00 p.m., 15:00": "14 30, 3 oh 5 pm, 3 o'clock, 3 p.m., 15 hundred",
    "9:30-17:45 and 10:30:15, ratio 3:1": "9 30 to 17 45 and 10 30 and 15 seconds, ratio 3 to 1",
    "2024-01-15, 2024-13-45": "January fifteenth, twenty twenty-four, 2024-13-45",
    "It is 2024-01-15T10:30:00Z.": "It is January fifteenth, twenty twenty-four, 10 30.",
    "A & B, AT&T, 5 + 3 = 8, 3 * 4, a -> b": "A and B, AT and T, 5 plus 3 equals 8, 3 times 4, a to b",
    "x ≤ 5, x != 5, <5, ±2, ~5, #5": (
        "x less than or equal to 5, x is not equal to 5, less than 5, plus or minus 2, about 5, number 5"
    ),
    "C++, C#, 1920x1080, x², x^2": "C plus plus, C sharp, 1920 by 1080, x squared, x to the power of 2",
    "½, 1½, 3/4 cup": "a half, 1 and a half, three quarters cup",
    "-5 °C and 5 - 3": "minus 5 degrees Celsius and 5 minus 3",
}
FRAGMENTS = {
    "😀": "",
    "😀 Great! 👩\u200d👩\u200d👧 Yes :) ok 1️⃣": "Great! Yes ok 1",
    " The system is fast —": "The system is fast,",
    " The system is fast -": "The system is fast,",
    " it - and that -- is so": "it, and that, is so",
    "! What?": "What?",
    "?!": "",
    "": "",
    " \n ": "",
    "He said (see [1]) it ()": "He said (see) it",
    "Hi <me@a.com>, a\u200b b\ud800c\x00": "Hi me at a dot com, a b c",
}


@pytest.mark.parametrize(
    ("text", "words"),
    [*MARKUP.items(), *CODE_AND_TABLES.items(), *ADDRESSES.items(), *FIGURES.items(), *FRAGMENTS.items()],
)
def test_said_as(text, words):
    assert speakable(text) == words


WORDS = [
    "the",
    "a",
    "Paris",
    "isn't",
    "it's",
    "well-known",
    "O'Brien",
    "été",
    "мир",
    "你好",
    "U.S.",
    "I",
]
PLAIN = st.lists(
    st.tuples(
        st.sampled_from(WORDS) | st.integers(0, 999).map(str),
        st.sampled_from(["", "", ",", ".", "?", "!", ";", ":", "..."]),
    ).map("".join),
    min_size=1,
    max_size=30,
).map(lambda words: "Well " + " ".join(words))


@given(PLAIN)
@example('Plain prose, isn\'t it? Yes — it is: "quoted" (and more); done… He said “no”.')
@settings(max_examples=200, deadline=None)
def test_plain_prose_is_left_alone(text):
    assert speakable(text) == text


ODDS = st.lists(
    st.sampled_from(
        [
            *"aA1 5.,:;!?-–—_*`~#|[]()<>\n\t\"'/\\@$€%°&=+^vxZ½😀",
            "```",
            "km",
            "://",
            "1,000",
            "\ud800",
            "&lt;",
        ]
    )
).map("".join)


@given(st.text() | ODDS)
@settings(max_examples=500, deadline=None)
def test_anything_goes_in_and_a_line_of_words_comes_out(text):
    said = speakable(text)
    assert said == said.strip()
    assert "\n" not in said
    assert len(said) <= 30 * len(text) + len(TABLE)
    assert not said or any(map(str.isalnum, said))
    said.encode()


@pytest.mark.parametrize(
    "unit",
    [
        *"a \t[*`&1/|\n\\—^【\ud800",
        "![",
        "[a](",
        "<a ",
        "<!--",
        "<script>",
        "1,",
        "1-",
        "$1",
        "./",
        "a@",
        "a.",
        "http://",
        "> ",
        "- ",
        "[1,",
        "a^",
        "5 k",
        "```\n",
        "1:1",
    ],
)
def test_long_nonsense_ends(unit):
    text = unit * 20_000
    assert len(speakable(text)) <= 30 * MAX_CHARS
    assert speakable("x" * 7000 + unit * 500)


def test_pieces_of_a_reply():
    reply = (
        "Sure 😀! Here is **how it works**:\n\n1. Open `main.py`.[1]\n"
        "2. Run it at 3:00 pm — it takes 5 s.\n\n```sh\npython main.py\n```\nIt costs $3.50."
    )
    sentences = Sentences()
    said = [speakable(piece) for piece in [*sentences.feed(reply), *sentences.close()]]
    assert list(filter(None, said)) == [
        "Sure!",
        "Here is how it works:",
        "1. Open main dot py.",
        "2. Run it at 3 pm — it takes 5 seconds.",
        CODE,
        "It costs 3 dollars and 50 cents.",
    ]
