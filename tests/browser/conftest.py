"""A real browser. Its microphone plays a sound file with a question, a pause, and the question again."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.engines.espeak.tts import RATE, EspeakTts
from serving import Serving, fakes, serving

FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
]
QUESTION = "Tell me about the weather"
PAUSE = 3
"""Seconds between the two questions. The first answer is still being spoken when the second one begins."""

EARS = """
// Hears what the page plays: every node that would reach the loudspeaker reaches an analyser as well.
const connect = AudioNode.prototype.connect;
window.analysers = new Map();
AudioNode.prototype.connect = function (to, ...rest) {
  if (to === this.context.destination && this.context instanceof AudioContext) {
    let analyser = window.analysers.get(this.context);
    if (!analyser) {
      analyser = this.context.createAnalyser();
      window.analysers.set(this.context, analyser);
    }
    connect.call(this, analyser);
  }
  return connect.call(this, to, ...rest);
};
window.loudness = () => {
  let peak = 0;
  for (const analyser of window.analysers.values()) {
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  }
  return peak;
};
"""


async def spoken(text: str) -> bytes:
    async with EspeakTts() as tts, aclosing(tts.speak(text, Voice())) as audio:
        return b"".join([chunk.data async for chunk in audio if isinstance(chunk, Pcm)])


@pytest.fixture(scope="package")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("microphone") / "questions.wav"
    question = anyio.run(spoken, QUESTION)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        second = bytes(2 * RATE)
        file.writeframes(second + question + second * PAUSE + question + second * 60)
    return path


@pytest.fixture(scope="package")
def browser(microphone: Path) -> Iterator[Browser]:
    """Only while tests of the browser run: Playwright holds an event loop in the main thread."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("There is no Chromium here. Run .ci/run, which installs it (apt-get install chromium).")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with scripted engines, whose answers take eight seconds to speak."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "seed").mkdir()
    (folder / "seed" / "weather.md").write_text("# Weather\n\nThe weather tomorrow is clear & <b>calm</b>.\n")
    pace = {"first_audio": 0.05, "audio_speed": 20.0, "sentence_seconds": 2.0, "first_token": 0.05}
    with serving(fakes(folder, fake=pace)) as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: Serving) -> Iterator[Page]:
    """The page, connected to the server. An error inside the page fails the test."""
    context = browser.new_context()
    context.add_init_script(EARS)
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.goto(server.url)
    page.wait_for_selector("#status[data-state=open]")
    yield page
    context.close()
    assert not [line for line in wrong if "WebSocket connection" not in line]
