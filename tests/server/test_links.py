"""Where a browser opens what an answer rests on."""

from __future__ import annotations

import pytest

from nexus_voice.core.chat import Passage
from nexus_voice.core.events import Source
from nexus_voice.server.rag.links import link

PUMP = Passage("The blue button starts the pump.", "d1", "The pump", page=3, position=40, score=0.9)
BILL = Passage("Keep the bill in a safe place.", "d2", "Warranty", position=7, score=0.8)
WEB = Passage("It rains.", "https://example.org/rain", "Rain", url="https://example.org/rain")


@pytest.mark.parametrize(
    ("passage", "expected"),
    [
        (PUMP, "/rag/documents/d1/original#page=3"),
        (BILL, "/rag/documents/d2/text?at=7#passage"),
        (Passage("x", "d3", "Slides", page=3, position=9, type="application/vnd.ms-powerpoint"),
         "/rag/documents/d3/text?at=9#passage"),
        (Passage("x", "../a?b#c", "Odd"), "/rag/documents/..%2Fa%3Fb%23c/text?at=0#passage"),
        (Passage("x", "d4", "A page we keep", position=5, url="https://example.org/"),
         "/rag/documents/d4/text?at=5#passage"),
        (WEB, "https://example.org/rain"),
        (Passage("x", "javascript:alert(1)", "Bad", url="javascript:alert(1)"), ""),
        (Passage("x", "", "What you shared"), ""),
    ],
)  # fmt: skip
def test_a_source_links_to_its_place(passage: Passage, expected: str) -> None:
    source = Source.of(passage, link(passage))
    assert source.link == expected
    assert (source.position, source.url, source.page) == (passage.position, passage.url, passage.page)
