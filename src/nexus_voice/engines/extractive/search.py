"""From a question and passages to the units that answer it, and how well they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from anyio.to_thread import run_sync

from ...core.chat import Passage
from .evidence import Evidence, Features
from .extract import AnswerLimits, compose, rank, same_heading, shortlist
from .meaning import Meanings
from .question import Asked
from .tables import likely_words, told
from .units import Unit, units

MIN_LISTED_ROWS = 3
"""So many rows of a table are told as a list of their names, where a list is asked for."""
COMPARED_CHARS = 180
"""Characters of a heading and sentence that are compared: one long text would slow its whole batch."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`units` in the order in which they are told; `features` say how well they answer the question."""

    units: list[Unit]
    features: Features


async def search(
    asked: Asked, passages: Sequence[Passage], meanings: Meanings, limits: AnswerLimits
) -> Answer | None:
    """The answer that the passages hold, however weak; None without any.

    All that takes time runs in threads: a page of short words takes tens of milliseconds.
    """
    found = await run_sync(units, asked, passages)
    headings = list(dict.fromkeys(unit.heading for unit in found))
    known = meanings.understands(asked.text) and await meanings.learn([asked.text, *headings])
    alike = {heading: meanings.closeness(asked.text, heading) for heading in headings} if known else {}
    looked = await run_sync(shortlist, found, passages, limits, alike)
    if not looked:
        return None
    known = known and await meanings.learn([compared(unit, passages) for unit in looked])
    close = [meanings.closeness(asked.text, compared(unit, passages)) for unit in looked] if known else None

    def composed() -> tuple[list[Unit], Evidence]:
        titles = {passage.title for passage in passages}
        same = {
            heading: same_heading(asked, heading, alike.get(heading, 0.0), title=heading in titles)
            for heading in headings
        }
        scores = rank(looked, close, passages, same)
        chosen = compose(asked, found, scores, passages, limits, same, known)
        return chosen, Evidence(asked, next(iter(scores)), chosen, found, passages)

    chosen, evidence = await run_sync(composed)
    if known:
        rows = [unit.row for unit in chosen if unit.row]
        compared_words = [*evidence.missing, *evidence.near] if evidence.missing else []
        await meanings.learn([*likely_words(asked, rows), *compared_words])
    closeness = dict(zip(looked, close, strict=True)) if close else None
    return await run_sync(_answer, asked, chosen, evidence, closeness, meanings)


def _answer(
    asked: Asked,
    chosen: Sequence[Unit],
    evidence: Evidence,
    closeness: Mapping[Unit, float] | None,
    meanings: Meanings,
) -> Answer:
    told_rows = {unit: told(unit.row, asked, meanings.cosine) for unit in chosen if unit.row}
    measured = evidence.features(closeness, meanings, told_rows.get(evidence.best))
    said = [replace(unit, told=told_rows[unit].text) if unit in told_rows else unit for unit in chosen]
    return Answer(_as_list(said) if asked.wanted == "list" else said, measured)


def _as_list(units: Sequence[Unit]) -> list[Unit]:
    """Several rows of a table are told by their names where a list is asked for: "app, llm, stt"."""
    rows = [unit for unit in units if unit.row]
    if len(rows) < MIN_LISTED_ROWS:
        return [*units]
    names = ", ".join(unit.row.name for unit in rows if unit.row)
    return [*(unit for unit in units if not unit.row), replace(rows[0], told=names)]


def compared(unit: Unit, passages: Sequence[Passage]) -> str:
    title = passages[unit.passage].title
    above = unit.heading if unit.heading == title else f"{title}. {unit.heading}"
    return f"{above}. {unit.text}"[:COMPARED_CHARS]
