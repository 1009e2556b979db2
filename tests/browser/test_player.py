"""The page's player, rendered sample by sample: paused it is silent, and it goes on where it is told to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.slow

RATE = 22_050
PITCHES = (100, 150, 200, 250)
"""Each piece of the turn's audio is half a second of one of these, in Hz."""

PLAY = """
async ({ rate, pitches }) => {
  let context;
  window.AudioContext = class extends OfflineAudioContext {  // renders at once, and stops where it is told to
    constructor({ sampleRate }) {
      super(1, 4 * sampleRate, sampleRate);
      context = this;
    }
    resume() { return this.state === "suspended" && this.begun ? super.resume() : Promise.resolve(); }
    close() {}
  };
  const { Player } = await import("/static/player.js");
  const reports = [], lengths = [];
  const player = new Player({ report: (turn, ms) => reports.push(ms), changed() {} });
  const piece = (pitch) => Int16Array.from({ length: rate / 2 },
    (_, n) => 10_000 * Math.sin((2 * Math.PI * pitch * n) / rate)).buffer;
  const at = (when, what) => context.suspend(when).then(() => {
    what();
    context.begun = true;
    context.resume();
  });

  player.start(1, rate);
  for (const pitch of pitches) player.play(piece(pitch));
  at(0.7, () => {
    player.pause(1);
    player.play(piece(pitches[3])); // was on its way
  });
  at(1.4, () => {
    player.resume(1, 500);
    for (const pitch of pitches.slice(1)) player.play(piece(pitch));
  });
  at(2.2, () => {
    player.flush(1);
    player.resume(1, 0); // too late
    player.play(piece(pitches[0]));
  });
  const rendered = await context.startRendering();
  return { sound: Array.from(rendered.getChannelData(0)), reports };
}
"""


@pytest.fixture
def played(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(PLAY, {"rate": RATE, "pitches": PITCHES})
    return found


def pitch(x: np.ndarray[Any, Any]) -> float:
    return float((np.diff(np.signbit(x).astype(int)) == 1).sum() * RATE / len(x))


def test_a_pause_is_silent_and_the_voice_goes_on_where_it_is_told_to(played: dict[str, Any]) -> None:
    x = np.array(played["sound"])

    def between(begin: float, end: float) -> np.ndarray[Any, Any]:
        return x[round(begin * RATE) : round(end * RATE)]

    assert pitch(between(0.1, 0.5)) == pytest.approx(100, rel=0.06)
    assert np.abs(between(0.725, 1.4)).max() < 0.001, "silent while it is paused"
    assert pitch(between(1.45, 1.9)) == pytest.approx(150, rel=0.06), "from half a second on, again"
    assert pitch(between(1.95, 2.18)) == pytest.approx(200, rel=0.06)
    assert np.abs(between(2.225, 4.0)).max() < 0.001, "flushed is flushed"
    steepest = 10_000 / 32_768 * 2 * np.pi * 250 / RATE
    assert np.abs(np.diff(x)).max() < 2 * steepest, "no click anywhere"


def test_it_reports_what_was_heard(played: dict[str, Any]) -> None:
    paused, flushed = played["reports"][0], played["reports"][-1]
    assert paused == pytest.approx(670, abs=8)
    assert flushed == pytest.approx(500 + 770, abs=8)
