"""Reports what became of each document: a line on standard output, and progress bars on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


class Report:
    """Use it as a context manager. A failure that repeats is reported once."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, markup=False, soft_wrap=True)
        self._notes = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._notes,
            transient=True,
            disable=not self._notes.is_terminal,
            redirect_stdout=self._out.is_terminal,  # otherwise the lines would not reach a pipe
        )
        self._files = self._bars.add_task("Connecting", total=None)
        self._passages = self._bars.add_task("", total=None, visible=False)
        self._label, self._finished, self._waits_for = "", 0, ""
        self._counts: Counter[str] = Counter()
        self._told: set[str] = set()
        self.good = True
        """False once something has failed."""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, label: str) -> None:
        """Print `label` before the names of documents from now on."""
        self._label, self._finished, self._counts = label, 0, Counter()

    def expect(self, files: int) -> None:
        self._bars.update(self._files, description="Documents", completed=0, total=files)

    def say(self, text: str) -> None:
        """Show what is being waited for."""
        self._bars.update(self._files, description=text)

    def waiting(self, why: str) -> None:
        """Show why the server is being waited for. Without a terminal it is printed, once per reason."""
        self.say(f"Waiting for the server: {why}")
        if self._bars.disable and why != self._waits_for:
            self._notes.print(f"Waiting for the server: {why}")
        self._waits_for = why

    def progress(self, ended: int, running: Mapping[str, Any] | None) -> None:
        """Show the state of the oldest open job: how many documents have ended, and which one is running."""
        self._bars.update(self._files, description="Documents", completed=self._finished + ended)
        if running and running["chunks"]:
            passages = {"total": running["chunks"], "completed": running["embedded"]}
            self._bars.update(self._passages, description=running["name"][-60:], visible=True, **passages)
        else:
            self._bars.update(self._passages, visible=False)

    def done(self, name: str, outcome: str, passages: int | None = None) -> None:
        """`outcome` is added, updated, unchanged, deleted or cancelled."""
        self.count(outcome)
        self._print(f"{name}: {outcome}" + ("" if passages is None else f", {passages} passages"))
        self._advance()

    def warn(self, name: str, what: str) -> None:
        """Say what is missing in a document that was taken in."""
        self._print(f"{name}: {what}")

    def failed(self, name: str, why: str) -> None:
        self.good = False
        self.count("failed")
        line = f"{name}: {why}"
        if (self._label + line) not in self._told:
            self._told.add(self._label + line)
            self._print(line)
        self._advance()

    def count(self, outcome: str) -> None:
        self._counts[outcome] += 1

    def note(self, text: str) -> None:
        """Print something about the source as a whole, once."""
        line = f"{self._label.rstrip('/')} {text}".strip()
        if line not in self._told:
            self._told.add(line)
            self._out.print(line)

    def end(self, left_out: Mapping[str, int]) -> None:
        """Print the totals, unless nothing has happened since they were last printed."""
        kinds = ", ".join(f"{suffix} {count}" for suffix, count in sorted(left_out.items()))
        if kinds:
            self.note(f"holds files of types that cannot be read, which are left out: {kinds}.")
        sums = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self._counts.items()))
        if sums and (self._label or self._counts.total() > 1):
            line = f"{self._label or 'Together'}: {sums}"
            if self._counts.keys() - {"unchanged", "failed"} or line not in self._told:
                self._out.print(line)
            self._told.add(line)

    def _print(self, line: str) -> None:
        self._out.print(self._label + line)

    def _advance(self) -> None:
        self._finished, self._waits_for = self._finished + 1, ""
        self._bars.update(self._files, completed=self._finished)
        self._bars.update(self._passages, visible=False)
