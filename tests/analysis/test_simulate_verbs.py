"""`hanscope simulate`, `sniff` and `install-extcap`, called as the command line calls them."""

import json
import stat
from pathlib import Path

import pytest

from analysis.cli import main
from captures import open_capture


def count(path: Path) -> int:
    with open_capture(path) as capture:
        return sum(len(block) for block in capture)


def test_capture_truth_and_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, truth, keys = tmp_path / "a.pcapng", tmp_path / "a.jsonl", tmp_path / "keys.toml"
    words = ["simulate", "install-day", "-o", str(capture), "--truth", str(truth), "--seconds", "900"]
    assert main([*words, "--fault", "weak-link", "--keys-out", str(keys)]) == 2
    assert "--reveal" in capsys.readouterr().err and not keys.exists()
    assert main([*words, "--fault", "weak-link", "--keys-out", str(keys), "--reveal"]) == 0
    assert "weak-link" in capsys.readouterr().err
    rows = [json.loads(line) for line in truth.read_text().splitlines()]
    assert count(capture) == sum(row["kind"] == "frame" for row in rows)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    from analysis.keys.keyfile import read_keys

    held = {key.value.hex() for key in read_keys(keys).keys}
    assert held == {row["key"] for row in rows if row["kind"] == "key" and row["type"] in ("network", "link")}


@pytest.mark.parametrize(
    "words",
    [
        ["simulate", "no-such-day", "-o", "x.pcapng"],
        ["simulate", "install-day", "-o", "x.pcapng", "--fault", "no-such-fault"],
        ["simulate", "install-day"],
        ["sniff", "zep:127.0.0.1:0"],
        ["sniff", "simulated:install-day", "-o", "-", "--ring-size", "1"],
        ["sniff", "simulated:install-day", "-o", "x.pcapng", "--ring-files", "1"],
    ],
)
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    talk = capsys.readouterr().err
    assert (talk.startswith("error: ") and "hint: " in talk) or "needs" in talk


def test_unknown_parameter_of_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[radio]\nlost = { value = 0.5 }\n")
    assert main(["simulate", "install-day", "-o", str(tmp_path / "x.pcapng"), "--profile", str(own)]) == 2
    assert "radio.lost" in capsys.readouterr().err


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"install-day", "ordinary-day"} <= {s["name"] for s in listed["scenarios"]}
    assert len(listed["faults"]) >= 50
    assert main(["sniff", "--list"]) == 0
    assert "simulated" in capsys.readouterr().out


def test_sniffing_the_simulated_home(tmp_path: Path) -> None:
    """The same octets arrive as `simulate` writes; a ring leaves nothing out."""
    ring = tmp_path / "ring.pcapng"
    words = ["sniff", "simulated:install-day+replay", "--speed", "0", "--seed", "5", "-q"]
    assert main([*words, "-o", str(ring), "--frames", "700", "--ring-size", "0.02"]) == 0
    files = sorted(tmp_path.glob("ring_*.pcapng"))
    assert len(files) > 2 and sum(count(path) for path in files) == 700
    whole = tmp_path / "whole.pcapng"
    assert main(["simulate", "install-day", "-o", str(whole), "--fault", "replay", "--seed", "5", "-q"]) == 0
    assert frames(whole)[:700] == [octets for path in files for octets in frames(path)]


def frames(path: Path) -> list[bytes]:
    with open_capture(path) as capture:
        return [frame.octets for block in capture for frame in block.frames()]


def test_sniffer_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "x.pcapng")
    assert main(["sniff", "simulated:no-such-day", "-o", target]) == 3
    assert main(["sniff", "nonsense:thing", "-o", target]) == 3
    assert "known are" in capsys.readouterr().err


def test_install_extcap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install-extcap", "--folder", str(tmp_path)]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()
