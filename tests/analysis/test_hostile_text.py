"""What other people name never acts on a terminal, a spreadsheet or a browser, and never forges a line."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.engine.checking import check
from analysis.findings.findings_output import findings_table
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from captures import CapturedFrame, write_capture
from dissectors.ieee802154.build import build_frame
from dissectors.ieee802154.headers import MacHeader
from dissectors.text.display import NUMBER, csv_cell, json_text, printable
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.nwk.headers import NwkHeader
from tests.key_files import key_file

EVIL = "=1+1\x1b[2J\x1b]8;;x\x07\x9b1m\u202e\u2066\x00\nerror: forged\r<img src=x onerror=alert(1)>[bold]x[/bold]"
NAME = EVIL.replace("\0", "").replace("/", "")
"""What a file may be called."""
METER, PAN = 0x00DB1234567890AB, 0x1A62


def zcl_frame(text: str) -> bytes:
    """A meter's answer that holds a character string: Basic, Manufacturer Name."""
    octets = text.encode()
    zcl = bytes([0x18, 1, 1, 4, 0, 0, 0x42, len(octets)]) + octets
    aps = bytes(ApsHeader(cluster=0, profile=0x0109, counter=1))
    nwk = bytes(NwkHeader(dst=0, src=0x1234, src_eui64_present=1, src_eui64=METER))
    header = MacHeader(frame_type=1, pan_id_compression=1, dst_mode=2, src_mode=2, dst_pan=PAN)
    header.dst_short, header.src_short = 0, 0x1234
    return build_frame(header, nwk + aps + zcl)


@pytest.fixture
def home(tmp_path: Path) -> tuple[Path, Path]:
    """A capture and a key file, every name in which is hostile; the files too."""
    capture, keys = tmp_path / f"{NAME}.pcapng", tmp_path / f"{NAME}.toml"
    frames = [
        CapturedFrame(zcl_frame(EVIL[:60]), time_ns=10**18 + number * 10**9, comment=EVIL)
        for number in range(3)
    ]
    write_capture(capture, frames, interface=EVIL, comments=[EVIL], names={METER: NAME, METER + 1: NAME})
    named = f'[[device]]\neui64 = "{METER:016x}"\nname = {json.dumps(EVIL)}\n'
    return capture, key_file(keys, f'{named}[[network_key]]\nkey = "{"ab" * 16}"\n')


def assert_inert(text: str, allowed: str = "\n") -> None:
    bad = sorted({one for one in text if not one.isprintable() and one not in allowed})
    assert not bad, f"{bad!r} in {text[:2000]!r}"
    assert not any(line.lstrip().startswith("error: forged") for line in text.splitlines())


def said(capfd: pytest.CaptureFixture[str], allowed: str = "\n") -> str:
    out, err = capfd.readouterr()
    assert_inert(out, allowed)
    assert_inert(err)
    return out


VERBS = [
    ["stats", "{capture}", "--keys", "{keys}"],
    ["stats", "{capture}", "--json"],
    ["keys", "{capture}", "--keys", "{keys}"],
    ["keys", "{capture}", "--keys", "{keys}", "--json"],
    ["show", "{capture}", "1-3", "--keys", "{keys}"],
    ["show", "{capture}", "1", "--json"],
    ["check", "{capture}", "--keys", "{keys}", "--verdicts"],
    ["check", "{capture}", "--keys", "{keys}", "--json"],
    ["check", "{capture}", "--keys", "{keys}", "--sarif"],
    ["check", "{capture}", "--keys", "{keys}", "--jsonl"],
    ["check", "{capture}", "--baseline", "{capture}"],
    ["report", "{capture}", "--keys", "{keys}", "--out", "{folder}/report.html"],
    ["report", "{capture}", "--keys", "{keys}", "--out", "{folder}/" + NAME + ".html"],
    ["diff", "{capture}", "{capture}"],
    ["convert", "{capture}", "{folder}/" + NAME + "2.pcapng"],
    ["redact", "{capture}", "--out", "{folder}/" + NAME + "3.pcapng"],
    ["message", "{folder}/" + NAME + ".hex"],
    ["message", "{folder}/" + NAME + ".hex", "--json"],
    ["message", "{folder}/" + NAME + ".hex", "--jsonl"],
    ["decode", "{capture}", "--keys", "{keys}", "--out", "{folder}/" + NAME],
    ["decode", "{capture}", "{capture}", "--keys", "{keys}", "--out", "{folder}/" + NAME, "--format", "csv"],
    *(
        ["decode", "{capture}", "--keys", "{keys}", "--table", table, "--format", form]
        for table in ("packets", "attributes", "devices", "keys")
        for form in ("csv", "jsonl")
    ),
]


