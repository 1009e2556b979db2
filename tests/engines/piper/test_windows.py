"""A Piper voice makes its sound in windows: the seams cannot be heard, and the first window comes early."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_tiny.piper import HOP, tiny_voice
from nexus_voice.engines.piper.voice import FIRST_WINDOW, MAX_WINDOW, InWindows, Voice, Whole, limited
from nexus_voice.engines.piper.worker import Piper
from nexus_voice.workers.worker import Stopped
from weights import weights

pytestmark = pytest.mark.slow
TEXT = (
    "You may send it back within thirty days, as long as it was never used and you still have "
    "the receipt that came in a box."
)
MAX_SEAM_DB = -50.0
"""Power of the difference between windows and whole decoding, below the sound's own."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    return Voice(tiny_voice(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def joe() -> Voice:
    return Voice(weights("en_US-joe-medium") / "en_US-joe-medium.onnx")


@pytest.fixture(params=["tiny", "joe"])
def voice(request: pytest.FixtureRequest) -> Voice:
    return request.getfixturevalue(request.param)


def given(voice: Voice, text: str = TEXT) -> dict[str, Any]:
    phonemes = voice._piper.phonemes_to_ids(voice._piper.phonemize(text)[0])
    more = {"sid": np.array([1])} if voice._settings.num_speakers > 1 else {}
    return {
        "input": np.array([phonemes]),
        "input_lengths": np.array([len(phonemes)]),
        "scales": np.array([0.667, 1.0, 0.8], np.float32),
        **more,
    }


def decibels(difference: Any, sound: Any) -> float:
    return 10 * np.log10(np.mean(np.square(difference)) / np.mean(np.square(sound)) + 1e-20)


def seam(network: InWindows, drawn: dict[str, Any]) -> float:
    frames = next(iter(drawn.values())).shape[-1]
    whole = np.concatenate(list(network.decoded(drawn, first=frames)))
    in_windows = np.concatenate(list(network.decoded(drawn)))
    assert len(in_windows) == len(whole)
    return decibels(in_windows - whole, whole)


def test_nothing_is_heard_at_the_seams(voice: Voice) -> None:
    """One prior, drawn at random, is decoded both ways."""
    network = voice._network
    assert isinstance(network, InWindows)
    drawn = network.drawn(given(voice))
    assert next(iter(drawn.values())).shape[-1] > 2 * MAX_WINDOW
    assert seam(network, drawn) < MAX_SEAM_DB


def test_the_parts_are_the_whole(tmp_path: Path) -> None:
    """Split or not, with one speaker or two, the network makes the same sound: its noise is nought."""
    for speakers in (1, 2):
        file = tiny_voice(tmp_path / str(speakers), speakers=speakers)
        voice = Voice(file)
        assert isinstance(voice._network, InWindows)
        ids = given(voice)
        whole, parts = (np.concatenate(list(one.windows(ids))) for one in (Whole(file), voice._network))
        assert decibels(parts - whole, whole) < MAX_SEAM_DB
        assert np.abs(whole).max() == pytest.approx(0.4 * speakers, rel=0.05)


def test_windows_grow_from_a_small_first_one(voice: Voice) -> None:
    windows = [len(window) for window in voice.speak(TEXT, 1.0)]
    frames = [size // HOP for size in windows]
    assert frames[:4] == [FIRST_WINDOW, 2 * FIRST_WINDOW, 4 * FIRST_WINDOW, 8 * FIRST_WINDOW]
    assert max(frames) == MAX_WINDOW
    assert sum(windows) / voice.rate > 3


def test_a_listener_who_leaves_stops_it_between_windows(tmp_path: Path) -> None:
    """The first piece of sound that cannot be sent ends the sentence."""
    made: list[int] = []

    class Counting(Voice):
        def speak(self, text: str, scale: float) -> Iterator[Any]:
            for window in super().speak(text, scale):
                made.append(len(window))
                yield window

    def emit(piece: Any) -> None:
        if isinstance(piece, bytes):
            raise Stopped

    engine = Piper({})
    engine._loaded["tiny"] = Counting(tiny_voice(tmp_path))
    with pytest.raises(Stopped):
        engine.speak(iter([{"text": TEXT, "voice": "tiny", "rate": 1.0, "pitch": 1.0}]), emit)
    assert made == [FIRST_WINDOW * HOP]


def test_a_network_that_cannot_be_split_speaks_whole_sentences(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tiny: Voice
) -> None:
    with caplog.at_level(logging.WARNING):
        voice = Voice(tiny_voice(tmp_path, in_one_piece=True))
    assert "en_US-tiny-medium.onnx speaks whole sentences only: it has no ConvTranspose" in caplog.text
    [whole] = voice.speak(TEXT, 1.0)
    in_windows = np.concatenate(list(tiny.speak(TEXT, 1.0)))
    assert decibels(whole - in_windows, whole) < MAX_SEAM_DB


def test_every_worker_finds_the_same_loudness(voice: Voice) -> None:
    assert voice._measured_gain() == pytest.approx(voice._gain)
    peak = max(np.abs(window).max() for window in voice.speak(TEXT, 1.0))
    assert 0.4 < peak <= 1.0


def test_loud_peaks_are_bent_and_quiet_samples_are_not() -> None:
    samples = np.linspace(-3, 3, 601, dtype=np.float32)
    bent = limited(samples)
    assert np.abs(bent).max() <= 1.0
    assert np.all(np.diff(bent) >= 0)
    quiet = np.abs(samples) < 0.8
    assert np.array_equal(bent[quiet], samples[quiet])
