"""Shows a turn: as a live display on a terminal, as lines in a pipe, not at all with --json."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .conversation import Answer, Show

CLOCKS = {
    "stt": "words understood",
    "recall": "documents searched",
    "llm_first_token": "first word of the answer",
    "tts_first_audio": "first sound made",
    "first_audio_sent": "first sound sent",
    "first_audio_played": "first sound played",
    "barge_in": "silent after interruption",
}
"""The names of the protocol's clocks for people."""


def place(source: dict[str, Any]) -> str:
    """Where a passage is: title, headings, page."""
    steps = [source["title"], *(step for step in source["path"] if step != source["title"])]
    return " › ".join(steps) + (f", page {source['page']}" if source.get("page") else "")


def places(answer: Answer) -> list[str]:
    return list(dict.fromkeys(place(source) for source in answer.sources))


def clocks(answer: Answer) -> list[tuple[str, str]]:
    return [(CLOCKS.get(name, name), f"{ms:,.0f} ms") for name, ms in answer.clocks.items()]


class Lines:
    """Prints each line once it is final."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._partial = ""

    def __call__(self, event: dict[str, Any], answer: Answer) -> None:
        match event["type"]:
            case "partial" if event["text"] != self._partial:
                self._partial = event["text"]
                self._line(f"… {self._partial}")
            case "final":
                self._line(f"You: {event['text']}" + ("" if event["turn"] else " (no question)"))
                if event["turn"]:
                    self._line("Nexus: ", end="")
            case "delta":
                self._line(event["text"], end="")
            case "error":
                self._line(f"\nError: {event['message']}", end="")
            case "ended":
                self._line("")
                for source in places(answer):
                    self._line(f"Source: {source}")
                for name, value in clocks(answer):
                    self._line(f"Clock: {name}: {value}")
                if answer.outcome != "done":
                    self._line(f"Outcome: {answer.outcome}")

    def _line(self, text: str, end: str = "\n") -> None:
        self._console.print(text, end=end, markup=False, highlight=False, soft_wrap=True)


def picture(answer: Answer, partial: str) -> Group:
    """Everything that is known of a turn, laid out for a terminal."""
    from rich.markdown import Markdown

    parts: list[Any] = [Text.assemble(("You    ", "bold cyan"), (answer.question or partial or "…"))]
    if answer.turn:
        parts += [Text("Nexus", "bold green"), Markdown(answer.answer or "…")]
    if answer.sources:
        parts.append(Text("\n".join(f"from   {source}" for source in places(answer)), "dim"))
    if answer.error:
        parts.append(Text(answer.error, "red"))
    if answer.outcome:
        table = Table.grid(padding=(0, 2))
        for name, value in clocks(answer):
            table.add_row(Text(name, "dim"), Text(value, "dim", justify="right"))
        parts += [Text(), table]
        if answer.outcome == "interrupted":
            parts.append(Text("interrupted", "yellow"))
    return Group(*parts)


class LiveDisplay:
    """Redraws the whole turn at every event."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._partial = ""

    def __call__(self, event: dict[str, Any], answer: Answer) -> None:
        if event["type"] == "partial":
            self._partial = event["text"]
        self._live.update(picture(answer, self._partial))


@contextmanager
def display(console: Console, silent: bool) -> Iterator[Show]:
    if silent:
        yield lambda event, answer: None
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=15, vertical_overflow="visible") as live:
            yield LiveDisplay(live)
    else:
        yield Lines(console)
