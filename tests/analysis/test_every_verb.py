"""The samples through every verb, each in a process of its own, in which a warning of what will break is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.cli import VERBS
from captures.simulated.scenarios.samples import FOLDER, SAMPLES
from tests.key_files import keys_of_sample

ARGUMENTS = {
    "decode": ["{capture}", "--keys", "{keys}", "--out", "{out}/tables"],
    "show": ["{capture}", "1-20", "--keys", "{keys}"],
    "follow": ["{capture}", "--device", "esme", "--keys", "{keys}", "--html", "{out}/ladder.html"],
    "keys": ["{capture}", "--keys", "{keys}"],
    "stats": ["{capture}", "--keys", "{keys}"],
    "check": ["{capture}", "--keys", "{keys}", "--verdicts"],
    "report": ["{capture}", "--keys", "{keys}", "-o", "{out}/report.html"],
    "why": ["{capture}", "--keys", "{keys}"],
    "diff": ["{capture}", "{capture}", "--keys", "{keys}"],
    "crosscheck": ["{capture}", "--keys", "{keys}"],
    "convert": ["{capture}", "{out}/out.pcap"],
    "wireshark": ["{capture}", "-o", "{out}/shown.pcapng", "--keys", "{keys}"],
    "fleet decode": ["{capture}", "--out", "{out}/store", "--scheduler", "none", "--keys-from", "{keys}"],
    "redact": ["{capture}", "-o", "{out}/out.pcapng", "--keys", "{keys}", "--keys-out", "{out}/other.toml"],
}
WITHOUT_A_CAPTURE = {
    "build": ["ECS52", "originator=90b3d51f30010000", "recipient=00db1234567890a0", "mac=absent"],
    "demo": ["--out", "{out}/demo"],
    "fields": ["counter"],
    "completion": ["bash"],
    "plug-ins": [],
    "man": ["--out", "{out}/man"],
    "message": ["c001c100080000010000ff0200"],
    "simulate": ["ordinary-day", "-o", "{out}/day.pcapng", "--seconds", "60", "--fault", "weak-link"],
    "sniff": ["simulated:ordinary-day", "-o", "{out}/sniffed.pcapng", "--speed", "0", "--frames", "20"],
    "watch": ["simulate:ordinary-day", "--speed", "0", "--frames", "20", "--jsonl"],
    "install-wireshark": ["--to", "{out}/wireshark"],
    "fleet simulate": ["1", "--out", "{out}/homes", "--seconds", "60", "--scheduler", "none"],
    "install-extcap": ["--folder", "{out}/extcap"],
}
STORED = ("check", "report", "sql", "compact", "prune")
ELSEWHERE = {
    "inspect": "needs a terminal: tests/analysis/test_inspector.py",
    "mcp": "speaks with an assistant: tests/analysis/test_mcp.py",
    **{f"fleet {one}": "needs a store: tests/analysis/test_fleet.py" for one in STORED},
    "web": "serves until it is ended: tests/analysis/test_web_page.py",
}
WARNINGS = [
    f"-Werror::{kind}" for kind in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
]


def run(verb: str, arguments: list[str], folder: Path, **places: object) -> None:
    words = [one.format(out=folder, **places) for one in arguments]
    # Packages that crosscheck starts tshark with are old, and warn.
    warnings = [] if verb == "crosscheck" else WARNINGS
    command = [sys.executable, *warnings, "-m", "analysis.cli", *verb.split(), *words]
    environment = {name: value for name, value in os.environ.items() if name != "HANSCOPE_KEYS"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr and "Warning" not in done.stderr, done.stderr


@pytest.mark.parametrize("verb", sorted(ARGUMENTS))
@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_a_sample_through_a_verb(verb: str, sample: str, tmp_path: Path) -> None:
    if verb == "crosscheck" and shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    keys = keys_of_sample(sample, tmp_path)
    run(verb, ARGUMENTS[verb], tmp_path, capture=FOLDER / f"{sample}.pcapng", keys=keys)


@pytest.mark.parametrize("verb", sorted(WITHOUT_A_CAPTURE))
def test_a_verb_that_takes_no_capture(verb: str, tmp_path: Path) -> None:
    run(verb, WITHOUT_A_CAPTURE[verb], tmp_path)


def test_no_verb_is_left_out() -> None:
    assert set(VERBS) == {*ARGUMENTS, *WITHOUT_A_CAPTURE, *ELSEWHERE}
