"""The simulated home: same seed same octets, and what other tools say of its frames."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from captures import open_capture
from captures.simulated.scenarios import SCENARIOS, simulate
from captures.simulated.scenarios.recording import write_han


@pytest.fixture(scope="module")
def install_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("install-day")
    capture, truth = folder / "capture.pcapng", folder / "truth.jsonl"
    write_han(simulate("install-day", seed=7), capture, truth)
    return capture, truth


def test_same_seed_same_octets(install_day: tuple[Path, Path], tmp_path: Path) -> None:
    again = tmp_path / "again.pcapng"
    write_han(simulate("install-day", seed=7), again)
    assert again.read_bytes() == install_day[0].read_bytes()
    write_han(simulate("install-day", seed=8, seconds=400), again)
    assert again.read_bytes()[:2000] != install_day[0].read_bytes()[:2000]


def test_truth_has_a_row_for_every_frame(install_day: tuple[Path, Path]) -> None:
    rows = [json.loads(line) for line in install_day[1].read_text().splitlines()]
    frames = [row for row in rows if row["kind"] == "frame"]
    with open_capture(install_day[0]) as capture:
        times = [int(t) for block in capture for t in block.time_ns]
    assert [row["time_ns"] for row in frames] == times
    assert [row["frame"] for row in frames] == list(range(1, len(times) + 1))
    assert {row["kind"] for row in rows} >= {"frame", "key", "reading"}


def test_meters_say_that_they_are_commissioned_before_their_clock_is_set(
    install_day: tuple[Path, Path],
) -> None:
    rows = [json.loads(line) for line in install_day[1].read_text().splitlines()]
    messages = [row for row in rows if row["kind"] == "message"]
    for meter, clock in (("90b3d5fffe0000a0", "ECS70"), ("90b3d5fffe0000a1", "GCS28")):
        mine = [row for row in messages if meter in (row["originator"], row["recipient"])]
        assert mine[0]["originator"] == meter and "8f69" in mine[0]["octets"]
        assert mine[1]["use_case"] == clock


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark on this machine")
def test_tshark_reads_all_of_it(install_day: tuple[Path, Path]) -> None:
    capture, truth = install_day
    keys = {json.loads(t)["key"] for t in truth.read_text().splitlines() if '"kind":"key"' in t}
    options = [w for key in sorted(keys) for w in ("-o", f'uat:zigbee_pc_keys:"{key}","Normal","k"')]
    fields = ["_ws.malformed", "zbee_sec.encrypted_payload", "zbee_sec.mic.unverified"]
    words = ["tshark", "-r", str(capture), *options, "-T", "fields", "-e", "frame.number"]
    words += [w for f in fields[:2] for w in ("-e", f)]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("\t") for line in out]
    assert len(rows) > 3000
    assert not [row[0] for row in rows if row[1]], "malformed"
    assert not [row[0] for row in rows if row[2]], "shut"


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_plays(name: str) -> None:
    """All devices that ought to be in the network are, and frames of every kind that the story tells are there."""
    han = simulate(name, seed=3, seconds=min(SCENARIOS[name].seconds, 5400))
    assert len(han.medium.heard) > 1000
    assert all(node.joined for node in han.nodes if node.role != "former CHF")
