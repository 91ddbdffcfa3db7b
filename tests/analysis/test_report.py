"""The report: self-contained, escaped, readable in a browser with no error and no request."""

import base64
import hashlib
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analysis.engine.checking import check
from analysis.report import read_script, render_report, write_report
from tests.analysis.frames import GAS, HUB, METER, decoded, mac_only, packet, table

HOSTILE = "\"><script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)>{{7*7}}"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def capture(text: str = "plain") -> dict:
    rows = [
        packet(n * 3.0, METER if n % 2 else GAS, HUB, summary=text, protocol=text[:40]) for n in range(60)
    ]
    rows += [packet(200 + n, METER, nwk_counter=9000, nwk_digest=9, summary=text) for n in range(0, 9, 3)]
    rows += [mac_only(50 + n, "beacon", sender=HUB, beacon_epid=HUB + n % 2, capture=text) for n in range(4)]
    rows += [packet(100, nwk_security="no_key", summary=text), packet(101, HUB, GAS, aps_type="command", aps_command=5,
             aps_security="none", nwk_security="none")]  # fmt: skip
    names = [{"eui64": e, "short": s, "pan": 0x1A62, "name": text, "role": text, "frames": 3, "rssi": -61.0}
             for e, s in ((HUB, 0), (METER, 0x1001), (GAS, 0x2002))]  # fmt: skip
    keys = [
        {"kind": "network", "scope": text, "origin": text, "frames_opened": 60, "key": "00112233445566778899"}
    ]
    return decoded(rows, devices=table("devices", names), keys=keys)


class Reader(HTMLParser):
    """Collects ids, local links, and everything that would be loaded or run."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(str(values["id"]))
        if tag == "a":
            self.links.append(str(values.get("href")))
        if tag in {"script", "img", "iframe", "object", "embed", "base", "form"} or any(
            name.startswith("on") or name == "src" for name in values
        ):
            self.active.append(tag)
        if tag == "link" and values.get("href") != "data:,":
            self.active.append(tag)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_every_string_of_a_capture_is_escaped() -> None:
    tables = capture(HOSTILE)
    html = render_report(tables, check(tables), title=HOSTILE)
    assert read(html).active == ["script"]  # the page's own
    assert html.count("<script") == 1 and "&lt;script&gt;" in html
    assert "{{7*7}}" in html  # shown as it was, not run as a template
    assert "00112233445566778899" not in html


def test_the_page_may_run_its_own_script_alone() -> None:
    html = render_report(capture(HOSTILE), None)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script == read_script() and HOSTILE not in script
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    told = dict(part.strip().split(" ", 1) for part in unescape(policy).split(";"))
    assert told["default-src"] == "'none'" and told["script-src"] == f"'sha256-{digest}'"


def test_findings_link_to_frames_that_are_there() -> None:
    tables = capture()
    result = check(tables)
    assert {"nwk-replay", "pan-id-conflict", "transport-key-in-clear"} <= {f.rule for f in result.findings}
    reader = read(render_report(tables, result))
    local = {link[1:] for link in reader.links if link.startswith("#")}
    assert all(link.startswith("#") for link in reader.links)
    assert local <= reader.ids, sorted(local - reader.ids)[:5]
    assert len([i for i in reader.ids if i.startswith("f-")]) >= 5


def test_a_report_without_frames_or_rules(tmp_path: Path) -> None:
    empty = decoded([])
    for result in (None, check(empty)):
        write_report(empty, result, tmp_path / "r.html")
        text = (tmp_path / "r.html").read_text("utf-8")
        assert "No finding names a frame." in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_browser_shows_it_without_error_or_request(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    tables = capture(HOSTILE)
    write_report(tables, check(tables), page)
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --disable-features=NetworkTimeServiceQuerying --enable-logging=stderr --v=0 --log-level=0 "
        f"--user-data-dir={tmp_path / 'profile'} --log-net-log={tmp_path / 'net.json'} --dump-dom"
    )
    run = subprocess.run(
        [CHROMIUM, *flags.split(), page.as_uri()], capture_output=True, text=True, timeout=90
    )
    assert "A key was sent in clear" in run.stdout
    assert not re.findall(r"CONSOLE.*", run.stderr)
    net = (tmp_path / "net.json").read_text("utf-8", errors="replace")
    own = ("google.com", "googleapis.com", "gvt1.com")  # the browser's own errands, never in our page
    requested = {u for u in re.findall(r'"url":"(https?://[^/"]+)', net) if not u.endswith(own)}
    assert not requested
    assert not any(host in page.read_text("utf-8") for host in own)


def test_the_compliance_matrix_counts_by_area_and_device() -> None:
    from analysis.report.compliance import areas_by_subject, modified

    result = check(capture())
    table_of = areas_by_subject(result)
    assert {"plain", "network"} <= set(table_of["columns"])
    counted = {
        row["area"]: dict(zip(table_of["columns"], row["cells"], strict=True)) for row in table_of["rows"]
    }
    assert counted["anomaly: replay"]["plain"]["state"] in ("fail", "pass")
    assert any(cells["plain"]["state"] == "fail" for cells in counted.values())
    assert sum(row["unseen"] for row in table_of["rows"]) == sum(
        v.state == "not seen" for v in result.verdicts
    )
    assert len(modified(result)["rows"]) == 92 == sum(n for _, n in modified(result)["counts"])
    assert areas_by_subject(None)["rows"] == [] and modified(None)["rows"] == []


def test_a_message_is_counted_with_the_messages_and_a_pair_with_both() -> None:
    from analysis.findings.subject import NETWORK, Subject
    from analysis.report.compliance import _columns

    names = {HUB: "Hub", METER: "Meter"}
    assert _columns(Subject.of_message(3, "ECS17b", "command"), names) == ["messages"]
    assert _columns(Subject.pair(HUB, METER), names) == ["Hub", "Meter"]
    assert _columns(Subject.device(0x1A62 << 16 | 1), names) == ["others"]
    assert _columns(Subject.network(0x1A62), names) == _columns(NETWORK, names) == ["network"]
