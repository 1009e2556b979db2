"""Tells how likely the user is heard, and not an echo, a cough, a hum or music; `barge_in.py` decides."""

from __future__ import annotations

from collections import deque

import numpy as np

from ...core.audio import RATE, Pcm
from .spectra import BINS, FRAME_SAMPLES, HOP_SAMPLES, Floats, power_spectra, speech_likeness

_ECHO_LEARNING_S = 0.4
"""The room's echo is learnt from this much sound before the speech as well."""
_MAX_JUDGED_S = 0.6
"""Only the newest sound is judged."""
_MAX_DELAY_HOPS, _MAX_ADVANCE_HOPS = 50, 5
"""Echo is looked for up to 500 ms after the reported time of playing, and up to 50 ms before it."""
_MIN_UNLEARNT_S = 0.6
"""While the assistant's first sounds may echo, so much sound is needed for a judgement."""
_DELAY_HOPS = _MAX_DELAY_HOPS + _MAX_ADVANCE_HOPS
_KEPT_S = 2.5
"""How much of microphone and loudspeaker is remembered."""
_KEPT_WITHOUT_MICROPHONE_S = 10.0
"""How much of the loudspeaker is remembered while no microphone is heard."""
_KEPT_BYTES = 2 * int(_KEPT_S * RATE)
_ECHO_QUANTILE = 0.6
"""The gain of the echo is this quantile of near / far."""
_ECHO_MARGIN = 4.0
"""Power factor (6 dB) for what a room and a drifting clock add to the echo."""
_MAX_ECHO_S = 0.9
"""What was played within this time before the speech may echo in it."""
_INAUDIBLE_RATIO = 1e-3
"""Sound 30 dB under the speech counts as not heard."""
_MIN_PLAYED_POWER = 1e-5
"""The assistant's sound is taken to be at least this loud (-50 dBFS), to divide by it."""
_REVERB_DECAY = 0.7
"""A room's reverberation as a power factor a hop: -60 dB in 0.4 s."""
_BAND_STARTS = np.array([3, 6, 9, 12, 16, 20, 26, 32, 40, 50, 62, 78, 98, 124, 160, 200])
"""First bin of each band in which the echo is estimated."""
_BAND_WIDTHS = np.diff(np.append(_BAND_STARTS, BINS))


class OverlapDetectors:
    """One detector per conversation."""

    def open(self) -> OverlapDetector:
        return OverlapDetector()


