"""The words say what the code does: settings, messages, links."""

from __future__ import annotations

import re
import runpy
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from nexus_voice.cli.show import CLOCKS
from nexus_voice.core import events
from nexus_voice.engines import ENGINES
from nexus_voice.knowledge.reading.kinds import SUFFIXES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
QUESTIONS = [
    page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem not in ("protocol", "configuration")
]
MESSAGES = {
    field.default: message
    for message in get_args(events.ClientEvent) + get_args(events.ServerEvent)
    for field in fields(message)
    if field.name == "type"
}


def test_every_setting_is_documented_with_its_default() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_configuration.py"))
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert script["written"](page) == page, "run scripts/write_configuration.py"


def documented() -> dict[str, list[str]]:
    """Message -> its fields, from the page's sections and tables."""
    page = (ROOT / "docs" / "protocol.md").read_text()
    sections = re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    return {name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in sections}


def test_every_message_is_documented_and_no_other() -> None:
    assert documented().keys() == MESSAGES.keys() | {"source"}


@pytest.mark.parametrize("name", [*MESSAGES, "source"])
def test_a_message_is_documented_with_its_fields(name: str) -> None:
    message = MESSAGES.get(name, events.Source)
    expected = {field.name for field in fields(message)} - {"type"}
    if message is events.Hello:
        expected -= {field.name for field in fields(events.Settings)}
    given = documented()[name]
    assert set(given) == expected
    assert len(given) == len(expected)


def test_every_clock_is_documented() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    assert all(f"| `{clock}` |" in page for clock in CLOCKS)


def test_every_engine_is_documented() -> None:
    page = (ROOT / "docs" / "engines.md").read_text()
    assert [kind for kinds in ENGINES.values() for kind in kinds if f"`{kind}`" not in page] == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(found), f"{page.name}: {target}"


@pytest.mark.parametrize("page", QUESTIONS, ids=lambda page: page.name)
def test_a_users_page_asks_and_answers(page: Path) -> None:
    """Its sections are questions, and the first thing below each is a sentence: what gets quoted."""
    sections = re.findall(r"^## (.+)\n\n(.+)", page.read_text(), re.MULTILINE)
    assert sections
    for heading, first in sections:
        assert heading.endswith("?"), heading
        assert re.match(r"[A-Z\"`]", first), f"{heading}: {first}"
        assert re.search(r"[.:](?:\s|$)", first), f"{heading}: {first}"


def test_every_type_of_file_that_is_read_is_documented_and_no_other() -> None:
    section = (ROOT / "docs" / "knowledge.md").read_text().split("## Which file types can it read?")[1]
    listed = re.findall(r"`(\.\w+)`", section.split("\n\n")[2])
    assert sorted(listed) == sorted(SUFFIXES)
    page = (ROOT / "src/nexus_voice/server/static/index.html").read_text()
    accepted = re.findall(r'accept="([^"]+)"', page)
    assert accepted == [",".join(SUFFIXES)]
