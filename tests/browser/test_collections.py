"""Documents kept apart, on the page: made, filled, moved, looked in, renamed and deleted; by keyboard too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from serving import Serving

pytestmark = pytest.mark.slow

ROOMS = "Rooms & <b>keys</b>"


@pytest.fixture
def tidy(server: Serving) -> Iterator[httpx.Client]:
    """What a test adds is gone after it."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as http:
        yield http
        for one in http.get("/rag/collections").json()["collections"]:
            if one["id"] not in ("default", "seed"):
                http.delete(f"/rag/collections/{one['id']}").raise_for_status()
        for one in http.get("/rag/documents", params={"source": "upload"}).json()["documents"]:
            http.delete(f"/rag/documents/{one['id']}").raise_for_status()


def made(http: httpx.Client, name: str) -> str:
    id: str = http.post("/rag/collections", json={"name": name}).json()["id"]
    return id


def answering(page: Page, *texts: str) -> list[Dialog]:
    """The dialogs as they come; each is answered with the next text."""
    dialogs: list[Dialog] = []

    def answer(dialog: Dialog) -> None:
        dialogs.append(dialog)
        dialog.accept(texts[len(dialogs) - 1])

    page.on("dialog", answer)
    return dialogs


def asked(page: Page, text: str, turns: int) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")
    expect(page.locator(".turn[data-outcome=done]")).to_have_count(turns)


def test_a_collection_is_made_filled_renamed_and_deleted(
    page: Page, tidy: httpx.Client, tmp_path: Path
) -> None:
    dialogs = answering(page, ROOMS, "Rooms", "")
    rows = page.locator("#collection-list li")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="New collection").click()
    room = rows.filter(has_text="Rooms")
    expect(room).to_have_text(f"{ROOMS}0 documents✎✕")
    expect(page.locator("#into option:checked")).to_have_text(ROOMS)
    (tmp_path / "keys.md").write_text("# Keys\n\nThe key hangs in the hall.")
    page.set_input_files("#files", tmp_path / "keys.md")
    expect(room).to_contain_text("1 document")

    place = page.get_by_label("Collection of Keys")
    expect(place.locator("option:checked")).to_have_text(ROOMS)
    place.focus()
    place.select_option("Documents")
    expect(page.locator("#documents-status")).to_have_text("Keys moved to Documents")
    expect(room).to_contain_text("0 documents")
    expect(place).to_be_focused()
    place.select_option(ROOMS)
    expect(room).to_contain_text("1 document")

    page.get_by_role("button", name=f"Rename {ROOMS}").click()
    expect(room).to_contain_text("Rooms1 document")
    page.get_by_role("button", name="Delete Rooms").click()
    expect(rows).to_have_count(2)
    expect(place).to_have_count(0)
    expect(page.locator("#into option:checked")).to_have_text("Documents")
    assert [(one.type, one.default_value) for one in dialogs] == [
        ("prompt", ""),
        ("prompt", ROOMS),
        ("confirm", ""),
    ]
    assert "“Rooms” and its 1 document?" in dialogs[2].message


def test_only_the_chosen_collections_are_looked_in(page: Page, tidy: httpx.Client) -> None:
    house, shop = (page.locator(f"#search-{made(tidy, name)}") for name in ("House", "Shop"))
    page.reload()
    everything = page.get_by_label("All collections")
    page.locator("#speak").uncheck(force=True)
    expect(everything).to_be_checked()
    asked(page, "What is the weather tomorrow?", 1)
    expect(page.locator(".sources")).to_have_count(1)
    house.check()
    shop.check()
    expect(everything).not_to_be_checked()
    asked(page, "And what is the weather tomorrow?", 2)
    expect(page.locator(".sources")).to_have_count(1)

    page.locator("#into").select_option("Shop")
    page.reload()
    expect(house).to_be_checked()
    expect(shop).to_be_checked()
    expect(page.locator("#speak")).not_to_be_checked()
    expect(page.locator("#into option:checked")).to_have_text("Shop")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "open")
    asked(page, "What is the weather tomorrow?", 1)
    expect(page.locator(".sources")).to_have_count(0)

    everything.check()
    expect(house).not_to_be_checked()
    asked(page, "What is the weather tomorrow?", 2)
    expect(page.locator(".sources")).to_have_count(1)


def test_a_chosen_collection_that_is_deleted_narrows_no_more(page: Page, tidy: httpx.Client) -> None:
    id = made(tidy, "House")
    page.reload()
    page.locator(f"#search-{id}").check()
    page.locator("#speak").uncheck(force=True)
    tidy.delete(f"/rag/collections/{id}").raise_for_status()
    page.reload()
    expect(page.get_by_label("All collections")).to_be_checked()
    asked(page, "What is the weather tomorrow?", 1)
    expect(page.locator(".sources")).to_have_count(1)


def test_what_cannot_be_done_is_explained(browser: Browser, server: Serving, tidy: httpx.Client) -> None:
    page = browser.new_page()
    dialogs = answering(page, "House")
    id = made(tidy, "Office")
    page.goto(server.url)
    rename = page.get_by_role("button", name="Rename Office")
    expect(rename).to_be_visible()
    tidy.delete(f"/rag/collections/{id}").raise_for_status()
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        rename.click()
    expect(page.locator("#documents-status")).to_have_text("There is no such collection.")
    expect(rename).to_have_count(0)
    assert len(dialogs) == 1
    expect(page.get_by_role("button", name="Delete Documents")).to_have_count(0)
    expect(page.get_by_label("Collection of Weather")).to_have_count(0)
    page.close()


def test_collections_fit_a_phone_and_work_by_keyboard(page: Page, tidy: httpx.Client) -> None:
    id = made(tidy, "A collection with a long name " + "and-no-space-" * 10)
    page.set_viewport_size({"width": 360, "height": 640})
    page.reload()
    page.locator("#panel-toggle").press("Enter")
    page.locator("#all-collections").focus()
    page.keyboard.press("Tab")
    expect(page.locator(f"#search-{id}")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(f"#search-{id}")).to_be_checked()
    expect(page.locator(f"#search-{id}")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(f"#rename-{id}")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(f"#remove-{id}")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.querySelector('#panel').scrollWidth") <= 360
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, select')]"
        ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert unnamed == []
