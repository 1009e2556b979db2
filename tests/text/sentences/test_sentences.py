import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splitting import by_bare_tokens, by_tokens, by_words, split

from nexus_voice.text.sentences.splitter import MAX_BLOCK_CHARS, MAX_PROSE_CHARS, Sentences

CASES = {
    "plain": ["We went north.", " Then we slept.", " Did we?", " Yes!", " We did."],
    "titles and initials": ["Dr. Smith met Mr. J. R. R. Tolkien in St. Louis.", " It was late."],
    "U.S. inside": ["He works for the U.S. Government in town.", " It pays."],
    "U.S. last": ["I moved to the U.S.", " It was fun at 5 p.m.", " Then we ate."],
    "Latin": ["We ate, e.g. apples, i.e. fruit, etc.", " The rest, approx. 5 kg, is here."],
    "numbered things": ["It is No. 5 of Vol. 2, see Fig. 3 and p. 7 on Jan. 5.", " Fine."],
    "no as an answer": ["No.", " I mean yes."],
    "decimals": [
        "Pi is 3.14 and that is 99.9 percent.",
        " It costs $5.",
        " Use v2.0.1 now.",
        " In 2020.",
        " So.",
    ],
    "company": ["He is Sammy Davis Jr. and works at Apple Inc. Chief of all.", " So it is."],
    "citing": ["Smith et al. (2019) found it.", " Good."],
    "letters as words": ["Take vitamin C.", " It helps.", " Make a plan B.", " Then go."],
    "URL": ["Go to https://example.com/a.b?c=d!e for it.", " Then visit example.com.", " Done."],
    "files": [
        "Edit the main.py and ./a/b.txt files.",
        " Use Node.js and .NET there.",
        " Write to a.b@c.de.",
        " Done.",
    ],
    "times": ["It opens at 9.30 a.m. on Monday.", " Then it closes at 5:30.", " Good."],
    "ellipsis": ["Well... maybe so.", " Well…", " Maybe so.", " Hm... no."],
    "quotes": ['He said "stop."', " Then he left.", ' "Really?" he asked.', ' "Yes!"', " She smiled."],
    "quoted sentences": ['"It is hot. I am tired," he said.', " “Oh. Well,” she said.", " Fine."],
    "brackets": ["(He left.)", " Then (e.g. now. Yes) fine.", " He left :( and cried.", " Done."],
    "lengths": ['It is 5" long.', ' And "ok" too.', " 'Stop.' he said.", " It isn't.", " See O'Brien."],
    "marks together": ["What?!", " Wow!!", " Ask Yahoo! Inc about it.", " Right."],
    "citations": ["The answer is yes.[1]", " The other is no.", " [2] It is Paris.", " [3] Good."],
    "emphasis": ["**Bold.**", " Next one is here.", " **Note: this is it.**", " Then."],
    "numbered list": [
        "Here are the steps:",
        "\n\n1. First, do this.",
        " Then more.",
        "\n2. Second thing",
        "\n3. Last",
    ],
    "list in a line": ["1. First.", " 2. Second.", " 3. Third."],
    "steps": ["Step 1. Preheat the oven.", " Step 2. Bake it.", " **1. Title** is here."],
    "bullets": ["Fruit:", "\n- an apple", "\n- a pear.", " Good", "\n* [ ] a plum", "\n\nDone"],
    "heading": ["# Title", "\nText that is\nwrapped here.", "\n## Next", "\nMore"],
    "Windows lines": ["First line", "\r\n\r\nSecond line", "\r\n- item"],
    "table": ["See:", "\n| a | b. |\n|---|---|\n| 1. | 2 |", "\nAfter the table."],
    "code": ["Run this:", '\n```python\nprint("a. B")\n\nx = 1.\n```', "\nThen look.", " Good."],
    "tilde code": ["~~~\na. B\n```\n~~~", "\nThen look."],
    "code within a line": ["Here: ", "```py\na. B\n```", "\nThen `a. B` and ```x. Y``` here.", " Good."],
    "Chinese": ["你好。", "我是助手！", "你呢？", "「好。」他说。", "再见"],
    "Chinese, ASCII marks": ["你好!", "再见"],
    "Hindi": ["मैं ठीक हूँ।", " आप कैसे हैं?"],
    "Arabic, Urdu": ["كيف حالك؟", " أنا بخير.", " میں ٹھیک ہوں۔", " اچھا"],
    "Armenian, Amharic": ["Ողջույն։", " Լավ։", " ሰላም።", " ደህና"],
}


