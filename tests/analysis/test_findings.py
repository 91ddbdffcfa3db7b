"""The registry, profiles, verdicts and incidents."""

from pathlib import Path

import pytest

from analysis.engine.checking import check
from analysis.engine.incidents import causes
from analysis.features.view import View
from analysis.findings.model import CONFIDENCES, SEVERITIES, Finding
from analysis.rules.profile import ProfileError, profile_names, read_profile
from analysis.rules.registry import rules
from tests.analysis.frames import decoded, packet


def test_every_rule_tells_what_a_person_must_know() -> None:
    known = rules()
    assert len(known) >= 40
    for rule in known:
        assert rule.severity in SEVERITIES and rule.confidence in CONFIDENCES
        assert len(rule.explanation) > 20, rule.id
        assert rule.source and rule.unseen and rule.advice and rule.title, rule.id
        assert rule.id == rule.id.lower() and " " not in rule.id


def test_every_cause_is_in_the_table_or_its_rule_stands_alone() -> None:
    assert all(r.cause in causes() or r.cause == r.id for r in rules())


def test_no_rule_is_silent_on_an_empty_capture() -> None:
    result = check(decoded([]))
    assert {v.rule for v in result.verdicts} == {r.id for r in rules()}
    assert {v.state for v in result.verdicts} == {"not seen"}
    assert all("needs" in v.text for v in result.verdicts)
    assert not result.findings


def test_a_profile_changes_a_limit_and_names_its_source(tmp_path: Path) -> None:
    profile = tmp_path / "own.toml"
    profile.write_text(
        '[profile]\nname = "own"\nextends = "gbcs-4"\n[rules.weak-signal]\ndbm = -50.0\nsource = "house rule 7"\n'
    )
    rows = [packet(n, rssi=-60) for n in range(20)]
    assert not check(decoded(rows), rules=["weak-signal"]).findings
    found = check(decoded(rows), profile=str(profile), rules=["weak-signal"])
    assert [f.source for f in found.findings] == ["house rule 7"]
    assert found.profile == "own"


@pytest.mark.parametrize(
    "text",
    [
        "[rules.no-such-rule]\nx = 1",
        "[rules.weak-signal]\nnonsense = 1",
        '[rules.weak-signal]\nseverity = "loud"',
        "not toml at all",
        "[rules]\nweak-signal = 3",
    ],
)
def test_a_wrong_profile_is_one_clear_error(tmp_path: Path, text: str) -> None:
    profile = tmp_path / "wrong.toml"
    profile.write_text(text)
    with pytest.raises(ProfileError):
        check(decoded([]), profile=str(profile))


def test_our_profiles_can_be_read() -> None:
    for name in profile_names():
        check(decoded([]), profile=read_profile(name))
    with pytest.raises(ProfileError, match="neither a profile"):
        read_profile("nowhere")


def test_an_unknown_rule_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="no such rule: nonsense"):
        check(decoded([]), rules=["nonsense"])


def test_a_recalled_requirement_warns_and_does_not_fail() -> None:
    result = check(decoded([packet(1, nwk_security="none")]), rules=["nwk-unsecured-frame"])
    assert [f.severity for f in result.findings] == ["warning"]
    assert [v.state for v in result.verdicts] == ["warn"]


def test_findings_of_one_cause_are_one_incident() -> None:
    old = [packet(n, nwk_counter=c, nwk_digest=n) for n, c in enumerate((9000, 9001, 9002))]
    again = [packet(60 + n, nwk_counter=c, nwk_digest=50 + n) for n, c in enumerate((5, 9001, 7))]
    result = check(decoded(old + again))
    reset = [f for f in result.findings if f.rule in {"nonce-reuse", "nwk-counter-back"}]
    assert len({f.incident for f in reset}) == 1
    incident = result.incidents[0]
    assert incident.severity == "critical" and incident.start < incident.end
    assert incident.likely_cause and incident.next_check and len(incident.timeline) == len(incident.findings)
    assert isinstance(result.findings[0], Finding)
    assert result.findings[0].to_json()["frames"]


def test_long_addresses_stay_exact() -> None:
    rows = [packet(n, nwk_sender=e) for n, e in enumerate((0x90B3D51F30010001, 0x90B3D51F30010002, None))]
    view = View.of(decoded(rows))
    assert view.packets["nwk_sender"].dropna().tolist() == [0x90B3D51F30010001, 0x90B3D51F30010002]
