"""`hanscope why`: the step that was planted is named, through the command; clean homes have no fault."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import hanscope as hs
from analysis.cli import main
from analysis.diagnosis import all_steps, steps_of
from analysis.rules.registry import rules
from captures.simulated.scenarios.samples import FOLDER

SHARED = Path(os.environ.get("HANSCOPE_SHARED", "/nowhere")) / "cases" / "home"
HOME = "home"


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert main(["why", *map(str, words), "--json", "-q"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def simulated(
    folder: Path, scenario: str, *, seconds: int = 1800, seed: int = 1, fault: str = ""
) -> list[Path]:
    capture, keys = folder / "home.pcapng", folder / "keys.toml"
    words = [
        scenario,
        "-o",
        capture,
        "--seconds",
        seconds,
        "--seed",
        seed,
        "--keys-out",
        keys,
        "--reveal",
        "-q",
    ]
    assert main(["simulate", *map(str, words), *(["--fault", fault] if fault else [])]) == 0
    return [capture, keys]


def failed(found: dict[str, Any]) -> set[str]:
    """Steps that are first to fail, of devices and of the home."""
    return {one["step"] for one in found["failed"]}


EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
"""Else every second fault and clean home."""
PLANTED = [
    ("install-day", "wrong-install-code", "announcement"),
    ("ordinary-day", "wrong-install-code", "announcement"),
    ("install-day", "expired-certificate", "link-key"),
    ("ordinary-day", "cbke-interference", "link-key"),
    ("ordinary-day", "cbke-flood", "link-key"),
    ("install-day", "rejoin-loop", "rejoin"),
    ("ordinary-day", "jam-rejoin-response", "rejoin"),
    ("ordinary-day", "insecure-rejoin", "rejoin"),
    ("install-day", "jam-beacons", "scans"),
    ("ordinary-day", "jam-network-update", "channel"),
    ("ordinary-day", "fake-beacons", "identity"),
    ("ordinary-day", "association-flood", "joining"),
    ("ordinary-day", "cloned-join", "association"),
    ("install-day", "lost-mirror", "gas-reports"),
    ("ordinary-day", "wrong-key-after-swap", "network-key-use"),
    ("ordinary-day", "leave-spoof", "membership"),
    ("ordinary-day", "clear-key", "hub-keys"),
    ("ordinary-day", "tunnel-flood", "tunnel"),
]


@pytest.mark.parametrize(("scenario", "fault", "step"), PLANTED if EVERY else PLANTED[::2])
def test_a_planted_fault_names_its_step(
    scenario: str, fault: str, step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture, keys = simulated(tmp_path, scenario, fault=fault)
    found = asked(capsys, capture, "--keys", keys)
    assert step in failed(found)
    parts = [*found["devices"], found["home"]]
    wrong = next(
        one for part in parts for one in part["steps"] if one["state"] == "failed" and one["step"] == step
    )
    assert wrong["frames"] and wrong["text"] and wrong["check_next"] and wrong["source"]


HOMES = [
    ("join-refused", "ESME", "partner", "write failure"),
    ("gas-read-refused", "PPMID", "gas", "UNSUPPORTED_ATTRIBUTE"),
    ("price-not-found", "PPMID", "price", "NOT_FOUND"),
    ("credit-unanswered", "PPMID", "credit", "CreditRemaining"),
    ("tariff-refused", "ESME", "tariff", "ECS01a"),
]


@pytest.mark.skipif(not SHARED.exists(), reason="needs HANSCOPE_SHARED")
@pytest.mark.parametrize(("name", "role", "step", "word"), HOMES)
def test_a_home_with_one_thing_changed(
    name: str, role: str, step: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = SHARED / f"{name}.toml"
    keys = own if own.exists() else SHARED / "home.toml"
    found = asked(capsys, SHARED / f"{name}.pcapng", role, "--keys", keys)
    (device,) = found["devices"]
    assert device["failed_step"] == step
    assert word in next(one["text"] for one in device["steps"] if one["step"] == step)
    assert failed(asked(capsys, SHARED / f"{name}.pcapng", "--keys", keys)) == {step}


CLEAN = [
    ("install-day", 1, 3000),
    ("install-day", 2, 1500),
    ("ordinary-day", 3, 3600),
    ("ordinary-day", 4, 1500),
    ("prepayment", 5, 3600),
    ("change-of-supplier", 6, 3000),
    ("cad-pairing", 7, 2400),
    ("firmware-update", 8, 2400),
    ("hub-swap", 9, 2400),
    ("key-update", 10, 2400),
]


@pytest.mark.parametrize(("scenario", "seed", "seconds"), CLEAN if EVERY else CLEAN[1::2])
def test_a_clean_home_has_no_fault_and_says_what_was_looked_at(
    scenario: str, seed: int, seconds: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture, keys = simulated(tmp_path, scenario, seconds=seconds, seed=seed)
    found = asked(capsys, capture, "--keys", keys)
    assert (found["verdict"], found["failed"]) == ("no fault found", [])
    assert found["looked_at"]["frames"] > 500 and found["looked_at"]["exchanges"]["ok"] > 100
    assert any("channel" in line for line in found["cannot_tell"])
    assert main(["why", str(capture), "--keys", str(keys), "-q"]) == 0
    assert "no fault found in this home, because" in capsys.readouterr().out


def test_a_capture_that_begins_after_the_join_implies_it() -> None:
    (device,) = hs.simulate("ordinary-day", seconds=900, seed=2).why("electricity meter").devices
    states = {one.step.step: one.state for one in device.steps}
    assert states["association"] == states["link-key"] == "implied"
    assert states["link-key-use"] == "reached"


def test_without_keys_nothing_is_claimed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, _ = simulated(tmp_path, "ordinary-day", seconds=600)
    found = asked(capsys, capture)
    assert found["verdict"] == "cannot tell"
    assert any("shut" in line for line in found["cannot_tell"])


def test_a_device_is_called_by_name_role_and_addresses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture, keys = simulated(tmp_path, "ordinary-day", seconds=600)
    (device,) = asked(capsys, capture, "gas meter", "--keys", keys)["devices"]
    for called in ("GSME", device["device"]["eui64"], f"0x{device['device']['short']}"):
        assert asked(capsys, capture, called, "--keys", keys)["devices"] == [device]
    assert main(["why", str(capture), "gas metre", "--keys", str(keys)]) == 2
    assert "no device is called 'gas metre'" in capsys.readouterr().err


def test_the_table_of_steps_holds() -> None:
    known, ids = {step.step for step in all_steps()}, {rule.id for rule in rules()}
    assert len(known) == len(all_steps())
    for step in all_steps():
        assert set(step.proves) <= known and set(step.rules) <= ids
        assert step.title and step.check and step.source
    assert [step.step for step in steps_of("GSME")].index("mirror") < len(steps_of("GSME"))
    assert "mirror" not in {step.step for step in steps_of("ESME")}


def test_each_capture_of_a_folder_is_diagnosed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = Path("captures/samples/install-day.pcapng")
    for name in ("a.pcapng", "b.pcapng"):
        (tmp_path / name).write_bytes(sample.read_bytes())
    (tmp_path / "c.pcapng").write_bytes(b"no capture at all")
    words = ["why", str(tmp_path), "--keys", str(sample.with_suffix(".keys.toml")), "-q"]
    assert main([*words, "esme", "--json"]) == 3
    told = capsys.readouterr()
    found = [json.loads(line) for line in told.out.splitlines()]
    assert [Path(one["source"]).name for one in found] == ["a.pcapng", "b.pcapng"]
    assert "c.pcapng" in told.err
    (tmp_path / "c.pcapng").unlink()
    assert main([*words, "nobody"]) == 2
    assert capsys.readouterr().err.count("no device is called 'nobody'") == 2


def test_times_are_told_as_one_asks(capsys: pytest.CaptureFixture[str]) -> None:
    sample = str(FOLDER / "install-day.pcapng")
    told = {}
    for words in ((), ("--time", "relative"), ("--tz", "Europe/Paris")):
        assert main(["why", sample, "Electricity meter", "-q", *words]) == 0
        told[words] = capsys.readouterr().out
    assert "T00:" in told[()] and "T01:" in told["--tz", "Europe/Paris"]
    assert " s  frames " in told["--time", "relative"] and "  +" in told["--time", "relative"]
    assert main(["why", sample, "--time", "soon"]) == 2
