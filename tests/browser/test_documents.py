"""A document's text opens at a passage; files are taken in while the page shows how far they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from playwright.sync_api import Page, expect

from serving import Serving

pytestmark = pytest.mark.slow


def test_the_text_of_a_document_opens_at_the_passage(page: Page, server: Serving) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as http:
        text = "\n\n".join(f"# Part {part}\n\n" + f"Sentence <b>{part}</b>. " * 50 for part in range(40))
        job = http.post("/rag/ingest?wait=20", files={"files": ("long.md", text.encode())}).json()
        id = job["documents"][0]["id"]
        passages = http.get(f"/rag/documents/{id}/text").json()["passages"]
        position = next(one["position"] for one in passages if one["path"] == ["Part 30"])
        try:
            for fragment in ("", "#passage"):
                page.goto("about:blank")
                page.goto(f"{server.url}/rag/documents/{id}/text?at={position}{fragment}")
                expect(page.locator("#passage")).to_be_in_viewport()
                expect(page.locator("#passage")).to_contain_text("Sentence")
                expect(page.locator("h1")).not_to_be_in_viewport()
            assert page.evaluate("getComputedStyle(document.querySelector('p')).whiteSpace") == "pre-wrap"
        finally:
            http.delete(f"/rag/documents/{id}")


def test_files_on_their_way_in_are_shown_and_can_be_stopped(
    page: Page, server: Serving, tmp_path: Path
) -> None:
    knowledge: Any = server.state.knowledge
    usual = knowledge.embed

    async def held(id: str, progress: Any) -> None:
        progress(1, 1)
        await anyio.sleep_forever()

    for name in ("first.md", "second.md"):
        (tmp_path / name).write_text("Some words.")
    knowledge.embed = held
    try:
        page.set_input_files("#files", [tmp_path / "first.md", tmp_path / "second.md"])
        expect(page.locator("#uploads")).to_contain_text("0 of 2 documents taken in")
        expect(page.locator("#uploads")).to_contain_text("1 of 1 passages")
        expect(page.locator("#uploads")).to_contain_text("second.mdwaiting")
        expect(page.locator("#document-list")).to_contain_text("first.md")
        page.reload()
        expect(page.locator("#uploads")).to_contain_text("0 of 2 documents taken in")
        page.get_by_role("button", name="Stop taking in").click()
        expect(page.locator("#uploads")).to_contain_text("Stopped: 0 of 2 documents taken in")
    finally:
        knowledge.embed = usual
    page.on("dialog", lambda dialog: dialog.accept())
    row = page.locator("#document-list li", has_text="first.md")
    row.get_by_role("button").click()
    expect(row).to_have_count(0)
