"""The pages of `hanscope web` in a browser (Debian's Chromium by Playwright): what somebody does at the desk, by mouse and keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("uvicorn", reason="hanscope[web] is not installed")
CHROMIUM = next((one for one in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(one).exists()), "")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium at /usr/bin/chromium")
PATIENCE = 60_000
"""Milliseconds: a busy machine must not fail a test."""


@contextmanager
def serving(*given: str) -> Iterator[str]:
    """The first URL of a server of its own."""
    command = [sys.executable, "-m", "analysis.cli", "web", *given, "-q"]
    environment = {name: value for name, value in os.environ.items() if name != "HANSCOPE_KEYS"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = keys_of_sample("gbcs-messages", tmp_path_factory.mktemp("keys"))
    with serving(str(FOLDER / "gbcs-messages.pcapng"), "--keys", str(keys)) as found:
        yield found


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
    page.wait_for_function("() => !['', '…'].includes(document.getElementById('count').textContent)")
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


def where_of(page: Any) -> str:
    return str(page.evaluate("new URLSearchParams(location.hash.slice(1)).get('where') ?? ''"))


def rows_shown(page: Any) -> int:
    return int(page.get_attribute(".scroller", "aria-rowcount"))


def test_a_span_of_the_timeline_is_brushed(page: Any) -> None:
    filtered(page, "protocol == ZCL")
    page.wait_for_selector(".strip path.every")
    before = rows_shown(page)
    box = page.locator(".strip").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 12, steps=5)
    page.mouse.up()
    page.wait_for_function("count => document.querySelector('.scroller').ariaRowCount < count", arg=before)
    assert where_of(page).startswith("(protocol == ZCL) and time >= '") and rows_shown(page) > 0
    page.wait_for_selector(".strip rect.brush")
    page.focus(".strip")
    page.keyboard.press("Escape")
    page.wait_for_function(
        "count => Number(document.querySelector('.scroller').ariaRowCount) === count", arg=before
    )
    assert where_of(page) == "protocol == ZCL"
    page.focus(".strip")
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("Shift+PageDown")
    assert "frames" in page.get_attribute(".strip", "aria-valuetext")
    page.keyboard.press("Enter")
    page.wait_for_function("count => document.querySelector('.scroller').ariaRowCount < count", arg=before)


def test_a_span_is_cleared_before_the_timeline_has_drawn_it(page: Any) -> None:
    filtered(page, "protocol == ZCL")
    page.wait_for_selector(".strip path.every")
    held: list[Any] = []
    late = True
    page.route("**/timeline?*", lambda route: held.append(route) if late else route.continue_())
    page.focus(".strip")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+PageDown")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => new URLSearchParams(location.hash.slice(1)).get('where').includes('time <')"
    )
    page.keyboard.press("Escape")
    page.wait_for_function(
        "() => new URLSearchParams(location.hash.slice(1)).get('where') === 'protocol == ZCL'"
    )
    late = False
    for route in held:
        with suppress(playwright.Error):  # the page has let go of it
            route.continue_()
    page.wait_for_function("() => !document.querySelector('.strip rect.brush')")


def test_the_map_moves_with_time_and_leads_to_frames(page: Any) -> None:
    page.click("#views [data-id=map]")
    page.wait_for_selector(".station")
    many = page.locator(".network path.hop").count()
    slider = page.locator(".moving input")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("many => document.querySelectorAll('.network path.hop').length < many", arg=many)
    page.click("#play")
    page.wait_for_function("() => Number(document.querySelector('.moving input').value) > 10")
    page.click("#play")
    page.keyboard.press("End")
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_function("many => document.querySelectorAll('.network path.hop').length === many", arg=many)
    page.locator(".station").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".row:not(.waiting)")
    assert (
        "mac_src" in where_of(page)
        and page.get_attribute("#views [aria-selected=true]", "data-id") == "packets"
    )


def test_the_steps_of_every_device_are_told(page: Any) -> None:
    page.click("#views [data-id=why]")
    page.wait_for_selector(".joining", state="attached")
    assert page.inner_text("#page h2").startswith("why: ")
    summary = page.locator("#page summary", has_text="Electricity meter").first
    summary.click()
    card = summary.locator("xpath=..")
    assert card.locator(".joined.reached, .joined.implied").count() > 0
    card.locator(".frames button").first.click()
    page.wait_for_selector("#hex b[data-at='0']")


def test_a_note_is_written_and_goes_into_a_copy(page: Any, tmp_path: Path) -> None:
    from captures import captured_frames, open_capture

    page.focus(".scroller")
    page.keyboard.press("Home")
    page.wait_for_selector("#tree [role=treeitem]")
    page.fill("#note", "<b>odd</b> beacon")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".row:has-text('✎')")
    page.click("#views [data-id=notes]")
    page.wait_for_selector(".note-text:has-text('<b>odd</b> beacon')")
    page.click("#page .card button")
    page.wait_for_selector("#hex b[data-at='0']")
    assert page.input_value("#note") == "<b>odd</b> beacon"
    with page.expect_download() as got:
        page.click("#export-pcapng")
    got.value.save_as(tmp_path / "copy.pcapng")
    with open_capture(tmp_path / "copy.pcapng") as capture:
        assert next(iter(captured_frames(next(iter(capture))))).comment == "<b>odd</b> beacon"
    page.fill("#note", "")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".row:not(.waiting)")
    page.wait_for_function("() => !document.querySelector('.rows').textContent.includes('✎')")


def test_the_report_and_a_redacted_copy_are_downloaded(page: Any) -> None:
    page.click("#more summary")
    with page.expect_download() as got:
        page.click("#report")
    assert got.value.suggested_filename.endswith("-report.html")
    filtered(page, "frame < 5")
    with page.expect_download() as hidden:
        page.click("#export-redacted")
    assert hidden.value.suggested_filename.endswith(".pcapng")
    page.click("#wireshark")
    page.wait_for_selector("#wireshark-said:has-text('frame.number < 5')")
    filtered(page, "exchange.outcome == ok")
    page.click("#wireshark")
    page.wait_for_selector("#wireshark-said:has-text('no field for outcome')")


def test_two_captures_side_by_side(page: Any) -> None:
    own = page.input_value("#captures")
    page.set_input_files("#file", FOLDER / "tampered-message.pcapng")
    page.wait_for_function("own => document.getElementById('captures').value !== own", arg=own)
    page.wait_for_selector(".row:not(.waiting)")
    page.click("#views [data-id=diff]")
    page.wait_for_selector("#compared")
    page.select_option("#compared", own)
    page.wait_for_selector("#page :text('devices matched')")
    page.click(".sides button >> nth=0")
    page.wait_for_selector("#hex b[data-at='0']")
    number = page.input_value("#captures")
    page.evaluate(
        "number => fetch(`/api/captures/${number}`, {method: 'DELETE'})",
        number if number != own else own + "x",
    )


def test_every_view_is_accessible(page: Any) -> None:
    """By axe: roles, names, contrast, what has the focus."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.click(".row >> nth=0")
    page.wait_for_selector("#tree [role=treeitem]")
    views = page.locator("#views [role=tab]").evaluate_all("all => all.map(one => one.dataset.id)")
    for view in views:
        page.click(f"#views [data-id={view}]")
        page.wait_for_function(
            "() => document.querySelector('#table:not([hidden]) .row:not(.waiting), #page:not([hidden]) :is(h2, .ladder, .network)')"
        )
        found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
        assert not found, [
            (view, one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found
        ]