@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(words)[:40].replace("\x1b", ""))
def test_verbs(home: tuple[Path, Path], capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    capture, keys = home
    (capture.parent / f"{NAME}.hex").write_text(
        "0f00000001 0c 07e80101010a000000800000 090b" + EVIL[:11].encode().hex()
    )
    places = {"capture": capture, "keys": keys, "folder": capture.parent}
    code = main([word.format(**places) for word in words])
    table = "csv" in words and "--table" in words
    out = said(capfd, "\r\n" if table else "\n")
    assert code in (0, 1, 4), (code, out)
    if table:
        assert_no_formula(out)
    for page in capture.parent.glob("*.html"):
        text = page.read_text()
        assert_inert(text)
        assert "<img" not in text and "alert(1)" in text
    for cells in capture.parent.rglob("*.csv"):
        assert_inert(cells.read_bytes().decode(), "\r\n")
        assert_no_formula(cells.read_bytes().decode())


def assert_no_formula(text: str) -> None:
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not cell.startswith(tuple("=+-@\t\r")) or NUMBER.fullmatch(cell), cell


MISTAKES = [
    ["{evil}"],
    ["decode", "{evil}"],
    ["decode", "{capture}", "--{evil}"],
    ["decode", "{capture}", "--table", "{evil}"],
    ["decode", "{capture}", "--format", "{evil}"],
    ["decode", "{capture}", "--limit", "{evil}"],
    ["decode", "{capture}", "--keys", "{evil}"],
    ["decode", "{keys}"],
    ["show", "{capture}", "{evil}"],
    ["show", "{evil}", "1"],
    ["show", "{capture}", "99"],
    ["stats", "{evil}"],
    ["keys", "{evil}"],
    ["check", "{evil}"],
    ["check", "{capture}", "--rule", "{evil}"],
    ["check", "{capture}", "--profile", "{evil}"],
    ["check", "{capture}", "--fail-on", "{evil}"],
    ["check", "--explain", "{evil}"],
    ["report", "{evil}"],
    ["report", "{capture}", "--out", "{folder}/{evil}/x.html"],
    ["diff", "{evil}", "{capture}"],
    ["convert", "{evil}", "{folder}/x.pcapng"],
    ["convert", "{capture}", "{folder}/{evil}/x.pcapng"],
    ["redact", "{evil}", "--out", "{folder}/x.pcapng"],
    ["message", "{evil}"],
    ["message", "{evil}", "--json"],
    ["sniff", "{evil}"],
    ["sniff", "file:{evil}"],
    ["simulate", "{evil}"],
    ["simulate", "install-day", "--fault", "{evil}"],
    ["crosscheck", "{evil}"],
]


@pytest.mark.parametrize("words", MISTAKES, ids=lambda words: " ".join(words)[:40])
def test_mistakes(home: tuple[Path, Path], capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    capture, keys = home
    places = {"capture": capture, "keys": keys, "folder": capture.parent, "evil": NAME}
    code = main([word.format(**places) for word in words])
    assert code != 0 or words[0] == "message"  # which takes text for a message in many forms
    said(capfd)


def test_key_files(tmp_path: Path, capfd: pytest.CaptureFixture[str], home: tuple[Path, Path]) -> None:
    quoted = json.dumps(EVIL)
    for text in (f"[{quoted}]\n", f"{quoted} = 1\n", f"[[device]]\n{quoted} = 1\n", f"[gbcs]\nprivate_keys = {quoted}\n",
                 f'[[device]]\neui64 = "{METER:016x}"\nrole = {quoted}\n', f"[[mac_key]]\nkey = {quoted}\n"):  # fmt: skip
        home[1].write_text(text)
        assert main(["keys", str(home[0]), "--keys", str(home[1])]) == 3, text
        said(capfd)


def test_frames_of_notebooks(home: tuple[Path, Path]) -> None:
    decoded = decode(home[0], read_keys(home[1]))
    frames = [decoded.frame(name) for name in ("packets", "attributes", "devices", "keys")]
    frames.append(findings_table(check(decoded).findings))
    for frame in frames:
        assert_inert(frame.to_string())
        assert_inert(frame.to_html())
        assert "<img" not in frame.to_html()
    assert_inert(repr(decoded))
    text = decoded.table("attributes").column("value")[0].as_py()
    assert text.startswith(EVIL[:20]), "the table for programs has it as it was sent"


def test_inspector(home: tuple[Path, Path]) -> None:
    pytest.importorskip("textual")
    from textual.widgets import Tree

    from analysis.inspector.app import Inspector
    from analysis.inspector.model import Inspected
    from analysis.pipeline.source import ReopenableSource

    with ReopenableSource(str(home[0])) as replay:
        model = Inspected.read(replay, read_keys(home[1]))
    texts = [cell for row in range(len(model)) for cell in model.cells(row)]

    async def run() -> None:
        app = Inspector(model)
        async with app.run_test(size=(200, 60)) as pilot:
            await pilot.pause()
            tree = app.query_one("#tree", Tree)
            stack = [tree.root]
            while stack:
                node = stack.pop()
                texts.append(str(node.label))
                stack.extend(node.children)
            await pilot.press("f", *"nwk_src == ", "enter")
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            texts.extend("".join(segment.text for segment in strip) for strip in strips)

    asyncio.run(run())
    for text in texts:
        assert_inert(text, "")


@pytest.mark.parametrize("function", [printable, csv_cell, json_text])
def test_every_character(function: Callable[[str], str]) -> None:
    for begin in range(0, 0x110000, 0x1000):
        text = "".join(chr(code) for code in range(begin, begin + 0x1000) if not 0xD800 <= code < 0xE000)
        assert_inert(function(text), "")
        if function is json_text:
            assert json.loads(json_text(text)) == text


def test_what_a_spreadsheet_calculates() -> None:
    for text in ("=1", "+A1", "-A1", "@x", "\t=1", " =1", "\uff1d1", "\r=1", "-", "=", "--5"):
        assert csv_cell(text).startswith("'"), text
    for text in ("-5", "+44", "-1.5e3", "5", "", "a=1", "2026-01-01"):
        assert csv_cell(text) == text


def test_nothing_writes_past_the_one_place() -> None:
    """What goes to stdout or stderr as text goes through `analysis.cli.console`, or says here why not."""
    root = Path(__file__).parents[2]
    own = {
        "analysis/cli/console.py",  # is the place
        "analysis/views/message_tree.py",  # writes through `printable` (test_verbs)
        "analysis/cli/verbs/fleet.py",  # a count of captures that is written over
        "analysis/cli/verbs/sniff.py",  # a count of frames that is written over
        "captures/sniffers/extcap.py",  # Wireshark's own notation; errors through `printable`
    }
    writers = {
        str(path.relative_to(root))
        for folder in ("analysis", "captures", "dissectors")
        for path in (root / folder).rglob("*.py")
        if re.search(r"^(?!\s*>>>).*(?:\bprint\(|sys\.(?:stdout|stderr)\.write\()", path.read_text(), re.M)
    }
    assert writers <= own, writers - own
