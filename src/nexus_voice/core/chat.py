"""The conversation as values: exchanges, history, and the prompt an engine is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

Skill = Literal["chat", "passages", "tools"]
"""What a language model may be asked for, each with what stands before it: to chat, to answer from passages,
to call tools."""
Outcome = Literal["done", "interrupted", "failed"]
Role = Literal["user", "assistant", "tool"]
PageStarts = tuple[tuple[int, int], ...]
"""(offset in a text, number of the page that begins there) of all pages in it, from offset 0 on; empty if the
text is on one page or on none."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that may answer the question. Text is data, never instructions."""

    text: str
    document: str
    """Id of the document."""
    title: str
    """The document's name as a person would say it."""
    path: tuple[str, ...] = ()
    """Headings above the passage, outermost first."""
    page: int | None = None
    """The page of most of it; `page_starts` knows that of every sentence."""
    position: int = 0
    """Offset of the passage in the document's text, in characters."""
    score: float = 0.0
    """Relevance, 0..1; comparable within one engine only."""
    url: str = ""
    """Where it was found, if that is on the web."""
    type: str = ""
    """Media type of the document's file; empty when that is not known."""
    page_starts: PageStarts = ()

    def by_page(self) -> tuple[Passage, ...]:
        """What it says on each of its pages, as passages of one page each; itself if there is only one."""
        parts = list[Passage]()
        for (start, page), (end, _) in pairwise([*self.page_starts, (len(self.text), 0)]):
            if text := self.text[start:end].strip():
                place = self.position + self.text.index(text, start)
                parts.append(replace(self, text=text, page=page, position=place, page_starts=()))
        return tuple(parts) or (self,)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `arguments` are already parsed JSON."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cited:
    """An engine that knows which passages its answer rests on says so before its first text."""

    passages: tuple[Passage, ...]
    quoted: bool = True
    """The answer is in their own words."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """The model died in the middle of its answer: nothing more comes."""


Generated = str | ToolCall | Cited | CutOff
"""What a language model yields: pieces of text, tool calls whole and after the text, and what it rests on."""


@dataclass(slots=True)
class Usage:
    """Tokens that an engine has been charged for since it was started, by its provider's own count."""

    prompt: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class ToolStep:
    """A call and its result: they enter history only as a pair."""

    call: ToolCall
    result: str
    ok: bool = True


@dataclass(slots=True)
class Exchange:
    """One question and what became of its answer."""

    user: str
    generated: str = ""
    """Everything the model wrote."""
    heard: str = ""
    """What the user heard of it (or saw, for a reply without sound)."""
    outcome: Outcome = "done"
    steps: list[ToolStep] = field(default_factory=list)
    sources: tuple[Passage, ...] | None = None
    """What the answer rests on; None until that is known."""
    language: str = ""
    """ISO 639-1 code of what was said; empty when it was typed, or the recogniser does not tell."""
    quoted: bool = False
    """The answer is in the documents' own words, and so in their language."""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of history. A tool message carries its `step`; its text is the result."""

    role: Role
    text: str
    step: ToolStep | None = None


Caller = Literal["conversation", "http", "openai"]
"""Who asks, and so what they can do: in a conversation documents are switched on and added by hand; a request
over HTTP has a field for it; OpenAI's interface searches none."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything an engine may use, each part with its own trust.

    `system` is the administrator's and the only source of instructions; `context` comes from the
    client, `passages` from documents: both are data. `steps` are this turn's finished tool calls.
    """

    question: str
    system: str = ""
    context: str = ""
    passages: tuple[Passage, ...] = ()
    history: tuple[Message, ...] = ()
    steps: tuple[ToolStep, ...] = ()
    spoken: bool = False
    """The answer will be said aloud: keep it short and plain."""
    size: Literal["small", "large"] = "large"
    max_tokens: int = 250
    knowledge: bool = True
    """Whether the user's documents were searched at all."""
    has_knowledge: bool = True
    """Whether there is a knowledge base that could be searched."""
    caller: Caller = "conversation"
    ours: bool = True
    """A conversation of our own: house rules are added, and old history is left out. Not so for a
    client that brings its own instructions and messages."""

    @property
    def tokens(self) -> int:
        """An estimate: rules and markup are left out, and 4 characters count as a token, as in English."""
        texts = [self.system, self.context, self.question]
        texts += [passage.text for passage in self.passages]
        texts += [message.text for message in self.history]
        texts += [step.result for step in self.steps]
        return sum(map(len, texts)) // 4


MAX_HISTORY_EXCHANGES = 20
"""Exchanges that are remembered; older ones are forgotten."""


class Chat:
    """A conversation's memory. Only what was heard of a reply is remembered."""

    def __init__(self, exchanges: Sequence[Exchange] = (), context: str = "") -> None:
        self.exchanges = list(exchanges)
        self.context = context

    def commit(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        del self.exchanges[:-MAX_HISTORY_EXCHANGES]

    def questions(self) -> list[str]:
        """What the user asked, oldest first."""
        return [exchange.user for exchange in self.exchanges]

    def history(self) -> tuple[Message, ...]:
        """Messages for the next prompt: user words, tool pairs, heard words."""
        messages: list[Message] = []
        for exchange in self.exchanges:
            messages.append(Message("user", exchange.user))
            messages.extend(Message("tool", step.result, step) for step in exchange.steps)
            if exchange.heard:
                messages.append(Message("assistant", exchange.heard))
        return tuple(messages)
