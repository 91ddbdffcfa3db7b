"""Profiles: each version of GBCS judges as its own text does, and says where each setting is from."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.rules.profile import ProfileError, profile_names, read_profile
from analysis.rules.registry import rules
from tests.analysis.compliance.gbcs_tables import capture, command, item, response
from tests.analysis.frames import GAS, HUB, packet, smart_energy

FOLDER = Path(str(resources.files("analysis.rules.compliance") / "profiles"))


def states(tables: Any, rule: str, profile: str) -> list[tuple[str, str]]:
    result = check(tables, profile=profile, rules=[rule])
    return [(v.state, "") for v in result.verdicts] + [("finding", f.severity) for f in result.findings]


def rejoin(seconds: float) -> Any:
    """CCS01 opens joining for 300 s; a device comes back under its old key some seconds later."""
    listed = [item(object="DeviceLog(CHF): join_timeout", value="300", number=300.0)]
    back = packet(seconds, GAS, HUB, nwk_type="command", nwk_command=6, nwk_security="none")
    return capture([command(0x01, 0, to=HUB)], listed, [smart_energy(0), back, smart_energy(2000)])


def test_half_of_the_window_is_for_the_old_key_in_later_versions() -> None:
    late = rejoin(250)
    assert states(late, "join-window", "gbcs-4.0") == [("pass", "")]
    assert ("fail", "") in states(late, "join-window", "gbcs-4-later")
    assert states(rejoin(100), "join-window", "gbcs-4-later") == [("pass", "")]


def flow(divisor: int) -> Any:
    shown = item(object="UncontrolledFlowDivisor", value=str(divisor), number=float(divisor))
    return capture([response(0x5B, use_case="GCS21a")], [shown])


@pytest.mark.parametrize(
    ("divisor", "early", "now", "later"), [(1, "pass", "pass", "fail"), (10_000, "fail", "pass", "pass")]
)
def test_the_unit_of_the_gas_flow_changed(divisor: int, early: str, now: str, later: str) -> None:
    for profile, state in (("gbcs-0.8.1", early), ("gbcs-4", now), ("gbcs-4-later", later)):
        assert states(flow(divisor), "gas-flow-divisor", profile)[0] == (state, ""), profile


def test_use_cases_came_with_versions() -> None:
    new = capture([command(0x0121, use_case="ECS101")])
    assert ("finding", "warning") in states(new, "use-case-of-version", "gbcs-0.8.1")
    assert states(new, "use-case-of-version", "gbcs-4-later") == [("pass", "")]


def test_what_an_early_text_does_not_say_is_not_judged_under_it() -> None:
    known = {r.id: r for r in rules()}
    for name, absent in (
        ("gbcs-0.8.1", ("GBCS v4.0", "newer than GBCS")),
        ("gbcs-4.0", ("newer than GBCS",)),
    ):
        settings = read_profile(name)
        off = {i for i in settings.settings if not settings.enabled(i)}
        assert off and all(settings.source(i) for i in off)
        assert all("0.8" not in known[i].source for i in off)
        told = {i for i in off if any(words in known[i].source for words in absent)}
        assert told == {i for i in off if "later versions" not in known[i].source}


@pytest.mark.parametrize("name", profile_names())
def test_every_setting_names_its_source(name: str) -> None:
    content = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    assert content["profile"]["name"] == name and content["profile"]["version"]
    assert all(values.get("source") for values in content.get("rules", {}).values())
    read_profile(name).hold_to({r.id: r.parameters for r in rules()}, {r.id for r in rules()})


def test_a_suppliers_own_limits_extend_a_profile(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[profile]\nname = "own"\nextends = "gbcs-0.8.1"\n[rules.time-differs]\nseconds = 500.0\nseverity = "error"\n'
        'source = "our contract, clause 7"\n'
    )
    settings = read_profile(own)
    assert settings.parameters("time-differs", {"seconds": 10.0}) == {"seconds": 500.0}
    assert settings.source("time-differs") == "our contract, clause 7" and not settings.enabled(
        "gbz-provider-id"
    )
    with pytest.raises(ProfileError):
        read_profile(tmp_path / "none.toml")
