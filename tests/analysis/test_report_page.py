"""The report in a browser (Debian's Chromium by Playwright): from an incident to the octets of its frame, and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.test_web_page import CHROMIUM, PATIENCE

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium at /usr/bin/chromium")
SIZES = {"desk": (1280, 900, "light"), "tablet": (768, 1000, "dark"), "phone": (390, 844, "light")}
PAGES = 12
"""Sheets of A4 that the report of the demonstration may take."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report that `hanscope demo` writes."""
    from analysis.cli import main

    folder = tmp_path_factory.mktemp("demo")
    assert main(["demo", "--out", str(folder), "-q"]) == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as found:
        opened = found.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def open_page(browser: Any, report: Path, size: str, wrong: list[str], scripts: bool = True) -> Any:
    """The report; what it complains of, or asks of others, is put into `wrong`."""
    width, height, scheme = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=scripts
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if asked.url == report.as_uri() else wrong.append(asked.url))
    page.goto(report.as_uri())
    return page


@pytest.fixture(params=SIZES)
def page(browser: Any, demo: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    wrong: list[str] = []
    found = open_page(browser, demo, request.param, wrong)
    yield found
    assert not wrong
    assert found.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found.context.close()


def test_from_an_incident_by_clicks_to_the_octets_of_its_frame(page: Any) -> None:
    card = page.locator(".incident", has_text="A remote message is not protected")
    assert card.locator(".wireshark code").first.text_content().startswith("frame.number in {")
    card.locator(".refs a[href^='#f-']").first.click()
    number = page.url.partition("#f-")[2]
    frame = page.locator("details.frame[open]")
    assert frame.count() == 1 and f"Frame {number}:" in frame.inner_text()
    assert len(frame.locator(".pane >> nth=0").inner_text().splitlines()) == (125 + 15) // 16
    frame.locator(".field", has_text="frame_control").first.click()
    buffer, offset, length = map(int, frame.get_attribute("data-lit").split())
    lit = page.evaluate("[...CSS.highlights.get('octets')].map(String)")
    assert (buffer, offset) == (0, 0) and lit[0].split() == frame.locator(
        ".pane >> nth=0"
    ).inner_text().split()[1 : 1 + length]
    frame.locator(".small a[href^='#finding-']").first.click()
    assert page.locator(".incident .finding:target").count() == 1


def test_an_octet_leads_to_its_field(page: Any) -> None:
    page.locator(".incident .refs a[href^='#f-']").first.click()
    frame = page.locator("details.frame[open]")
    pane = frame.locator(".pane >> nth=0")
    pane.scroll_into_view_if_needed()
    spot = pane.evaluate(
        "one => { const r = document.createRange(); r.setStart(one.firstChild, 12); r.setEnd(one.firstChild, 14);"
        " const b = r.getBoundingClientRect(); return [b.x + b.width / 4, b.y + b.height / 2]; }"
    )
    page.mouse.click(*spot)
    chosen = frame.locator(".field[aria-current]")
    assert chosen.count() == 1 and frame.get_attribute("data-lit").startswith("0 2 ")
    assert "sequence" in chosen.inner_text()


def test_tables_sort_and_filter(page: Any) -> None:
    table = page.locator("#devices table")
    head = table.locator("thead th", has_text="Frames")
    place = head.evaluate("one => one.cellIndex")
    orders = []
    for _ in range(2):
        head.locator("button").click()
        orders.append(
            [
                int(text.replace(",", ""))
                for text in table.locator(f"tbody td:nth-child({place + 1})").all_inner_texts()
            ]
        )
    assert orders[0] == sorted(orders[0]) != orders[1] == sorted(orders[0], reverse=True)
    page.locator("#devices .filter").fill("meter esme")
    assert table.locator("tbody tr:visible").count() == 1
    page.locator("#devices .filter").fill("")
    assert table.locator("tbody tr:visible").count() == len(orders[0])


def test_the_time_zooms_and_the_axis_follows(page: Any) -> None:
    chart = page.locator("#traffic svg.over-time")
    whole = chart.locator(".times text").all_inner_texts(), chart.locator(".plot").get_attribute("viewBox")
    for _ in range(3):
        page.locator("#traffic .zoom button", has_text="+").click()
    near = chart.locator(".times text").all_inner_texts()
    assert near != whole[0] and 2 <= len(near) <= 8
    assert float(chart.locator(".plot").get_attribute("viewBox").split()[2]) == pytest.approx(125)
    page.locator("#traffic .zoom button", has_text="whole").click()
    assert (
        chart.locator(".times text").all_inner_texts(),
        chart.locator(".plot").get_attribute("viewBox"),
    ) == whole


def test_all_is_readable_with_scripts_off(browser: Any, demo: Path) -> None:
    wrong: list[str] = []
    page = open_page(browser, demo, "phone", wrong, scripts=False)
    assert page.locator("button, input").count() == 0
    assert page.locator(".times text").first.is_visible()
    page.locator(".incident .refs a[href^='#f-']").first.click()
    frame = page.locator("details.frame[open]")
    assert frame.count() == 1 and frame.locator(".pane >> nth=0").is_visible()
    assert re.match(r"0000  [0-9a-f]{2} ", frame.locator(".pane >> nth=0").inner_text())
    for summary in page.locator(".incident > details > summary").all():
        summary.click()
    assert page.locator("svg.ladder a[href^='#f-']").first.is_visible()
    assert page.locator(".timeline td").first.is_visible()
    assert not wrong
    page.context.close()


def test_the_demonstration_is_a_few_sheets_on_paper(browser: Any, demo: Path, tmp_path: Path) -> None:
    page = open_page(browser, demo, "desk", [])
    printed = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= PAGES
    page.context.close()


def test_no_line_of_the_map_goes_through_a_third_station(page: Any) -> None:
    near = page.evaluate(
        """() => [...document.querySelectorAll("svg.map path.link")].map(line => {
          const length = line.getTotalLength(), ends = [0, length].map(at => line.getPointAtLength(at));
          const circles = [...document.querySelectorAll("svg.map circle")].map(one => ({x: +one.getAttribute("cx"), y: +one.getAttribute("cy")}));
          const others = circles.filter(one => ends.every(end => Math.hypot(end.x - one.x, end.y - one.y) > 1));
          return Math.min(...others.flatMap(one => [...Array(41).keys()].map(part => {
            const at = line.getPointAtLength(length * part / 40);
            return Math.hypot(at.x - one.x, at.y - one.y);
          })));
        })"""
    )
    assert len(near) >= 5 and min(near) > 20
