"""The endpointing machine alone: windows in, edges out; positions in samples."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_voice.core.audio import RATE, Voicing
from nexus_voice.talk.listening.endpointing import Endpoint, samples
from nexus_voice.talk.listening.events import Edge, FalseOnset, Onset, Pause, SpeechEnd
from nexus_voice.talk.listening.turn_end import NOTHING, Evidence

WINDOW, FRAME = 512, 320


def run(
    speech: list[tuple[float, float]],
    seconds: float,
    silence: float = 0.5,
    known: Evidence = NOTHING,
    hangover: float = 0.0,
) -> list[tuple[float, Edge]]:
    """Edges with the time of the frame that caused them; windows lag behind frames, as they do live."""
    endpoint, out, examined = Endpoint(silence), [], 0
    for frame in range(1, round(seconds * RATE / FRAME) + 1):
        windows = []
        while examined + WINDOW <= frame * FRAME:
            begin, end = examined, examined + WINDOW
            voiced = [
                (max(begin, samples(a)), min(end, samples(b)))
                for a, b in speech
                if samples(a) < end and samples(b) > begin
            ]
            late = any(samples(a) < end and samples(b + hangover) > begin for a, b in speech)
            if voiced:
                windows.append(Voicing(0.9, WINDOW, voiced[0][0] - begin, end - voiced[-1][1]))
            else:
                windows.append(Voicing(0.9 if late else 0.0, WINDOW, 0 if late else WINDOW, WINDOW))
            examined = end
        out += [(frame * FRAME / RATE, edge) for edge in endpoint.feed(FRAME, windows, known)]
    return out


def test_one_utterance() -> None:
    edges = run([(1.0, 2.0)], 4.0)
    assert [type(edge) for _, edge in edges] == [Onset, Pause, SpeechEnd]
    assert edges[0][1] == Onset(samples(1.0))
    assert edges[-1][1] == SpeechEnd(samples(2.0))


@pytest.mark.parametrize("phase", [0.0, 0.007, 0.013, 0.019, 0.025, 0.031])
@pytest.mark.parametrize("hangover", [0.0, 0.1])
def test_the_silence_is_counted_from_the_last_voiced_sample(phase: float, hangover: float) -> None:
    """Whatever the window phase and the detector's hangover, to one frame."""
    (*_, (when, edge)) = run([(1.0 + phase, 2.0 + phase)], 4.0, hangover=hangover)
    assert edge == SpeechEnd(samples(2.0 + phase))
    assert 2.0 + phase + 0.5 <= when <= 2.0 + phase + 0.5 + 0.021


def test_the_words_stretch_and_shorten_the_window() -> None:
    usual, longer, shorter = (
        run([(1.0, 2.0)], 5.0, known=Evidence(text))[-1][0]
        for text in ("fine weather", "tell me about the", "what is it like today")
    )
    assert shorter < usual < longer


def test_a_short_noise_is_dropped() -> None:
    edges = run([(1.0, 1.05)], 3.0)
    assert [type(edge) for _, edge in edges] == [Onset, FalseOnset]
    assert edges[1][0] < 1.3


def test_a_pause_within_an_utterance_does_not_end_it() -> None:
    edges = run([(1.0, 1.6), (1.9, 2.4)], 4.0)
    assert [type(edge) for _, edge in edges] == [Onset, Pause, Pause, SpeechEnd]


def test_endless_speech_is_ended() -> None:
    edges = run([(0.5, 90.0)], 70.0)
    assert type(edges[1][1]) is SpeechEnd
    assert edges[1][0] == pytest.approx(60.5, abs=0.05)


def test_sustained_speech_counts_from_the_onset_and_not_across_gaps() -> None:
    endpoint = Endpoint(0.5)
    window = Voicing(0.9, WINDOW)
    for _ in range(6):
        endpoint.feed(WINDOW, [window])
    assert endpoint.sustained == 6 * WINDOW
    for _ in range(5):
        endpoint.feed(WINDOW, [Voicing(0.0, WINDOW, WINDOW, WINDOW)])
    assert endpoint.sustained == 0
    endpoint.feed(WINDOW, [window])
    assert endpoint.sustained == WINDOW


def test_a_stuck_talk_button_ends_in_the_end() -> None:
    endpoint = Endpoint(0.5)
    endpoint.press()
    edges = [edge for _ in range(50 * 61) for edge in endpoint.feed(FRAME, [])]
    assert [type(edge) for edge in edges] == [SpeechEnd]


def test_the_voice_before_the_detectors_certainty_belongs_to_the_utterance() -> None:
    endpoint = Endpoint(0.5)
    unsure, sure = Voicing(0.3, WINDOW, lead=128), Voicing(0.9, WINDOW)
    assert endpoint.feed(2 * WINDOW, [unsure, sure]) == [Onset(128)]


def test_push_to_talk_waits_for_the_button() -> None:
    endpoint = Endpoint(0.5)
    endpoint.press()
    for _ in range(200):
        assert endpoint.feed(FRAME, []) == []
    assert isinstance(endpoint.release(), SpeechEnd)
    assert endpoint.onset is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 120)), max_size=8))
def test_edges_always_alternate(stretches: list[tuple[int, int]]) -> None:
    """Every utterance that begins ends once, by being finished or dropped; pauses lie within."""
    speech = [(begin / 50, (begin + length) / 50) for begin, length in stretches]
    open_ = False
    for _, edge in run(speech, 12.0):
        if isinstance(edge, Onset):
            assert not open_
            open_ = True
        else:
            assert open_
            open_ = isinstance(edge, Pause)
    assert not open_
