"""Only the user's own words may take the floor from the assistant."""

from __future__ import annotations

import pytest

import clips
from nexus_voice.core.audio import Pcm
from nexus_voice.talk.listening.overlap import OverlapDetectors

VOICES = ("en-us", "en-us+f3", "en-gb-scotland")
WORDS = (
    "stop",
    "no wait",
    "could you say that again",
    "my name is Peter",
    "open the window",
    "never mind that",
    "is it open",
    "excuse me",
    "move on please",
)
ANSWER = "Refunds are available within thirty days of purchase, as long as the item is unused."
HUMS = [clips.hum(pitch=pitch) for pitch in (110, 130, 200)]
ONSET = 1.5


def scores(
    near: Pcm, onset: float, until: float = 0.6, far: Pcm | None = None, step: float = 0.02
) -> list[tuple[float, float]]:
    """(seconds after the onset, likelihood) as the conversation asks for it, from 192 ms on."""
    overlap, asked = OverlapDetectors().open(), []
    if far is not None:
        for at in range(0, len(far.data), 9600):
            overlap.far(Pcm(far.data[at : at + 9600], far.rate), 100 + at / 2 / far.rate)
    due = 0.19
    for at in range(0, len(near.data) - 640, 640):
        after = (at + 640) / 32_000 - onset
        overlap.near(Pcm(near.data[at : at + 640], 16_000), 100 + onset + after)
        if due <= after <= until:
            asked.append((after, overlap.speech(100 + onset)))
            due += step
    return asked


def room(*parts: Pcm, at: tuple[float, ...] = ()) -> Pcm:
    return clips.mix(clips.noise(3.2, -62, 0.7), *parts, at=(0, *at))


def accepted(asked: list[tuple[float, float]]) -> float | None:
    return next((after for after, likelihood in asked if likelihood >= 0.5), None)


@pytest.mark.parametrize("echo", [None, -12.0])
def test_the_users_words_are_accepted(echo: float | None) -> None:
    far = clips.say(ANSWER)
    times = []
    for voice in VOICES:
        for text in WORDS if echo is None else WORDS[::2]:
            parts = [clips.say(text, voice)] + ([] if echo is None else [clips.echo(far, 0.08, echo, 0.25)])
            near = room(*parts, at=(ONSET, 0)[: len(parts)])
            times.append(accepted(scores(near, ONSET, 0.41, None if echo is None else far)))
    on_time = [t for t in times if t is not None and t <= 0.27]
    assert len(on_time) >= (0.85 if echo is None else 0.55) * len(times)
    assert times.count(None) <= (0 if echo is None else len(times) // 6)


@pytest.mark.parametrize("delay", [0.0, 0.105, 0.25, 0.49])
@pytest.mark.parametrize(("gain", "reverb"), [(0.0, 0.3), (-12.0, 0.05), (-30.0, 0.2)])
def test_echo_alone_never_is(delay: float, gain: float, reverb: float) -> None:
    far = clips.say(ANSWER, "en-us+f3")
    near = clips.mix(clips.noise(far.seconds, -62, 0.7), clips.echo(far, delay, gain, reverb))
    for onset in (delay, 1.3, 2.6):
        assert accepted(scores(near, onset, 0.7, far, step=0.1)) is None


def test_echo_of_another_rate_is_known_too() -> None:
    import soxr

    clip = clips.say(ANSWER)
    far = clips.pcm(soxr.resample(clips.samples(clip), 16_000, 22_050), 22_050)
    near = clips.mix(clips.noise(clip.seconds, -62), clips.echo(clip, 0.15, -10))
    for onset in (0.2, 1.7):
        assert accepted(scores(near, onset, 0.7, far, step=0.1)) is None


@pytest.mark.parametrize("over_echo", [False, True])
@pytest.mark.parametrize(
    "clip",
    [
        *[pytest.param(clips.cough(seed), id=f"cough {seed}") for seed in range(4)],
        *[pytest.param(clip, id=f"hum {n}") for n, clip in enumerate(HUMS)],
        *[pytest.param(clips.say("[[m-h'm]]", voice), id=f"mm-hm {voice}") for voice in VOICES],
        *[pytest.param(clips.say("[[n-h'n]]", voice), id=f"nn-hn {voice}") for voice in VOICES],
        pytest.param(clips.clicks(0.7), id="keyboard"),
        pytest.param(clips.tone(0.7, [440, 550, 660]), id="chord"),
    ],
)
def test_other_sounds_never_are(clip: Pcm, over_echo: bool) -> None:
    far = clips.say(ANSWER, "en-us+f3") if over_echo else None
    echo = [clips.echo(far, 0.12, -18, 0.2)] if far else []
    near = room(clip, *echo, at=(ONSET, 0)[: 1 + len(echo)])
    assert accepted(scores(near, ONSET, 0.8, far, step=0.06)) is None


@pytest.mark.parametrize(
    "clip",
    [
        pytest.param(clips.tone(0.7, [1000]), id="beep"),
        pytest.param(clips.tone(0.7, [100 * k for k in range(1, 30)]), id="buzz"),
        *[pytest.param(clips.music(1.0, seed=seed), id=f"music {seed}") for seed in range(3)],
    ],
)
def test_steady_sounds_never_are(clip: Pcm) -> None:
    assert accepted(scores(room(clip, at=(ONSET,)), ONSET, 0.8, step=0.06)) is None


def test_too_little_sound_is_no_speech() -> None:
    overlap = OverlapDetectors().open()
    assert overlap.speech(0.0) == 0.0
    overlap.near(clips.quiet(0.1), 10.0)
    assert overlap.speech(9.9) == 0.0
    assert overlap.speech(0.0) == 0.0


def test_memory_is_bounded() -> None:
    overlap = OverlapDetectors().open()
    second = clips.quiet(1)
    for now in range(100):
        overlap.near(second, now + 1.0)
        overlap.far(second, now + 0.5)
    assert len(overlap._near) <= 2 * 2 * 16_000 * 2.5 + len(second.data)
    assert len(overlap._far) < 6
