"""When Whisper looks at a growing utterance, what it decodes, and what becomes of the results."""

import numpy as np
import pytest

import clips
from nexus_voice.core.audio import RATE, Pcm, Transcript, Word, silence
from nexus_voice.engines.whisper.utterance import BLOCK_SAMPLES, MAX_WINDOW_BLOCKS, Decoded, Utterance

SPOKEN = clips.tone(1.0, [300, 700], level=-25)
"""As good as speech here: only its loudness counts."""


def seconds(length: float, pcm: Pcm = SPOKEN) -> bytes:
    return (pcm.data * 60)[: 2 * round(length * RATE)]


def heard(*parts: bytes, utterance: Utterance | None = None) -> Utterance:
    utterance = utterance or Utterance()
    for part in parts:
        utterance.hear(part)
    return utterance


def look(utterance: Utterance, text: str = " one two", **fields: object) -> str:
    return utterance.looked(Decoded(text, **fields), utterance.doubted)  # type: ignore[arg-type]


def test_the_first_look_comes_early_and_the_next_after_enough_new_sound() -> None:
    utterance = heard(silence(0.5).data, seconds(0.3))
    assert not utterance.due()
    assert heard(seconds(0.2), utterance=utterance).due()
    look(utterance)
    assert not utterance.due()
    assert not heard(seconds(0.5), utterance=utterance).due()
    assert heard(seconds(0.2), utterance=utterance).due()


def test_while_no_word_is_known_the_next_look_comes_sooner() -> None:
    utterance = heard(seconds(0.4))
    look(utterance, "")
    assert not heard(seconds(0.3), utterance=utterance).due()
    assert heard(seconds(0.1), utterance=utterance).due(interval=2.0)


def test_where_looks_are_far_apart_the_first_one_is_not_late() -> None:
    utterance = heard(seconds(0.4))
    assert utterance.due(interval=2.0)
    look(utterance)
    assert not heard(seconds(1.9), utterance=utterance).due(interval=2.0)
    assert heard(seconds(0.2), utterance=utterance).due(interval=2.0)


def test_a_pause_is_worth_a_look_unless_all_was_decoded() -> None:
    utterance = heard(seconds(0.2), silence(0.1).data)
    assert not utterance.due()
    assert heard(silence(0.15).data, utterance=utterance).due()
    look(utterance)
    assert not heard(silence(1.5).data, utterance=utterance).due()
    assert utterance.settled


def test_a_gap_is_worth_a_look_once_enough_was_said() -> None:
    utterance = heard(seconds(0.5))
    look(utterance)
    heard(seconds(0.42), utterance=utterance)
    assert not utterance.due()
    heard(silence(0.1).data, utterance=utterance)
    assert utterance.due()
    assert not utterance.due(interval=2.0), "many speak"


def test_a_look_just_before_the_end_covers_the_silence_that_follows() -> None:
    utterance = heard(seconds(1))
    look(utterance)
    heard(seconds(0.04), silence(0.1).data, utterance=utterance)
    assert (utterance.complete, utterance.covered) == (False, 1.0), "it may be a gap within a word"
    heard(silence(0.1).data, utterance=utterance)
    assert (utterance.complete, utterance.covered) == (True, 1.24)
    heard(seconds(0.1), utterance=utterance)
    assert (utterance.complete, utterance.covered) == (False, 1.0)


@pytest.mark.parametrize("room", [clips.quiet(30), clips.noise(30, -70), clips.noise(30, -75, colour=1)])
def test_a_quiet_room_is_silence(room: Pcm) -> None:
    utterance = heard(seconds(0.5, room))
    assert not utterance.due()
    assert utterance.settled
    heard(seconds(1), seconds(0.3, room), utterance=utterance)
    assert utterance.due()
    look(utterance)
    assert heard(seconds(1, room), utterance=utterance).settled


def test_noise_beside_the_speech_of_a_look_is_known_as_noise() -> None:
    noise = clips.noise(5, -50)
    utterance = heard(seconds(0.5, noise), seconds(1), seconds(0.5, noise))
    look(utterance, speech=(0.5, 1.5))
    assert heard(seconds(1, noise), utterance=utterance).settled
    assert not heard(seconds(0.3), utterance=utterance).settled


