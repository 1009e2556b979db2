"""What a recogniser makes up is dropped; what people say is not."""

import pytest

from nexus_voice.engines.whisper.hallucinations import believable, ends_twice, unlooped


@pytest.mark.parametrize(
    "phrase",
    [
        "Thank you for watching!",
        "Thanks for watching.",
        " Thank you.",
        "Subtitles by the Amara.org community",
        "Untertitel der Amara.org-Community",
        "Untertitelung des ZDF, 2020",
        "Sous-titres réalisés para la communauté d'Amara.org",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Sottotitoli e revisione a cura di QTSS",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "Продолжение следует...",
        "ご視聴ありがとうございました。",
        "字幕由Amara.org社区提供",
        "MBC 뉴스 이덕영입니다.",
    ],
)
def test_a_known_phrase_needs_real_speech(phrase: str) -> None:
    assert believable(phrase, voiced=5, level=-25, no_speech=0.1)
    assert not believable(phrase, voiced=5, level=-60, no_speech=0.1)
    assert not believable(phrase, voiced=5, level=-25, no_speech=0.7)
    assert not believable(phrase, voiced=0.1, level=-25, no_speech=0.1)


def test_other_words_may_be_faint_and_short() -> None:
    assert believable("Stop.", voiced=0.2, level=-60, no_speech=0.8)
    assert believable("thank you for the subtitles by email", voiced=2, level=-60, no_speech=0.1)


def test_nobody_says_a_sentence_in_an_instant() -> None:
    text = "and so the whole story began again from its beginning"
    assert believable(text, voiced=2, level=-25, no_speech=0)
    assert not believable(text, voiced=0.3, level=-25, no_speech=0)


@pytest.mark.parametrize("text", ["", " ... ", "♪♪♪", "-", "_"])
def test_marks_are_no_words(text: str) -> None:
    assert not believable(text, voiced=3, level=-20, no_speech=0)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no no no no no", "no no no no no"),
        ("so so so so so so so so so so", "so"),
        ("go to the go to the Go to the, go to the shop", "go to the shop"),
        ("I said I think I think I think I think so", "I said I think so"),
        ("one two three", "one two three"),
        ("", ""),
    ],
)
def test_a_loop_is_kept_once(said: str, kept: str) -> None:
    assert unlooped(said.split(), str, voiced=5) == kept.split()


def test_a_sentence_is_there_twice_only_if_there_was_time_to_say_it_twice() -> None:
    words = "he went to the shop on the corner in the evening"
    once = words.split()
    assert unlooped(once * 2, str, voiced=1.5) == once
    assert unlooped(once * 2, str, voiced=10) == once * 2
    assert unlooped(["no", "no"], str, voiced=0.1) == ["no", "no"]


@pytest.mark.parametrize(
    ("said", "twice"),
    [
        ("Turn it off. Turn it off.", True),
        ("well, what is it like? What is it like", True),
        ("ask what you can do, and what you can be", False),
        ("oh no no", False),
        ("", False),
    ],
)
def test_an_end_that_is_there_twice(said: str, twice: bool) -> None:
    assert ends_twice(said.split()) == twice
