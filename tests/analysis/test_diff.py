"""`hanscope diff`: a healthy installation beside one with a fault."""

from pathlib import Path

import pytest

from analysis.cli import main
from analysis.pipeline.decode import Decoded, decode
from analysis.views.diff import compare, steps
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.recording import write_han
from dissectors.model.keyring import Key, Keyring


def decoded(folder: Path, name: str, seed: int, *faults: str) -> Decoded:
    han = simulate("install-day", seed=seed, seconds=2400, faults=faults)
    write_han(han, folder / name)
    ring = Keyring()
    for row in han.truth:
        if row["kind"] == "key" and row["type"] in ("network", "link"):
            ring.add(Key("network" if row["type"] == "network" else "link", bytes.fromhex(row["key"])))
    return decode(folder / name, ring, tables=("packets", "devices"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("diff")


@pytest.fixture(scope="module")
def good(folder: Path) -> Decoded:
    return decoded(folder, "good.pcapng", 21)


def test_a_capture_is_like_itself(good: Decoded) -> None:
    found = compare(good, good)
    assert found.first is None and not found.timings and found.same > 100
    assert not found.only_good and not found.only_faulty


def test_the_first_divergence_is_the_fault(folder: Path, good: Decoded) -> None:
    faulty = decoded(folder, "faulty.pcapng", 21, "rejoin-loop")
    found = compare(good, faulty)
    assert found.first is not None and any("Rejoin" in step for step in found.first.faulty)
    rows = steps(faulty)
    assert found.first.faulty_frame in set(rows["frame"])


def test_a_stranger_is_named(folder: Path, good: Decoded) -> None:
    found = compare(good, decoded(folder, "stranger.pcapng", 22, "wrong-install-code"))
    assert any("wrong-install-code" in name for name in found.only_faulty)
    assert any("wrong-install-code" in d.conversation for d in found.divergences)


def test_the_command(folder: Path, good: Decoded, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "good.pcapng")
    assert main(["diff", path, path]) == 0
    assert "the same course" in capsys.readouterr().out
    assert main(["diff", path, path, "--json"]) == 0
    assert '"divergences": []' in capsys.readouterr().out


def test_several_faulty_ones(folder: Path, good: Decoded, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "good.pcapng")
    decoded(folder, "worse.pcapng", 21, "rejoin-loop")
    assert main(["diff", path, str(folder / "worse.pcapng"), path, "nowhere.pcapng", "--jobs", "2"]) == 3
    told = capsys.readouterr()
    assert told.out.count("good:") == 2 and "nowhere.pcapng" in told.err
    last = told.out.splitlines()[-3:]
    assert last[0].split()[:3] == ["differs", "alike", "timings"] and "worse.pcapng" in last[1]
    assert last[2].endswith("takes the same course") and last[2].split()[0] == "0"
    assert main(["diff", path, path, path, "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["diff", str(folder), path]) == 2
    assert "one good capture" in capsys.readouterr().err
