"""The pages of `hanscope web` over a source that lives: what comes takes nothing from who reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.analysis.test_web_page import PATIENCE, browser, pytestmark, serving

__all__ = ["browser", "pytestmark"]
SOURCE = "simulate:install-day+replay"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(SOURCE, "--speed", "20") as found:
        yield found


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["desk", "phone"])
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    wide, tall = request.param
    context = browser.new_context(viewport={"width": wide, "height": tall}, color_scheme="dark")
    context.set_default_timeout(PATIENCE)
    found, wrong = context.new_page(), []
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.goto(address)
    found.wait_for_selector(".row:not(.waiting)")
    yield found
    assert not wrong
    context.close()


def test_the_map_grows_in_its_place(page: Any) -> None:
    page.click("#views [data-id=map]")
    page.wait_for_selector(".station")
    page.click("#page summary")
    page.locator(".station").first.focus()
    address, said = page.evaluate("document.activeElement.dataset.address"), page.inner_text(".moving + p")
    page.wait_for_function("said => document.querySelector('.moving + p').innerText !== said", arg=said)
    assert page.evaluate("document.activeElement.dataset.address") == address
    assert page.locator("#page details[open]").count() == 1
    bottom = page.locator(".network svg").bounding_box()
    names = page.locator(".network text").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().bottom)"
    )
    assert max(names) <= bottom["y"] + bottom["height"]


def test_what_was_unfolded_stays_while_a_device_joins(page: Any) -> None:
    page.click("#views [data-id=why]")
    page.wait_for_selector("#page details.card")
    closed = page.locator("#page details.card:not([open]) > summary").first
    closed.wait_for()
    key = closed.evaluate("one => one.parentElement.dataset.key")
    closed.focus()
    page.keyboard.press("Enter")
    before = page.evaluate(
        "window.first = document.querySelector('#page .card'); document.querySelector('#page').innerText"
    )
    page.wait_for_function("before => document.querySelector('#page').innerText !== before", arg=before)
    assert page.evaluate("window.first.isConnected") is False  # it was made anew
    assert page.evaluate("key => document.querySelector(`[data-key='${key}']`).open", key)
    assert page.evaluate("document.activeElement.parentElement.dataset.key") == key


def test_what_is_selected_waits_to_be_copied(page: Any) -> None:
    page.click("#views [data-id=devices]")
    page.wait_for_selector("#page td")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#page td'))")
    page.wait_for_timeout(2500)
    assert page.evaluate("getSelection().toString()")


def test_a_frame_leaves_room_for_the_ladder(page: Any) -> None:
    page.click(".row >> nth=0")
    page.wait_for_selector("#tree [role=treeitem]")
    page.click("#views [data-id=ladder]")
    page.wait_for_selector(".ladder button.step")
    page.wait_for_selector("#detail:not([hidden])")
    room = page.locator("#page").bounding_box()["height"]
    assert room >= (
        120 if page.viewport_size["width"] < 760 else 0.4 * page.locator("#detail").bounding_box()["height"]
    )


def test_what_is_no_capture_and_no_message_is_told_by_its_own_name(page: Any) -> None:
    page.set_input_files("#file", {"name": "holiday.pcapng", "mimeType": "", "buffer": bytes(range(200))})
    page.wait_for_selector("#state:has-text('holiday.pcapng: is no capture of a known format')")
    assert "upload" not in page.inner_text("body")
    page.click("#views [data-id=paste]")
    page.fill("#pasted", "hello world")
    page.click("#read")
    page.wait_for_selector("#page [role=status] button:has-text('pasted')")
    page.wait_for_selector("#page [role=status]:has-text('not readable')")
