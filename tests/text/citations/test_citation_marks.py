"""What is a mark of a source, and what only looks like one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.text.citations.citation_marks import Before, Mark, Marks, disarmed, unmarked


def read(text: str, size: int = 0) -> tuple[str, list[tuple[int, ...]]]:
    """The text without its marks, and their numbers; fed `size` characters at a time, 0 is at once."""
    marks = Marks()
    tokens = [text[at : at + size] for at in range(0, len(text), size)] if size else [text]
    parts = [part for token in tokens for part in marks.feed(token)] + marks.feed("", final=True)
    shown = "".join(part for part in parts if isinstance(part, str))
    return shown, [part.numbers for part in parts if isinstance(part, Mark)]


MARKED = [
    ("Press it [1].", "Press it.", [(1,)]),
    ("Press it. [1] Then wait.", "Press it. Then wait.", [(1,)]),
    ("Press it.[1][2] Then", "Press it. Then", [(1,), (2,)]),
    ("Press it [1, 2] and [3].", "Press it and.", [(1, 2), (3,)]),
    ("It is blue[1].", "It is blue.", [(1,)]),
    ("The port is 8080[2].", "The port is 8080.", [(2,)]),
    ("Es ist blau 【1】.", "Es ist blau.", [(1,)]),
    ("It is blue【2†manual.md】.", "It is blue.", [(2,)]),
    ("泵是蓝色的[1]。", "泵是蓝色的。", [(1,)]),
    ("It is blue[^1].", "It is blue.", [(1,)]),
    ("It is blue (source 1).", "It is blue.", [(1,)]),
    ("It is blue (sources: 1, 3).", "It is blue.", [(1, 3)]),
    ("It is blue ([1], [2]).", "It is blue.", [(1,), (1, 2)][1:]),
    ("It is blue (see [1]).", "It is blue.", [(1,)]),
    ("It is blue [Source 2].", "It is blue.", [(2,)]),
    ("It is blue [1-3].", "It is blue.", [(1, 2, 3)]),
    ("It is blue [99].", "It is blue.", [(99,)]),
    ("It is **blue** [1]. *Red*[2]!", "It is **blue**. *Red*!", [(1,), (2,)]),
    ("Use C++ [1] and “quotes” [2].", "Use C++ and “quotes”.", [(1,), (2,)]),
    ("> Quoted [1]\n> [2]", "> Quoted\n>", [(1,), (2,)]),
    ("[1] It is blue.", "It is blue.", [(1,)]),
    ("- blue [1]\n- red [2]", "- blue\n- red", [(1,), (2,)]),
    ("`pull` it [1].", "`pull` it.", [(1,)]),
    ("```\ncode\n``` 【1】\nDone [2].", "```\ncode\n```\nDone.", [(1,), (2,)]),
]

UNMARKED = [
    "Take array[1] or items[1] or xs_2[1] or m[1][2] or f(x)[1] or x[0].",
    "The list is [1, 2] and the value [0, 1].",
    "For x in [1, 5] it holds, and y = [1].",
    "Half open: [1, 2) and (1, 2].",
    r"\[1\] and \left[1\right]",
    "`array [1]` and ``a ` [1]``",
    "Run:\n```\n[1] first item\nx [1]\n```\n",
    "Like this:\n\n    x [1]\n",
    "See [1](https://example.org) and ![1](x.png).",
    "[[1]](https://example.org)",
    "[1]: https://example.org",
    "An error [404], a year [2024], a note [see below], a box [ ], a tag [1a].",
    "(1) first, (see the appendix), (source unknown), (sourced 1)",
    "It begins [1",
    "It begins (source",
]


@pytest.mark.parametrize(("text", "shown", "numbers"), MARKED)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
def test_marks_are_taken_out_however_the_text_is_cut(
    text: str, shown: str, numbers: list[tuple[int, ...]], size: int
) -> None:
    assert read(text, size) == (shown, numbers)


@pytest.mark.parametrize("text", UNMARKED)
@pytest.mark.parametrize("size", [0, 1, 3])
def test_what_only_looks_like_a_mark_stays(text: str, size: int) -> None:
    assert read(text, size) == (text, [])


def test_a_mark_leads_or_stands_for_a_word() -> None:
    def marks(text: str) -> list[Mark]:
        return [part for part in [*Marks().feed(text, final=True)] if isinstance(part, Mark)]

    assert marks("[1] It is blue.") == [Mark((1,), leads=True)]
    assert marks("It is blue.\n[1]\nNext") == [Mark((1,))]
    assert marks("According to [1], it is blue.") == [Mark((1,), noun=True)]
    assert marks("As described in [1, 2], it is.") == [Mark((1, 2), noun=True)]
    assert marks("Log in [1].") == [Mark((1,))]


def test_text_is_not_kept_back_without_need() -> None:
    marks = Marks()
    assert marks.feed("It is") == ["It is"]
    assert marks.feed(" (please see") == [" (please see"]
    assert marks.feed(" below) [1") == [" below)"]
    assert marks.feed("]") == []  # a link's address may follow
    assert marks.feed(".") == [Mark((1,)), "."]
    assert "".join(map(str, marks.feed("(source " + "1, " * 40))).startswith("(source")


def in_code(text: str) -> bool:
    whole, cut = Before(), Before()
    whole.add(text)
    for character in text:
        cut.add(character)
    assert whole.in_code() == cut.in_code()
    return whole.in_code()


def test_code_is_known_by_its_fences_spans_and_indent() -> None:
    assert in_code("`a")
    assert not in_code("`a`")
    assert not in_code("`a\n")
    assert in_code("```py\nx\n\ny")
    assert not in_code("```py\nx\n```\n")
    assert in_code("Run:\n\n    x ")
    assert not in_code("1. One\n    - two")


def test_a_documents_own_numbers_are_taken_out_or_disarmed() -> None:
    text = "It is blue.[3] [1] says so; array[1] stays.\n    x = [1]\n【2】 [1][4, 5] End"
    assert unmarked(text) == "It is blue. says so; array[1] stays.\n    x = [1]\nEnd"
    assert disarmed(text) == ("It is blue. (3) (1) says so; array[1] stays.\n    x = [1]\n(2) (1) (4, 5) End")
    assert disarmed("Plain text, as it is.  ") == "Plain text, as it is.  "


PIECES = [
    "[1]",
    "[",
    "1",
    "]",
    " ",
    "\n",
    "`",
    "```",
    "word",
    "[1, 2]",
    "(",
    "source ",
    ")",
    "【",
    "】",
    ".",
    "    ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.integers(1, 5))
def test_any_cut_gives_the_same_text_and_the_same_marks(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    whole, cut = read(text), read(text, size)
    assert cut == whole
    letters = re.sub(r"[^a-z.`\n]", "", text.replace("source", ""))
    assert re.sub(r"[^a-z.`\n]", "", whole[0].replace("source", "")) == letters
