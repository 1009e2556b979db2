"""The silent loudspeaker of `ask`, on virtual time."""

from __future__ import annotations

import anyio
import pytest
import trio
import trio.testing

from nexus_voice.cli.player import Player

RATE = 8_000


def test_after_a_pause_it_goes_on_where_it_is_told_to() -> None:
    async def scene() -> None:
        player = Player()
        player.start(1, RATE)
        player.add(bytes(2 * RATE))
        await anyio.sleep(0.6)
        player.flush(1)
        player.add(b"\1\1" * RATE)  # was on its way
        await anyio.sleep(5)
        assert player.played == pytest.approx(0.6)
        assert not player.playing
        player.resume(1, 0.4)
        player.add(b"\2\2" * RATE)
        await anyio.sleep(0.5)
        assert player.played == pytest.approx(0.9)
        assert player.audio.data == bytes(2 * round(0.4 * RATE)) + b"\2\2" * RATE

    trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))


def test_another_turn_is_not_resumed() -> None:
    async def scene() -> None:
        player = Player()
        player.start(2, RATE)
        player.add(bytes(RATE))
        player.flush(2)
        player.resume(1, 0.0)
        player.add(bytes(RATE))
        assert not player.playing

    trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
