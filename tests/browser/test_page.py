"""The page in a real Chromium: typing, talking, interrupting, documents, coming back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nexus_voice.core.errors import EngineError
from nexus_voice.engines.fake.engines import FakeLlm
from serving import Serving

pytestmark = pytest.mark.slow

LOUD, SILENT = "loudness() > 0.05", "loudness() < 0.001"


def until(page: Page, condition: str, patience: int = 400) -> None:
    """Wait for a condition inside the page; its own security policy forbids `wait_for_function`."""
    while not page.evaluate(condition):
        patience -= 1
        assert patience, f"{condition} never came true"
        page.wait_for_timeout(25)


def ask(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def test_a_typed_question_is_answered_on_screen_and_aloud(page: Page) -> None:
    ask(page, "What will the <b>weather</b> be tomorrow?")
    expect(page.locator(".user")).to_have_text("What will the <b>weather</b> be tomorrow?")
    until(page, LOUD)
    expect(page.locator(".text")).to_contain_text("please take an umbrella")
    page.click(".sources summary")
    expect(page.locator(".sources blockquote")).to_contain_text("clear & calm")
    expect(page.locator("#stop")).to_be_visible()
    page.wait_for_timeout(800)  # some words are to be heard
    page.click("#stop")
    until(page, SILENT)
    expect(page.locator(".turn")).to_have_attribute("data-outcome", "interrupted")
    heard, unheard = page.locator(".text").inner_text(), page.locator(".unheard").inner_text()
    assert heard.startswith("The forecast")
    assert unheard
    assert unheard != heard
    expect(page.locator(".clocks")).to_contain_text("first sound heard")
    expect(page.locator("#stop")).to_be_hidden()


def test_the_talk_button_is_held_to_talk(page: Page) -> None:
    page.locator("#talk").hover()
    page.mouse.down()
    expect(page.locator("#talk")).to_have_attribute("data-state", "talking")
    page.wait_for_timeout(400)
    page.mouse.up()
    expect(page.locator(".user")).to_contain_text("could you tell me what the weather")
    until(page, LOUD)
    page.keyboard.down("Space")  # silences, and talks again
    until(page, SILENT)
    expect(page.locator("#talk")).to_have_attribute("data-state", "talking")
    page.keyboard.up("Space")
    expect(page.locator(".turn")).to_have_count(2)


def test_speaking_interrupts_the_answer(page: Page) -> None:
    page.locator("#hands-free").check(force=True)
    expect(page.locator("#talk")).to_have_attribute("data-speech", "true")  # by the page's own judgement
    expect(page.locator("#talk")).to_have_attribute("data-speech", "false")
    until(page, LOUD)
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator(".turn").first).to_have_attribute("data-outcome", "interrupted")
    until(page, SILENT)
    expect(page.locator(".turn")).to_have_count(2)
    until(page, LOUD)
    page.locator("#hands-free").uncheck(force=True)
    page.keyboard.press("Escape")
    until(page, SILENT)


def test_documents_come_and_go(page: Page, tmp_path: Path) -> None:
    expect(page.locator("#document-list li")).to_have_count(1)
    good, bad = tmp_path / "bananas.md", tmp_path / "bananas.exe"
    good.write_text("# All about <i>bananas</i>\n\nBananas are yellow.")
    bad.write_bytes(b"MZ\0\1" * 99)
    page.set_input_files("#files", [good, bad])
    expect(page.locator("#uploads")).to_contain_text("1 of 2 documents taken in")
    expect(page.locator("#uploads .failed")).to_contain_text("was not added")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#uploads li")).to_have_count(0)
    row = page.locator("#document-list li", has_text="bananas")
    expect(row).to_contain_text("1 passage")
    page.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button").click()
    expect(row).to_have_count(0)


def test_a_lost_connection_comes_back_to_its_conversation(page: Page, server: Serving) -> None:
    page.locator("#speak").uncheck(force=True)
    ask(page, "first question")
    expect(page.locator(".turn[data-outcome=done]")).to_have_count(1)

    def pull_the_plug() -> None:
        for connection in list(server.server.server_state.connections):
            connection.transport.abort()

    server.inside(pull_the_plug)
    expect(page.locator("#status")).not_to_have_attribute("data-state", "open")
    expect(page.locator("#status")).to_have_attribute("data-state", "open")
    ask(page, "second question")
    expect(page.locator(".turn[data-outcome=done]")).to_have_count(2)
    prompt = server.state.engines.llm.current.prompts[-1]  # type: ignore[attr-defined]
    assert prompt.history[0].text == "first question"


def test_it_says_when_another_engine_takes_over(page: Page, server: Serving) -> None:
    chain, better = server.state.supply.chains["llm"], FakeLlm("Yes.", first_token=0)
    better.name = "better"
    expect(page.locator("#engines")).to_contain_text("scripted engine")
    link = server.inside(lambda: chain.insert(0, better))
    try:
        ask(page, "Are you there?")
        expect(page.locator("#notices")).to_contain_text("Answers now: better")
        server.inside(lambda: link.breaker.failed(EngineError("The key was refused.")))
        ask(page, "And now?")
        expect(page.locator(".text").last).to_contain_text("The forecast")  # so that an engine has worked
        page.click("#stop")
        expect(page.locator("#notices")).to_contain_text("Answers now: scripted engine")
    finally:
        server.inside(lambda: chain.remove(link))


def test_it_fits_a_phone_and_works_by_keyboard(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    expect(page.locator("#panel")).to_be_hidden()
    page.locator("#panel-toggle").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#engines")).to_contain_text("scripted engine")
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_be_visible()
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input')]"
        ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert unnamed == []
