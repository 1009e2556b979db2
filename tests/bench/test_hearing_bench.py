"""How the bench of hearing counts errors."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from bench.__main__ import arguments
from bench.hearing import Clip, Heard, errors, read

import clips
from nexus_voice.core.audio import silence


def heard(said: str, got: str, language: str = "en", source: str = "us") -> Heard:
    return Heard(Clip("one", language, source, said, np.zeros(0), 0, 1), got)


@pytest.mark.parametrize(
    ("said", "got", "wrong"),
    [
        ("in eighteen thirteen", "In 1813.", 0),
        ("uh what's the weather like", "What is the weather, um, like?", 0),
        ("it costs twelve dollars and fifty cents", "It costs $12.50", 0),
        ("turn it off now", "turn it on now", 25),
    ],
)
def test_numbers_punctuation_and_fillers_are_no_errors(said: str, got: str, wrong: float) -> None:
    assert errors([heard(said, got)]) == {"en": wrong, "en us": wrong}


def test_errors_are_counted_by_language_and_in_some_by_character() -> None:
    found = errors([heard("广州市房", "广州市访", "zh"), heard("sieben Tage", "7 Tage", "de")])
    assert found == {"de": 0, "zh": 25}


def test_clips_are_read_up_to_half_a_second_after_the_voice(tmp_path: Path) -> None:
    spoken = clips.join(silence(0.5), clips.say("How do I start the pump today?"), silence(3))
    soundfile.write(tmp_path / "one.flac", clips.samples(spoken), 16_000)
    (tmp_path / "clips.tsv").write_text(
        "id\tlanguage\tsource\tkind\tseconds\ttext\none\ten\tespeak\tread\t5\thow do i start\n"
    )
    (one,) = read(tmp_path)
    assert one.first == pytest.approx(0.5, abs=0.2)
    assert one.last == pytest.approx(spoken.seconds - 3, abs=0.3)
    assert len(one.samples) == round((one.last + 0.5) * 16_000)
    with pytest.raises(SystemExit, match=r"clips\.tsv"):
        read(tmp_path / "gone")


def test_the_command_is_there() -> None:
    chosen = arguments(["hearing", "--clips", "clips", "--speakers", "1,4"])
    assert (chosen.clips, chosen.speakers, chosen.threads) == (Path("clips"), [1, 4], 0)
