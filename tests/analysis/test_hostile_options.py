"""What a pcapng file says in options of every kind, names, secrets and blocks of others never acts on whoever sees it."""

import shutil
import struct
from pathlib import Path

import pytest

from analysis.cli import main
from tests.analysis.test_hostile_text import EVIL, METER, assert_inert, assert_no_formula, said, zcl_frame
from tests.captures.builders import T0, block, enhanced, interface, option, section

TEXT = EVIL.encode()
NAMED = TEXT.replace(b"\0", b"")
CUSTOM = struct.pack("<I", 32473) + TEXT
VERBS = [
    ["stats", "{capture}"],
    ["stats", "{capture}", "--json"],
    ["keys", "{capture}"],
    ["show", "{capture}", "1-3"],
    ["check", "{capture}", "--verdicts"],
    ["check", "{capture}", "--sarif"],
    ["report", "{capture}", "--out", "{folder}/report.html"],
    ["diff", "{capture}", "{capture}"],
    ["convert", "{capture}", "{folder}/converted.pcapng"],
    ["redact", "{capture}", "--out", "{folder}/redacted.pcapng"],
    ["decode", "{capture}", "--out", "{folder}/tables", "--format", "csv"],
    ["decode", "{capture}", "--table", "devices", "--format", "jsonl"],
    pytest.param(
        ["crosscheck", "{capture}"],
        marks=pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
    ),
]


def options(*codes: int) -> bytes:
    return b"".join(option(code, TEXT) for code in codes) + option(0, b"")


def record(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + value + bytes(-len(value) % 4)


def hostile() -> bytes:
    """Every option and block that holds text or what may be taken for it, and three sound frames."""
    custom = b"".join(option(code, CUSTOM) for code in (2988, 2989, 19372, 19373))
    packets = (
        enhanced(zcl_frame(EVIL[:60]), (T0 + n) * 10**6, options=custom + options(1, 3, 6)) for n in range(3)
    )
    addresses = ((1, 4), (2, 16), (3, 6), (5, 8))
    names = b"".join(record(kind, bytes(size) + NAMED + b"\0") for kind, size in addresses)
    names += record(4, METER.to_bytes(8, "big") + NAMED + b"\0") + bytes(4)
    return b"".join(
        (
            section(options=options(1, 2, 3, 4)),
            interface(195, options=custom + options(1, 2, 3, 11, 12, 15)),
            block(4, names + options(1, 2, 3)),
            block(10, struct.pack("<II", 0x5A4E574B, 18) + bytes(range(18)) + bytes(2) + options(1)),
            block(10, struct.pack("<II", 0x544C534B, len(TEXT)) + TEXT + bytes(-len(TEXT) % 4) + options(1)),
            *packets,
            block(5, bytes(12) + options(1, 2, 3, 4, 5, 6, 7, 8)),
            block(0x0BAD, CUSTOM),
            block(9, TEXT),
            block(0x7777, TEXT),
        )
    )


@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(words)[:30])
def test_verbs(tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    capture = tmp_path / "hostile.pcapng"
    capture.write_bytes(hostile())
    code = main([word.format(capture=capture, folder=tmp_path) for word in words])
    said(capfd)
    assert code in (0, 1)
    for page in tmp_path.glob("*.html"):
        assert_inert(page.read_text())
        assert "<img" not in page.read_text()
    for cells in tmp_path.rglob("*.csv"):
        assert_inert(cells.read_bytes().decode(), "\r\n")
        assert_no_formula(cells.read_bytes().decode())
    for written in tmp_path.glob("redacted.pcapng"):
        assert b"onerror" not in written.read_bytes(), "nothing of what others wrote is shared"