@pytest.mark.parametrize("pieces", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize(
    "tokens", [lambda text: [text], list, by_words, by_tokens], ids=["whole", "characters", "words", "tokens"]
)
def test_cuts_at_sentences_only(pieces, tokens):
    assert split(tokens("".join(pieces))) == pieces


@pytest.mark.parametrize(
    "name", ["plain", "titles and initials", "files", "URL", "Latin", "decimals", "quotes"]
)
def test_a_mark_that_is_a_token_of_its_own_makes_no_difference(name):
    pieces = CASES[name]
    assert split(by_bare_tokens("".join(pieces))) == pieces


@pytest.mark.parametrize(
    "tokens",
    [
        ["We", " went", " north", "."],
        ["We went north."],
        ["Are", " you", " sure", "?"],
        ["Sure", "!"],
        ["I", " don't", " know", "."],
        ["It", " is", " what", " it", " is", "."],
        ["これ", "は", "本", "です", "。"],
    ],
)
def test_a_plain_end_is_cut_without_waiting(tokens):
    sentences = Sentences(first_words=0)
    assert [sentences.feed(token) for token in tokens][-1] == ["".join(tokens)]


@pytest.mark.parametrize(
    "tokens",
    [
        ["Please", " go", " to", " example", ".", "com"],
        ["You", " can", " visit", " foobar", ".", "io"],
        ["Now", " open", " the", " file", " notes", ".", "txt"],
        ["It", " was", " Dr", ".", " Smith"],
        ["That", " is", " 3", ".", "14"],
        ["It", " is", " 5", " approx", ".", " today"],
        ["Then", " (", "he", " left", ".", ")"],
        ["He", " said", ' "', "stop", ".", '"'],
        ["He", " said", " '", "please stop", ".", "'"],
        ["This", " is", " **", "very good", ".", "**"],
        ["It", " is", " in", " Paris", ".", " Then"],
        ["The", " ", "U", ".", "S"],
    ],
)
def test_a_doubtful_end_waits(tokens):
    sentences = Sentences(first_words=0)
    assert [piece for token in tokens[:-1] for piece in sentences.feed(token)] == []


TEXT = st.text(st.one_of(st.characters(), st.sampled_from(" \n.!?,;:\"'`()[]|#*-0aA。")), max_size=300)
SNIPPETS = st.lists(
    st.sampled_from(
        ["word", " and", " Dr.", " it", ". ", "? ", '"', " (", ")", "\n", "\n\n", "\n- ", "\n1. ", "`",
         "```", "\n```\n", "| a |\n", ", ", " 3.14", "。", "...", " e.g.", "[1]", "😀", "\u0301", " https://a.b/c",
         "\r\n"]
    ),
    max_size=300,
).map("".join)  # fmt: skip


@given(text=TEXT | SNIPPETS, cuts=st.lists(st.integers(1, 40), min_size=1), first_words=st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_the_pieces_are_the_text(text, cuts, first_words):
    tokens, at = [], 0
    while at < len(text):
        size = cuts[len(tokens) % len(cuts)]
        tokens.append(text[at : at + size])
        at += size
    pieces = split(tokens, first_words)
    assert "".join(pieces) == text
    assert all(pieces)
    assert all(len(piece) <= MAX_BLOCK_CHARS for piece in pieces)


PROSE = st.lists(
    st.sampled_from([piece for name in ("plain", "decimals", "Latin", "quotes", "letters as words", "times")
                     for piece in CASES[name]]),
    min_size=1, max_size=20,
).map(lambda pieces: " ".join(map(str.strip, pieces)))  # fmt: skip


@given(text=PROSE, sizes=st.lists(st.integers(1, 4), min_size=1))
@settings(max_examples=100, deadline=None)
def test_prose_is_cut_alike_whatever_the_tokens(text, sizes):
    words, tokens = by_words(text), []
    while words:
        size = sizes[len(tokens) % len(sizes)]
        tokens.append("".join(words[:size]))
        del words[:size]
    assert split(tokens) == split([text]) == split(list(text))


@pytest.mark.parametrize(
    "unit", ["a", "word ", "Dr. ", "(", '"', "。" * 30 + "一", "\u0301", "1. ", ". ", "\n", " ", "🇫🇷"]
)
def test_a_run_on_is_broken(unit):
    text = (unit * 20_000)[:20_000]
    for tokens in ([text], by_words(text), list(text)):
        pieces = split(tokens, 4)
        assert "".join(pieces) == text
        assert max(map(len, pieces)) <= MAX_PROSE_CHARS


def test_a_long_sentence_breaks_at_a_clause_then_at_a_word():
    clauses = split(["so it went on and on, " * 40])
    assert all(piece.endswith(",") for piece in clauses[:-1])
    words = split(["so it went on and on " * 40])
    assert all(re.fullmatch(r"\s?[a-z].*[a-z] ?", piece) for piece in words)


def test_the_cap_spares_graphemes():
    family = "👩\u200d👩\u200d👧"
    for text in (family * 300, "e\u0301" * 900, "👍🏽" * 900, "🇫🇷" * 900):
        for piece in split([text]):
            assert not re.match("[\u0301\u200d🏽]", piece)
            assert not piece.endswith("\u200d")


def test_long_code_is_cut_at_lines():
    code = "```\n" + "value = compute(1)\n" * 200 + "```"
    pieces = split(by_tokens(code + "\nDone."))
    assert pieces[-1] == "\nDone."
    assert all(piece.endswith((")", "```")) for piece in pieces[:-1])
