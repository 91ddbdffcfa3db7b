"""Attacks on a simulated home: what one of them causes is one incident, and two in one capture stay two."""

from pathlib import Path

import pytest

from analysis.engine.checking import check
from analysis.findings.model import CheckResult
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from captures.simulated.faults import known
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import truth_rows, write_han

PAIRS = (
    ("replay", "fake-beacons"),
    ("tunnel-injection", "gbcs-tamper"),
    ("cloned-address", "unsecured-data"),
    ("clear-key", "jamming"),
)
"""Attacks of eight families, two in each capture."""


def played(faults: tuple[str, ...], folder: Path, seed: int = 21) -> tuple[CheckResult, dict[str, set[int]]]:
    """What the rules say of a home under these attacks, and the frames that each of them made or spoilt."""
    han = simulate("ordinary-day", seed=seed, seconds=1500, faults=list(faults))
    write_han(han, folder / "han.pcapng")
    (folder / "keys.toml").write_text(keys_text(han), encoding="utf-8")
    result = check(decode(str(folder / "han.pcapng"), read_keys(folder / "keys.toml")))
    return result, {r["name"]: set(r["frames"]) for r in truth_rows(han) if r["kind"] == "fault"}


def test_the_attacks_are_of_eight_families() -> None:
    assert len({known()[name].behaviour.__module__ for pair in PAIRS for name in pair}) == 8


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_each_attack_is_one_incident_and_two_stay_apart(pair: tuple[str, str], tmp_path: Path) -> None:
    result, truth = played(pair, tmp_path)
    numbers = {
        name: {f.incident for f in result.at_least("warning") if frames.intersection(f.frames)}
        for name, frames in truth.items()
    }
    told = [(f.incident, f.rule, f.device) for f in result.at_least("warning")]
    assert all(len(found) == 1 for found in numbers.values()), (numbers, told)
    assert numbers[pair[0]] != numbers[pair[1]], told
    assert len(result.incidents) == 2, told
