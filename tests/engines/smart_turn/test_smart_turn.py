"""Smart-turn's real weights, on what espeak-ng says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import clips
from nexus_voice.core.audio import RATE, Pcm, silence
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.smart_turn.judge import SmartTurn
from weights import weights

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
async def judge() -> AsyncIterator[SmartTurn]:
    async with SmartTurn(weights("smart-turn-v3.2")) as judge:
        await judge.ready()
        yield judge


@pytest.mark.parametrize("text", ["How do I start the pump today?", "What time is it?"])
async def test_a_whole_question_sounds_finished(judge: SmartTurn, text: str) -> None:
    assert await judge.finished(clips.join(clips.say(text), silence(0.3))) > 0.7


@pytest.mark.parametrize("text", ["I would like to, um,", "My number is four one five, five,"])
async def test_a_hesitation_and_half_a_number_do_not(judge: SmartTurn, text: str) -> None:
    assert await judge.finished(clips.join(clips.say(text), silence(0.3))) < 0.2


async def test_only_the_last_seconds_count(judge: SmartTurn) -> None:
    said = clips.join(clips.say("I would like to, um,"), silence(0.3))
    long = clips.join(clips.say("How do I start the pump today?"), silence(8.0 - said.seconds), said)
    assert await judge.finished(long) == await judge.finished(Pcm(long.data[-2 * 8 * RATE :], RATE)) < 0.2


async def test_before_it_is_loaded_it_says_so(tmp_path: Path) -> None:
    async with SmartTurn(weights("smart-turn-v3.2")) as judge:
        with pytest.raises(EngineError) as raised:
            await judge.finished(silence(1.0))
    assert (raised.value.code, raised.value.retryable) == ("loading", True)


@pytest.mark.parametrize(
    ("content", "code"), [(None, "model_missing"), (b"not a network", "model_broken"), (b"", "model_broken")]
)
async def test_a_damaged_model_says_what_to_do(tmp_path: Path, content: bytes | None, code: str) -> None:
    if content is not None:
        (tmp_path / "network.onnx").write_bytes(content)
    async with SmartTurn(tmp_path) as judge:
        with pytest.raises(EngineError, match="pull it again") as raised:
            await judge.ready()
    assert raised.value.code == code
