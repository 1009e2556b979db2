"""Local agreement: what two hypotheses in a row share stays, whatever comes later."""

from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.engines.whisper.agreement import Agreement, units


def test_words_are_stable_once_two_hypotheses_agree() -> None:
    agreement = Agreement()
    assert agreement.hear(" what") == "what"
    assert agreement.stable == []
    assert agreement.hear(" what is a") == "what is a"
    assert agreement.stable == [" what"]
    assert agreement.hear(" what is the re") == "what is the re"
    assert agreement.hear(" what is the refund policy") == "what is the refund policy"
    assert agreement.stable == [" what", " is", " the"]


def test_case_and_punctuation_are_no_disagreement() -> None:
    agreement = Agreement()
    agreement.hear("Hello there.")
    assert agreement.hear("hello, there is") == "hello, there is"
    assert agreement.stable == ["hello,", " there"]


def test_a_contradiction_moves_no_stable_word() -> None:
    agreement = Agreement()
    for _ in range(2):
        agreement.hear("I want to go")
    assert agreement.hear("You wanted to go home") == "I want to go home"
    assert agreement.hear("") == "I want to go"


def test_the_rest_is_found_behind_words_that_came_or_went() -> None:
    agreement = Agreement()
    for _ in range(2):
        agreement.hear("I want to go")
    assert agreement.hear("Well, I want to go home") == "I want to go home"
    assert agreement.hear("want to go home now") == "I want to go home now"


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    agreement = Agreement()
    agreement.hear("今日はいい天")
    assert agreement.hear("今日はいい天気です") == "今日はいい天気です"
    assert "".join(agreement.stable) == "今日はいい天"


@given(st.text())
def test_units_joined_are_the_text(text: str) -> None:
    assert "".join(units(text)) == text.rstrip()


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c,"])).map(" ".join), max_size=8))
def test_stable_words_are_never_taken_back(hypotheses: list[str]) -> None:
    agreement, before = Agreement(), ""
    for hypothesis in hypotheses:
        text = agreement.hear(hypothesis)
        assert text.startswith(before)
        before = "".join(agreement.stable).strip()