class OverlapDetector:
    """`near` and `far` only remember; `speech` does the work (about 1 ms)."""

    def __init__(self) -> None:
        self._near = bytearray()
        self._now = 0.0
        self._far: deque[_Played] = deque()

    def far(self, pcm: Pcm, at: float) -> None:
        """The assistant's audio, any rate, that the user begins to hear at `at` seconds."""
        while self._far and self._far[0].end < at - _KEPT_WITHOUT_MICROPHONE_S:
            self._far.popleft()
        if pcm.data:
            self._far.append(_Played(pcm, at))

    def cut(self, at: float) -> None:
        """Nothing of it is heard from `at` seconds on."""
        while self._far and self._far[-1].at >= at:
            self._far.pop()
        if self._far and self._far[-1].end > at:
            last = self._far.pop()
            self.far(last.until(at), last.at)

    def near(self, pcm: Pcm, at: float) -> None:
        """Microphone audio at 16 kHz that ended at `at` seconds; without gaps."""
        self._near += pcm.data
        self._now = at
        if len(self._near) > 2 * _KEPT_BYTES:
            del self._near[:-_KEPT_BYTES]
        while self._far and self._far[0].end < at - _KEPT_S:
            self._far.popleft()

    def speech(self, since: float) -> float:
        """0..1: how likely the newest 0.6 s at most, from `since` on, hold the user's own speech."""
        likelihood = self._likelihood(since)
        return likelihood if likelihood >= 0.5 or not self._just_begun(since) else 0.0

    def _likelihood(self, since: float) -> float:
        judged = min(self._now - since + 0.02, _MAX_JUDGED_S)
        if judged < (_MIN_UNLEARNT_S if self._just_begun(since) else 0.15):
            return 0.0
        before = _ECHO_LEARNING_S if self._far else 0.0
        count = min(round((judged + before) * RATE), len(self._near) // 2)
        count -= (count - FRAME_SAMPLES) % HOP_SAMPLES  # the last frame ends now
        if count < FRAME_SAMPLES:
            return 0.0
        near = power_spectra(_floats(bytes(self._near[-2 * count :])))
        frames = min((round(judged * RATE) - FRAME_SAMPLES) // HOP_SAMPLES + 1, len(near))
        loudest = float(near[-frames:].sum(axis=1).max())
        if self._far and self._unheard(near[:-frames], since, loudest):
            return speech_likeness(near[-frames:], loudest, vowels=6)
        far = self._reference(len(near))
        if len(far):
            return speech_likeness(_without_echo(near, far)[-frames:], loudest, vowels=6)
        return speech_likeness(near[-frames:], loudest)

    def _just_begun(self, since: float) -> bool:
        """Whether the assistant has hardly been heard before the speech: its echo is not known yet."""
        return bool(self._far) and self._far[0].at > since - _MAX_ECHO_S and self._far[0].at < self._now

    def _unheard(self, before: Floats, since: float, loudest: float) -> bool:
        """Whether the microphone does not hear the assistant at all (headphones, a good echo canceller).

        Then the sound just `before` the speech, echoes of up to 0.5 s included, is negligible beside the
        speech, even when it is scaled to the assistant's loudest.
        """
        played = [piece for piece in self._far if piece.end > since - _MAX_ECHO_S and piece.at < self._now]
        earlier = [piece for piece in played if piece.at < since]
        if not len(before) or sum(piece.end - piece.at for piece in earlier) < _MAX_ECHO_S - 0.2:
            return False
        usual = sum(piece.power for piece in earlier) / len(earlier)
        gain = float(before.sum(axis=1).max()) / max(usual, _MIN_PLAYED_POWER)
        return _ECHO_MARGIN * gain * max(piece.power for piece in played) < loudest * _INAUDIBLE_RATIO

    def _reference(self, frames: int) -> Floats:
        """Spectra of what was played, from `_MAX_DELAY_HOPS` before the microphone's frames to
        `_MAX_ADVANCE_HOPS` after them."""
        count = (frames + _DELAY_HOPS - 1) * HOP_SAMPLES + FRAME_SAMPLES
        line = np.zeros(count, np.float32)
        begin = self._now + (_MAX_ADVANCE_HOPS * HOP_SAMPLES - count) / RATE
        for piece in self._far:
            at = round((piece.at - begin) * RATE)
            if at < count and piece.end > begin:
                x = piece.samples()
                first, last = max(at, 0), min(at + len(x), count)
                line[first:last] = x[first - at : last - at]
        return power_spectra(line) if line.any() else np.zeros((0, BINS), np.float32)


class _Played:
    """Played audio; resampled only if somebody talks over it."""

    def __init__(self, pcm: Pcm, at: float) -> None:
        self.at, self.end = at, at + pcm.seconds
        self._pcm = pcm
        self._samples: Floats | None = None
        self._power = -1.0

    def until(self, at: float) -> Pcm:
        """What of it was played before `at`."""
        samples = max(0, round((at - self.at) * self._pcm.rate))
        return Pcm(self._pcm.data[: 2 * samples], self._pcm.rate)

    @property
    def power(self) -> float:
        """Mean square, full scale 1."""
        if self._power < 0:
            x = _floats(self._pcm.data)
            self._power = float(x @ x) / max(1, len(x))
        return self._power

    def samples(self) -> Floats:
        """At 16 kHz, between the given samples: what aliases is far under the bands' loudness."""
        if self._samples is None:
            x, step = _floats(self._pcm.data), self._pcm.rate / RATE
            at = np.arange(round(len(x) / step)) * step
            self._samples = np.interp(at, np.arange(len(x)), x).astype(np.float32)
        return self._samples


def _floats(data: bytes) -> Floats:
    return np.frombuffer(data, "<i2") * np.float32(1 / 32768)


def _without_echo(near: Floats, far: Floats) -> Floats:
    """`near` less what the reference explains at its best delay, per band and with the room's tail.

    `far` begins `_MAX_DELAY_HOPS` frames earlier. Echo keeps its level per band over time, while a user's
    words come and go, so a quantile of near / far where the direct sound leads is the echo's gain.
    """
    heard = np.add.reduceat(near, _BAND_STARTS, axis=1)
    played = np.add.reduceat(far, _BAND_STARTS, axis=1)
    tail = played.copy()
    for shift in (1, 2, 4, 8, 16):  # running maximum with decay, by doubling
        np.maximum(tail[shift:], tail[:-shift] * _REVERB_DECAY**shift, out=tail[shift:])
    at = _best_match(heard, tail)
    shifted = slice(at, at + len(near))
    tail, played = tail[shifted], played[shifted]
    direct = (played > 0.3 * tail) & (tail > tail.max(axis=0, initial=0.0) * 1e-3)
    ratio = np.where(direct, heard / (tail + 1e-12), np.nan)
    gain = np.nan_to_num(_quantile(ratio, _ECHO_QUANTILE))
    echo = _ECHO_MARGIN * gain * tail
    kept = np.maximum(1 - echo / (heard + 1e-12), 0)
    return np.asarray(
        near * np.repeat(np.pad(kept, ((0, 0), (1, 0)), mode="edge"), np.append(3, _BAND_WIDTHS), axis=1)
    )


def _best_match(heard: Floats, tail: Floats) -> int:
    """The frame of `tail` from which the loudness patterns of all bands agree best with `heard`."""
    n = len(heard)
    a = np.log(heard + 1e-6)
    a -= a.mean(axis=0)
    flat = a.ravel()
    b = np.log(tail + 1e-6)
    sums, squares = (np.cumsum(np.pad(x, ((1, 0), (0, 0))), axis=0, dtype=float) for x in (b, b * b))
    spread = squares[n:] - squares[:-n] - (sums[n:] - sums[:-n]) ** 2 / n
    match = [b[d : d + n].ravel() @ flat for d in range(len(b) - n + 1)]
    return int((match / np.sqrt(np.maximum(spread.sum(axis=1), 1.0))).argmax())


def _quantile(ratio: Floats, share: float) -> Floats:
    """Per band over the frames that count (not NaN); NaN where there is none."""
    ordered = np.sort(ratio, axis=0)  # NaN goes last
    count = (~np.isnan(ordered)).sum(axis=0)
    index = np.maximum((count * share).astype(int) - (count > 0), 0)
    return np.asarray(np.take_along_axis(ordered, index[None], axis=0)[0])
