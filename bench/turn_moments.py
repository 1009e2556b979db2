"""Moments of silence in speech, for measuring when a turn is taken to be over.

They come from recordings of people, and from sentences that the voice reads with pauses where people
hesitate, read numbers out or list things. Sound goes through the product's own front end and detector.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nexus_voice.audio.files import read_audio
from nexus_voice.audio.resample import Resampler
from nexus_voice.core.audio import RATE, Pcm, Transcript, Voice
from nexus_voice.engines.silero.vad import SileroVad
from nexus_voice.ports import Stt, Tts
from nexus_voice.talk.listening.endpointing import STABLE_PAUSE_S, samples
from nexus_voice.talk.listening.front_end import MicrophoneFrontEnds

Samples = NDArray[np.int16]

PRE_ROLL_S, MARGIN_S, AFTER_S = 0.3, 0.5, 0.4
"""Sound kept from before the onset, noise put around a clip, and silence kept after a moment."""
ASSUMED_PAUSES_S = [0.2 * 1.1**step for step in range(22)]
"""A clip that is cut between two words stands for many speakers, who pause there for 0.2 to 1.5 s."""
MIN_BEFORE_S, MIN_AFTER_S, NEAR_PAUSE_S = 0.7, 0.25, 0.2
"""A cut has so much speech before and after it, and no pause of the speaker's own so near."""
QUIET_REACH_S = 0.06
"""A cut is made at the quietest moment so near to where the recogniser puts the end of a word."""
FAINT_STEPS, MIN_GAP_S = 100, 0.06
"""PCM16 steps below which the voice is silent, and how long it must be silent to have paused."""

SAID: dict[str, tuple[str, ...]] = {
    "hesitation": (
        "I would like to, um, |0.8| book a table for two.",
        "What is the, uh, |0.7| capital of Australia?",
        "Could you |0.6| tell me the time?",
        "Tell me about |0.7| the history of Rome.",
        "So, |0.6| how do I add a language model?",
        "I need you to find |0.9| the report from last week.",
        "Well, you know, |0.7| it depends on the weather.",
        "Remind me to call |0.6| my mother tomorrow.",
        "If it rains tomorrow, |0.7| will the match be cancelled?",
        "The thing is, |0.6| I cannot find my keys.",
        "Set an alarm for |0.8| seven in the morning.",
        "I think it was |0.9| the twelfth of May.",
    ),
    "number": (
        "My number is four one five, |0.65| five five five, |0.65| oh one two three.",
        "It is oh three oh, |0.65| four four five, |0.65| nine one seven two.",
        "Call double seven, |0.65| nine four two, |0.65| eight one six.",
        "My card ends in four four one two, |0.65| and it expires in May.",
        "Dial eight hundred, |0.65| five five five, |0.65| zero one nine nine.",
        "The code is two seven, |0.65| three nine, |0.65| six one.",
    ),
    "list": (
        "I need milk, |0.6| eggs, |0.6| and bread.",
        "We visited Paris, |0.6| Rome, |0.6| and Vienna.",
        "Please buy apples, |0.5| pears, |0.5| and some cheese.",
        "Invite Anna, |0.6| Peter, |0.6| and the whole team.",
        "I speak English, |0.5| Spanish, |0.5| and a little German.",
        "It should be small, |0.6| cheap, |0.6| and easy to clean.",
    ),
    "two sentences": (
        "I have a question. |0.5| How do I change the voice?",
        "Hello. |0.5| Can you help me?",
        "My screen is black. |0.6| What can I do?",
        "I am going to Berlin. |0.6| What will the weather be like?",
    ),
    "complete": (
        "What time is it?",
        "How do I add a language model?",
        "Turn off the lights.",
        "Play some music.",
        "What will the weather be like tomorrow?",
        "Stop.",
        "Yes, please.",
        "No, thank you.",
        "Where is the nearest pharmacy?",
        "Tell me a joke.",
        "Set a timer for ten minutes.",
        "Who wrote Hamlet?",
        "I would like a cup of tea.",
        "That is all I wanted to know.",
        "Which engines are used by default?",
        "My name is Thomas.",
        "Call me at five o'clock.",
        "Open the window, please.",
        "Can I use my own documents?",
        "The second one.",
    ),
}
"""Sentences by kind; |0.6| is a pause of so many seconds."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A speaker falls silent, for good or for `pause` seconds."""

    name: str
    kind: str
    sound: bytes
    """Clean sound from a little before the onset to the last voiced sample."""
    after: bytes
    """What follows: `AFTER_S` of silence at most."""
    pause: float | None = None

    def heard(self, silence: float) -> Pcm:
        """What has been heard after so many seconds of silence."""
        return Pcm(self.sound + self.after[: 2 * samples(silence)], RATE)


