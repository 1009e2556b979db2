"""What the conversation needs from outside: one small protocol for each kind of engine.

An engine that owns a process, a file or a connection is also an async context manager, and must be
entered before use. Every method may be cancelled at any await, and then leaves nothing running.
Engines raise `EngineError` for errors that they can explain.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

from .core.access import PUBLIC, Scope
from .core.audio import Mark, Pcm, Transcript, Voice, Voicing
from .core.chat import Generated, Passage, Prompt, Usage
from .core.events import ClientEvent, ServerEvent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """Shape (texts, dimensions), rows of unit length."""


class Detector(Protocol):
    """One session's voice activity detector; keeps state, so feed it every sample in order."""

    async def __call__(self, pcm: Pcm) -> Sequence[Voicing]:
        """The windows that `pcm` (16 kHz, any length) completed: none, one or several."""
        ...

    def reset(self) -> None: ...


class Vad(Protocol):
    name: str

    def open(self, sensitivity: float = 0.5) -> Detector:
        """A detector for one session. `sensitivity` 0..1: higher hears quieter speech."""
        ...


class FrontEnd(Protocol):
    """One session's microphone clean-up: resampling to 16 kHz, high-pass, noise gate."""

    def __call__(self, data: bytes) -> Pcm:
        """Raw PCM16 of any byte count (an odd byte is kept for the next call) -> 16 kHz."""
        ...


class FrontEnds(Protocol):
    def open(self, rate: int) -> FrontEnd: ...


class Overlap(Protocol):
    """Tells, while the assistant speaks, the user's speech from the assistant's echo, a cough or a hum."""

    def far(self, pcm: Pcm, at: float) -> None:
        """The assistant's audio that the user begins to hear at `at` (anyio clock)."""
        ...

    def cut(self, at: float) -> None:
        """Of that audio, nothing is heard from `at` on: it was stopped."""
        ...

    def near(self, pcm: Pcm, at: float) -> None:
        """Microphone audio (16 kHz) that ended at `at`."""
        ...

    def speech(self, since: float) -> float:
        """How likely (0..1) it is that the microphone has picked up the user's speech since `since`."""
        ...


class Overlaps(Protocol):
    def open(self) -> Overlap: ...


