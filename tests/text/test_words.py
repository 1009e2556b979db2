"""The words of a text and of a question, in scripts with and without spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.text.folding import folded, indexed, is_latin
from nexus_voice.text.words import content, findable, terms, words


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("仓库的钥匙在哪里？", ["仓库", "钥匙"]),
        ("AX-200的扭矩是多少", ["ax", "200", "扭矩"]),
        ("水在哪里", ["水"]),
        ("目的地在哪里", ["目的", "的地"]),
        ("図書館のかぎはどこですか", ["図書", "書館", "かぎ", "ぎは"]),
        ("図書館は何時に開きますか", ["図書", "書館", "開"]),
        ("주차장은 어디에 있나요?", ["주차", "차장"]),
        ("กุญแจอยู่ที่ไหน", ["กุญแ", "ญแจ"]),
        ("Wo ist das Café Müller?", ["wo", "ist", "das", "cafe", "muller"]),
        ("किताब", ["किताब"]),
        ("在哪里", []),
    ],
)
def test_a_question_asks_for_its_telling_words(question: str, asked: list[str]) -> None:
    assert content(question) == asked


def test_a_text_has_signs_and_groups() -> None:
    assert words("图书馆 A1") == ["图书", "书馆", "a1"]
    assert terms("图书馆 books") == ["图", "书", "馆", "图书", "书馆", "book"]
    assert indexed("It’s “plain” – text…") is None
    assert indexed("Café 钥匙!") == "cafe  钥 匙 钥匙 !"


@given(st.text(alphabet="钥匙在哪里のはカギ가나은กุญแจé ßA1？", max_size=40))
def test_whatever_a_question_asks_for_is_found_in_its_own_text(text: str) -> None:
    assert set(content(text)) <= set(findable(text))
    assert folded(folded(text)) == folded(text)


def test_numbers_and_letters_keep_their_meaning() -> None:
    assert words("10² m and Nexus™ ¼") == ["10²", "m", "and", "nexus", "¼"]
    assert is_latin("Où est l'été? 3 €")
    assert is_latin("")
    assert not is_latin("где ключ AX")