async def of_clips(folder: Path, stt: Stt, english: bool) -> AsyncIterator[Moment]:
    """The ends, the pauses and the word gaps of the recordings that `folder`/clips.tsv lists; with `english`,
    only of those in English."""
    vad = SileroVad()
    with (folder / "clips.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if english and row["language"] != "en":
                continue
            sound = np.frombuffer(read_audio((folder / f"{row['id']}.flac").read_bytes()).data, "<i2")
            heard = await Recording.of(row["id"], sound, vad)
            for moment in heard.silences("clip"):
                yield moment
            whole = await transcribed(stt, Pcm(heard.clean.tobytes(), RATE))
            for moment in heard.word_gaps(whole):
                yield moment


async def of_sentences(tts: Tts) -> AsyncIterator[Moment]:
    """The ends and pauses of `SAID`, read by `tts`."""
    vad = SileroVad()
    for kind, sentences in SAID.items():
        for sentence in sentences:
            heard = await Recording.of(sentence, await spoken(tts, sentence), vad)
            for moment in heard.silences(kind):
                yield moment


async def spoken(tts: Tts, sentence: str) -> Samples:
    """A sentence with its pauses. It is read in one go, so that its melody goes on over them: each pause is
    put where the voice itself is silent for its comma."""
    first, *rest = sentence.split("|")
    parts, pauses = [first, *rest[1::2]], [float(pause) for pause in rest[::2]]
    text = ", ".join(part.strip(" ,") for part in parts)
    x = await read(tts, text)
    gaps = sorted(sorted(silent_gaps(x), key=lambda gap: gap[0] - gap[1])[: text.count(",")])
    ends = [", ".join(part.strip(" ,") for part in parts[: n + 1]).count(",") for n in range(len(pauses))]
    places = [(gaps[n], pause) for n, pause in zip(ends, pauses, strict=True) if n < len(gaps)]
    for (begin, end), pause in reversed(places):
        x = np.concatenate([x[:begin], np.zeros(samples(pause), np.int16), x[end:]])
    return x


async def read(tts: Tts, text: str) -> Samples:
    """`text` as the voice reads it, at 16 kHz, without the silence at both ends."""
    data, resampler = b"", None
    async with aclosing(tts.speak(text, Voice())) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, Pcm):
                resampler = resampler or Resampler(piece.rate, RATE)
                data += resampler.push(piece.data)
    x = np.frombuffer(data + (resampler.finish() if resampler else b""), "<i2")
    loud = np.flatnonzero(np.abs(x) > FAINT_STEPS)
    return x[loud[0] : loud[-1] + 1] if len(loud) else x


def silent_gaps(x: Samples) -> list[tuple[int, int]]:
    """Silences within `x` of at least `MIN_GAP_S`."""
    loud = np.flatnonzero(np.abs(x) > FAINT_STEPS)
    return [(int(a) + 1, int(b)) for a, b in pairwise(loud) if b - a > samples(MIN_GAP_S)]


async def transcribed(stt: Stt, pcm: Pcm) -> Transcript:
    """The final text of sound that is there at once."""

    async def audio() -> AsyncIterator[Pcm]:
        for at in range(0, len(pcm.data), RATE // 5):
            yield Pcm(pcm.data[at : at + RATE // 5], RATE)

    async with aclosing(stt.transcribe(audio())) as transcripts:  # type: ignore[type-var]
        async for transcript in transcripts:
            if transcript.final:
                return transcript
    return Transcript("", True)


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording as the ear hears it."""

    name: str
    clean: Samples
    voiced: list[tuple[int, int]]
    """Stretches of speech, in samples."""

    @classmethod
    async def of(cls, name: str, sound: Samples, vad: SileroVad) -> Recording:
        generator = np.random.default_rng(len(sound))
        blocks = np.square(sound[: len(sound) // 320 * 320].reshape(-1, 320).astype(np.float64)).mean(axis=1)
        level = float(np.clip(np.sqrt(np.percentile(blocks, 5)), 1, 30))
        x = np.pad(sound, samples(MARGIN_S)) + generator.normal(0, level, len(sound) + 2 * samples(MARGIN_S))
        noisy = np.clip(np.rint(x), -32768, 32767).astype("<i2")
        clean = MicrophoneFrontEnds().open(RATE)(noisy.tobytes())
        voiced: list[tuple[int, int]] = []
        end = 0
        for window in await vad.open()(clean):
            begin, end = end, end + window.samples
            if window.probability >= 0.5 and window.lead + window.trail < window.samples:
                first, last = begin + window.lead, end - window.trail
                if voiced and first - voiced[-1][1] < samples(STABLE_PAUSE_S):
                    first = voiced.pop()[0]
                voiced.append((first, last))
        return cls(name, np.frombuffer(clean.data, "<i2"), voiced)

    def silences(self, kind: str) -> Iterator[Moment]:
        """The end, and the pauses that are long enough to be asked about."""
        nexts: list[int | None] = [begin for begin, _ in self.voiced[1:]]
        for (_, end), following in zip(self.voiced, [*nexts, None], strict=True):
            pause = None if following is None else (following - end) / RATE
            yield self._moment(kind, end, self.clean[end:following], pause)

    def word_gaps(self, transcript: Transcript) -> Iterator[Moment]:
        """The recording cut off between two words, as if the speaker paused there."""
        first, last = self.voiced[0][0], self.voiced[-1][1]
        silences = [end for _, end in self.voiced]
        hush = self.clean[last:]
        for before, after in zip(transcript.words, transcript.words[1:], strict=False):
            gap = round((before.end + after.start) / 2 * RATE)
            near = min(abs(gap - end) for end in silences)
            if (
                gap - first < samples(MIN_BEFORE_S)
                or last - gap < samples(MIN_AFTER_S)
                or near < samples(NEAR_PAUSE_S)
            ):
                continue
            begin = gap - samples(QUIET_REACH_S)
            around = np.square(self.clean[begin : gap + samples(QUIET_REACH_S)].astype(np.float64))
            at = begin + 80 + int(np.convolve(around, np.ones(160), "valid").argmin())
            for pause in ASSUMED_PAUSES_S:
                yield self._moment("clip, cut between words", at, hush, pause)

    def _moment(self, kind: str, end: int, after: Samples, pause: float | None) -> Moment:
        begin = max(0, self.voiced[0][0] - samples(PRE_ROLL_S))
        kind = f"{kind}: {'end' if pause is None else 'pause'}"
        return Moment(
            self.name, kind, self.clean[begin:end].tobytes(), after[: samples(AFTER_S)].tobytes(), pause
        )
