"""The pages of `hanscope web` in a browser (Debian's Chromium by Playwright): what somebody does at the desk, by mouse and keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from captures.simulated.scenarios.samples import FOLDER

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("uvicorn", reason="hanscope[web] is not installed")
CHROMIUM = next((one for one in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(one).exists()), "")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium at /usr/bin/chromium")
PATIENCE = 60_000
"""Milliseconds: a busy machine must not fail a test."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.touch(mode=0o600)
    keys.write_text((FOLDER / "gbcs-messages.keys.toml").read_text("utf-8"), "utf-8")
    command = [
        sys.executable,
        "-m",
        "analysis.cli",
        "web",
        str(FOLDER / "gbcs-messages.pcapng"),
        "--keys",
        str(keys),
        "-q",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "HANSCOPE_KEYS"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as found:
        opened = found.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(params=["desk", "phone"])
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page, with the packets in it; whatever it complains of, or asks of others, fails the test."""
    size = {"desk": (1280, 800), "phone": (390, 844)}[request.param]
    scheme = {"desk": "light", "phone": "dark"}[request.param]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    found, wrong = context.new_page(), []
    found.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
    found.on("pageerror", lambda error: wrong.append(str(error)))
    own = address.split("/?")[0]
    found.on(
        "request", lambda asked: None if asked.url.startswith((own, "blob:")) else wrong.append(asked.url)
    )
    found.goto(address)
    found.wait_for_selector(".row:not(.waiting)")
    yield found
    assert not wrong
    assert found.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def filtered(page: Any, text: str) -> None:
    page.fill("#filter", text)
    page.wait_for_function(
        "text => document.getElementById('filter').classList.contains('good')"
        " && new URLSearchParams(location.hash.slice(1)).get('where') === text",
        arg=text,
    )
    page.wait_for_selector(".row:not(.waiting)")


def test_rows_scroll_and_open_by_keys(page: Any) -> None:
    assert "token" not in page.url
    page.focus(".scroller")
    page.keyboard.press("End")
    page.wait_for_selector(".row.chosen:not(.waiting)")
    total = page.get_attribute(".scroller", "aria-rowcount")
    assert page.inner_text(".row.chosen [role=gridcell] >> nth=0") == total
    assert page.locator(".row").count() < 60  # those in view
    page.wait_for_selector("#tree [role=treeitem]")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "treeitem"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "scroller"


def test_a_filter_with_its_mistake_and_what_is_suggested(page: Any) -> None:
    page.keyboard.press("f")
    page.keyboard.type("protoco")
    page.wait_for_selector("#suggestions li")
    page.keyboard.press("Tab")
    page.keyboard.type("== GBCX and frame > x", delay=2)
    page.wait_for_selector("#mistake pre:has-text('frame > x')")
    assert page.inner_text("#mistake pre").splitlines()[1].index("^") == len("protocol == GBCX and frame > ")
    assert page.get_attribute("#filter", "aria-invalid") == "true"
    filtered(page, "protocol == GBCS")
    assert page.is_hidden("#mistake")
    assert "GBCS" in (page.text_content(".row >> nth=0") or "")


def test_octets_and_tree_are_linked_both_ways(page: Any) -> None:
    filtered(page, "message.use_case == ECS17b and message.cra == response")
    page.click(".row >> nth=-1" if page.locator(".row:visible").count() < 3 else ".row >> nth=0")
    page.wait_for_selector("#tree [role=treeitem]")
    page.click("#hex b[data-at='5']")
    chosen = page.inner_text("#tree [aria-selected=true] > .node")
    assert "dst" in chosen or "pan" in chosen or "address" in chosen, chosen
    lit = page.locator("#hex b.lit").count()
    assert 0 < lit < 9 and page.inner_text("#explained")
    names = page.locator("#buffers [role=tab]").all_inner_texts()
    assert "frame" in names and "record" in names and any(one.startswith("message-") for one in names)
    last = page.locator("#buffers [role=tab]", has_text="message-").first
    last.click()
    page.click("#hex b[data-at='0']")
    assert page.locator("#hex b.lit").count() > 0
    page.focus("#tree [aria-selected=true]")
    page.keyboard.press("Home")
    assert page.get_attribute("#buffers [aria-selected=true]", "data-id") == "frame"


def test_from_a_finding_to_octets_and_back_by_the_address(page: Any) -> None:
    page.click("#views [data-id=findings]")
    page.wait_for_selector(".card .frames button")
    number = page.inner_text(".card .frames button >> nth=0")
    page.click(".card .frames button >> nth=0")
    page.wait_for_selector("#hex b[data-at='0']")
    assert page.inner_text("#detail-title").startswith(f"frame {number}:")
    page.wait_for_selector(".row.chosen")
    assert page.inner_text(".row.chosen [role=gridcell] >> nth=0") == number
    page.go_back()
    page.wait_for_selector(".card .frames button")


def test_a_message_is_pasted(page: Any) -> None:
    page.click("#views [data-id=paste]")
    page.fill("#pasted", "c001c100080000010000ff0200")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#hex b[data-at='0']")
    page.click("#hex b[data-at='3']")
    assert page.locator("#tree [aria-selected=true]").count() == 1


def test_every_view_opens(page: Any) -> None:
    for view in ("exchanges", "messages"):
        page.click(f"#views [data-id={view}]")
        page.wait_for_selector(".row:not(.waiting)")
    page.click(".row >> nth=0")
    page.wait_for_selector("#hex b[data-at='0']")
    page.click("#detail-links a >> nth=0")  # a frame of the message
    page.click("#detail-links a:has-text('follow')")
    page.wait_for_selector(".ladder button.step")
    page.click(".ladder button.step >> nth=0")
    page.wait_for_selector("#hex b[data-at='0']")
    for view in ("devices", "keys"):
        page.click(f"#views [data-id={view}]")
        page.wait_for_selector("#page table")
    assert page.get_attribute("#views [aria-selected=true]", "data-id") == "keys"


def test_a_capture_is_dropped(page: Any) -> None:
    octets = list((FOLDER / "tampered-message.pcapng").read_bytes())
    page.evaluate(
        """octets => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(octets)], "<img src=x onerror=alert(1)>.pcapng"));
            window.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        octets,
    )
    page.wait_for_function(
        "() => document.getElementById('captures').selectedOptions[0]?.text.includes('onerror')"
    )
    page.wait_for_selector(".row:not(.waiting)")
    assert page.locator("img").count() == 0


def test_the_theme_is_chosen_and_kept(page: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = set()
    for _ in range(3):
        page.click("#theme")
        seen.add(page.evaluate(ground))
    assert len(seen) == 2