class Stt(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def early_words(self) -> bool:
        """Whether words now arrive within 0.9 s of speech, early enough to confirm an interruption."""
        ...

    def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncIterator[Transcript]:
        """16 kHz audio of one utterance -> partials, then one final when `audio` ends.

        `expected` is the language that the conversation has been in (ISO 639-1); empty when that is unknown.
        An engine that detects the language keeps to it while in doubt.
        """
        ...


class TurnJudge(Protocol):
    """Tells by the sound of speech whether its speaker has finished."""

    async def finished(self, speech: Pcm) -> float:
        """How likely (0..1) it is that nothing follows `speech`, 16 kHz audio that ends in a short silence.

        Raises at once when it cannot say, such as `Busy`: the words then decide alone."""
        ...


class Tool(Protocol):
    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments."""
    side_effects: bool
    """Whether it changes something. Once started, such a tool is finished and recorded even when the user
    interrupts."""

    async def __call__(self, **arguments: Any) -> str: ...


class Llm(Protocol):
    @property
    def name(self) -> str: ...

    def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncIterator[Generated]:
        """Pieces of the answer as they are generated; tool calls come whole, after the text.

        An engine that answers from some of the passages only may yield one `Cited` first. A chain
        whose model dies in the middle of its answer yields `CutOff` last.
        """
        ...


class Tts(Protocol):
    @property
    def name(self) -> str: ...

    def speak(self, sentence: str, voice: Voice) -> AsyncIterator[Pcm | Mark]:
        """`sentence` is already speakable text. Audio in order, one rate; marks where known."""
        ...


class Embedder(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors: ...


class Reranker(Protocol):
    async def rank(self, query: str, passages: Sequence[Passage]) -> list[Passage]: ...


class Search(Protocol):
    """A search engine for the web."""

    @property
    def name(self) -> str: ...

    async def search(self, query: str, k: int) -> list[Passage]: ...


# --- optional abilities of engines: ask with isinstance ------------------------------------------


@runtime_checkable
class NeedsLoading(Protocol):
    """An engine that takes time after it is entered, or has to reach its server, before it can work."""

    async def ready(self) -> None:
        """Wait until it can work. Raises `EngineError` when it cannot."""
        ...


@runtime_checkable
class TellsCost(Protocol):
    """A recogniser that can measure how fast it is on this machine."""

    async def cost(self) -> float:
        """Seconds that a short utterance takes, measured now."""
        ...


@runtime_checkable
class Biasable(Protocol):
    """A recogniser that can be told which words to expect."""

    async def bias(self, sentences: Sequence[str]) -> None:
        """Expect words like those in `sentences`, instead of those given before."""
        ...


@runtime_checkable
class HasVoices(Protocol):
    """A synthesiser with several voices."""

    async def voices(self) -> list[str]:
        """Names for `Voice.name`."""
        ...


@runtime_checkable
class HasLanguages(Protocol):
    """A synthesiser that does not speak every language."""

    def speaks(self, language: str) -> bool:
        """Whether it has a voice for the language (ISO 639-1)."""
        ...


@runtime_checkable
class Understands(Protocol):
    """An embedder that does not understand every language."""

    def understands(self, text: str) -> bool:
        """Whether what it says of the text means anything."""
        ...


@runtime_checkable
class ReportsUsage(Protocol):
    """A language model whose provider says how many tokens it has billed."""

    usage: Usage
    """All tokens since the engine was made."""


@runtime_checkable
class OnThisMachine(Protocol):
    """An engine that may compute on this machine, where a call costs time and no money."""

    @property
    def local(self) -> bool: ...


@runtime_checkable
class HasPlaces(Protocol):
    """An engine that serves few calls at a time; further ones wait."""

    @property
    def free_places(self) -> float:
        """Calls that it would begin at once; below 1 the next one waits."""
        ...


@runtime_checkable
class NamesModel(Protocol):
    """A language model engine that knows which model answers, by which its `Skill` is told."""

    @property
    def known_model(self) -> str:
        """Its name; empty while a server has not been asked."""
        ...

    async def model(self, prompt: Prompt) -> str:
        """The name of the model that answers `prompt`. Raises `EngineError`."""
        ...


@runtime_checkable
class Quotes(Protocol):
    """A language model engine that quotes passages, and knows beforehand whether they answer."""

    async def can_answer(self, prompt: Prompt) -> bool: ...


@runtime_checkable
class Primes(Protocol):
    """A language model that can read the beginning of a prompt before its question is known."""

    @property
    def primes(self) -> bool:
        """Whether it can now."""
        ...

    async def prime(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> None:
        """Read `prompt` up to its question, so that the answer begins sooner. It is done when no call
        needs the model, or not at all; an error of it is nobody's."""
        ...


@runtime_checkable
class Chain(Protocol):
    """Several engines that act as one."""

    def noting(self, note: Callable[[str], None]) -> Self:
        """This chain, for a caller: `note` is told the name of each engine that gives it a result."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A language model whose tokenizer can be asked."""

    async def tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens in each text. Raises `EngineError` when it cannot say."""
        ...


@runtime_checkable
class ListsModels(Protocol):
    """A server of language models that says which ones it has."""

    async def models(self) -> list[str]: ...


@runtime_checkable
class Calibrated(Protocol):
    """An embedder that knows what its cosines mean."""

    cosines: tuple[float, float]
    """Of unrelated texts, and of a question with its answer."""


class Knowledge(Protocol):
    """The user's documents."""

    async def recall(self, query: str, k: int = 5, *, scope: Scope = PUBLIC) -> list[Passage]:
        """The passages that `scope` may see, best first: at most `k`, together within the context budget, and
        perhaps none."""
        ...


class Sender(Protocol):
    """The way to a client."""

    async def send(self, message: ServerEvent | Pcm) -> None:
        """Waits while the client is slow. Raises `anyio.BrokenResourceError` when it is gone."""
        ...


class Wire(Sender, Protocol):
    """A client's connection, messages already decoded and checked."""

    async def receive(self) -> bytes | ClientEvent:
        """The next microphone bytes or event. Raises `anyio.EndOfStream` when the client is gone."""
        ...
