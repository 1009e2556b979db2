"""A Piper voice: Piper's package makes the phonemes, onnxruntime runs the network, window by window."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .graph import CannotSplit, Part, split

log = logging.getLogger(__name__)
Floats = NDArray[np.float32]

THREADS = 1
"""Of onnxruntime, for each worker."""
FIRST_WINDOW, MAX_WINDOW = 16, 128
"""Frames that become sound at once; most voices have 86 in a second. The first window is small, so that the
first sound comes soon. Each further one is twice as long, because the work at its edges is done twice."""
CONTEXT = 2 / 3
"""Share of a network's reach that is seen beyond a window's edges. What lies farther away weighs little: the
sound differs by less than -60 dB."""
REFERENCE = "1 2 3 4 5 6 7 8 9 10"
"""What is spoken to measure how loud a voice is; every language has words for it."""
REFERENCE_PEAK = 0.85
"""Peak of the reference in the voice's output."""
MAX_GAIN = 10.0
KNEE = 0.85
"""Peaks above it are bent so that they stay below 1."""


class Voice:
    """A voice, loaded and tried out. Raises whatever a damaged file makes its readers raise."""

    def __init__(self, file: Path) -> None:
        from piper import PiperConfig, PiperVoice

        self._settings = PiperConfig.from_dict(json.loads(Path(f"{file}.json").read_text("utf-8")))
        self.rate: int = self._settings.sample_rate
        # It only makes phonemes. Some languages' phonemisers keep files of their own; beside the voice, not
        # where we were started.
        self._piper = PiperVoice(None, self._settings, download_dir=file.parent)
        self._network: InWindows | Whole
        try:
            with TemporaryDirectory() as folder:
                self._network = InWindows(*split(file, Path(folder)))
        except CannotSplit as reason:
            log.warning("The Piper voice %s speaks whole sentences only: %s", file.name, reason)
            self._network = Whole(file)
        self._gain = self._measured_gain()

    def speak(self, text: str, scale: float) -> Iterator[Floats]:
        """Samples (-1..1) of `text`, window by window; `scale` is a factor of its length."""
        settings = self._settings
        scales = [settings.noise_scale, settings.length_scale * scale, settings.noise_w_scale]
        for window in self._windows(text, scales):
            yield limited(window * self._gain)

    def _windows(self, text: str, scales: list[float]) -> Iterator[Floats]:
        for phonemes in filter(None, self._piper.phonemize(text)):
            ids = np.array([self._piper.phonemes_to_ids(phonemes)], np.int64)
            given = {
                "input": ids,
                "input_lengths": np.array([ids.size], np.int64),
                "scales": np.array(scales, np.float32),
            }
            if self._settings.num_speakers > 1:
                given["sid"] = np.array([self._settings.default_speaker_id], np.int64)
            yield from self._network.windows(given)

    def _measured_gain(self) -> float:
        """The gain that makes the reference as loud as it should be.

        It is measured without noise, so that every worker finds the same. The network's first run, which is
        slower, is over then, and has shown whether it is one for speech.
        """
        windows = self._windows(REFERENCE, [0.0, self._settings.length_scale, 0.0])
        peak = max((float(np.abs(window).max(initial=0.0)) for window in windows), default=0.0)
        return min(MAX_GAIN, REFERENCE_PEAK / max(peak, 1e-9))


class Whole:
    """A network that makes a whole sentence at once."""

    def __init__(self, file: Path) -> None:
        self._network = session(file)

    def windows(self, given: dict[str, Any]) -> Iterator[Floats]:
        yield self._network.run(None, given)[0].reshape(-1)


class InWindows:
    """A network in three parts. The first reads a whole sentence, the others work window by window."""

    def __init__(self, to_prior: Part, to_latent: Part, to_sound: Part) -> None:
        self._to_prior = session(to_prior.file)
        self._to_latent = session(to_latent.file)
        self._to_sound = session(to_sound.file)
        self._latent_context = round(CONTEXT * to_latent.reach)
        self._sound_context = round(CONTEXT * to_sound.reach)

    def windows(self, given: dict[str, Any]) -> Iterator[Floats]:
        yield from self.decoded(self.drawn(given))

    def drawn(self, given: dict[str, Any]) -> dict[str, Any]:
        """The prior, drawn at random, and what the other networks need besides."""
        names = [one.name for one in self._to_prior.get_outputs()]
        return dict(zip(names, self._to_prior.run(None, given), strict=True))

    def decoded(self, drawn: dict[str, Any], first: int = FIRST_WINDOW) -> Iterator[Floats]:
        """The sound of what `drawn` returned. The first window has `first` frames."""
        latent = self._to_latent.get_outputs()[0].name
        frames = next(iter(drawn.values())).shape[-1]
        known = begin = 0
        size = first
        while begin < frames:
            end = min(begin + size, frames)
            seen = min(end + self._sound_context, frames)
            more = run_between(self._to_latent, drawn, known, seen, frames, self._latent_context)
            if not known:
                drawn = {**drawn, latent: np.zeros((*more.shape[:-1], frames), np.float32)}
            drawn[latent][..., known:seen] = more
            known = seen
            sound = run_between(self._to_sound, drawn, begin, end, frames, self._sound_context)
            yield sound.reshape(-1)
            begin, size = end, min(2 * size, max(first, MAX_WINDOW))


def run_between(
    network: onnxruntime.InferenceSession,
    given: dict[str, Any],
    begin: int,
    end: int,
    frames: int,
    context: int,
) -> Any:
    """What `network` makes of the frames `begin` to `end`, which sees `context` frames on both sides of them.

    Frames are the last dimension of a tensor; one that has not `frames` of them is the same for all.
    """
    start, stop = max(0, begin - context), min(frames, end + context)
    feed = {one.name: given[one.name] for one in network.get_inputs()}
    feed = {name: one[..., start:stop] if one.shape[-1] == frames else one for name, one in feed.items()}
    made = network.run(None, feed)[0]
    each = made.shape[-1] // (stop - start)
    return made[..., (begin - start) * each : (end - start) * each]


def session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.enable_cpu_mem_arena = False  # it would keep what the longest sentence once took
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def limited(samples: Floats) -> Floats:
    """`samples` with their peaks bent to stay between -1 and 1."""
    loud = np.abs(samples)
    bent = KNEE + (1 - KNEE) * np.tanh((loud - KNEE) / (1 - KNEE))
    return np.where(loud > KNEE, np.copysign(bent, samples), samples).astype(np.float32)