def test_speech_after_a_bang_and_loud_breath_is_heard() -> None:
    bang, breath = clips.noise(0.4, -5), clips.noise(1.5, -25)
    utterance = heard(breath.data, seconds(2), bang.data, seconds(0.5), silence(0.5).data)
    for _ in range(2):
        look(utterance, speech=(1.5, 3.5))
    heard(seconds(1, clips.tone(1, [300, 700], level=-32)), utterance=utterance)
    assert not utterance.settled


def test_so_long_a_silence_is_looked_at_again() -> None:
    utterance = heard(seconds(1), silence(0.5).data)
    look(utterance)
    heard(silence(1.9).data, utterance=utterance)
    assert utterance.settled
    heard(silence(0.2).data, utterance=utterance)
    assert not utterance.settled
    assert utterance.due()


def test_soft_speech_after_a_click_is_heard() -> None:
    click = clips.tone(0.05, [1000], level=-3)
    soft = clips.tone(1, [300], level=-50)
    assert heard(click.data, soft.data).due()


def test_a_look_that_heard_all_is_the_final_unless_its_text_is_doubted() -> None:
    utterance = heard(seconds(1))
    look(utterance)
    heard(silence(0.3).data, utterance=utterance)
    assert utterance.settled
    assert not utterance.due()


def test_a_doubtful_look_is_decoded_once_more_in_a_pause() -> None:
    utterance = heard(seconds(1))
    look(utterance, doubtful=True)
    assert not utterance.due()
    heard(silence(0.3).data, utterance=utterance)
    assert not utterance.settled
    assert utterance.due()  # although nothing was said since
    assert utterance.doubted
    look(utterance, doubtful=True)
    assert utterance.settled
    assert not utterance.due()


def test_the_last_look_becomes_the_final() -> None:
    utterance = heard(seconds(1), silence(0.5).data)
    assert look(utterance, words=((" one", 0.1, 0.4), (" two", 0.4, 0.9)), language="en") == "one two"
    words = (Word("one", 0.1, 0.4), Word("two", 0.4, 0.9))
    assert utterance.final() == Transcript("one two", True, "en", words)


def test_an_uncertain_language_is_kept_open_until_the_final() -> None:
    utterance = heard(seconds(1))
    look(utterance, language="nl")
    assert utterance.window()[1] == ""
    assert utterance.spoken == "nl"
    look(utterance, language="de", certain=True)
    assert utterance.window()[1] == "de"
    look(utterance, language="nl", certain=True)
    assert utterance.final().language == "de"
    assert Utterance("fr").language == "fr"
    assert Utterance(expected="fr").window()[1:3] == ("", "fr")


def test_a_long_utterance_is_cut_in_a_pause_and_goes_on() -> None:
    utterance = heard(seconds(18), silence(0.4).data, seconds(7.5))
    assert not utterance.excess
    heard(seconds(3), utterance=utterance)
    cut = utterance.excess
    assert 18 < cut * BLOCK_SAMPLES / RATE < 18.4
    audio, *_, before = utterance.window(cut)
    assert (len(audio), before) == (2 * BLOCK_SAMPLES * cut, "")
    utterance.closed(Decoded(" one", ((" one", 1.0, 2.0),)), cut)
    assert not utterance.excess
    audio, *_, before = utterance.window()
    assert len(audio) == 2 * (round(28.9 * RATE) - BLOCK_SAMPLES * cut)
    assert before == " one"
    assert look(utterance, " two") == "one two"
    utterance.closed(Decoded(" two", ((" two", 1.0, 2.0),)))
    final = utterance.final()
    assert final.text == "one two"
    assert [word.start for word in final.words] == [1.0, pytest.approx(1.0 + cut * BLOCK_SAMPLES / RATE)]


def test_every_window_is_bounded_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(1)
    sound = clips.noise(65, -20).data
    utterance, audio, at = Utterance(), b"", 0
    while at < len(sound):
        step = 2 * int(rng.integers(1, 5000))
        utterance.hear(sound[at : at + step])
        at += step
        while cut := utterance.excess:
            window = utterance.window(cut)[0]
            assert MAX_WINDOW_BLOCKS / 2 <= len(window) / 2 / BLOCK_SAMPLES <= MAX_WINDOW_BLOCKS
            audio += window
            utterance.closed(Decoded(), cut)
    assert len(audio) > 2 * BLOCK_SAMPLES * MAX_WINDOW_BLOCKS / 2
    assert audio + utterance.window()[0] == sound
