"""Incidents: one cause is one story, and what has nothing in common stays apart."""

from analysis.engine.incidents import causes, incidents_of
from analysis.findings.model import Finding
from analysis.findings.subject import Subject
from analysis.rules.registry import rules

RULES = {r.id: r for r in rules()}


def finding(rule: str, device: str, *frames: int, severity: str = "error") -> Finding:
    return Finding(
        rule, severity, RULES[rule].title, frames, device, "seen", "", "text", "", about=Subject.of(device)
    )


def stories(*given: tuple[Finding, tuple[float, float]]) -> list[set[str]]:
    findings = [one for one, _ in given]
    found = incidents_of(findings, RULES, [span for _, span in given])
    assert all(i.timeline and i.likely_cause and i.next_check and i.title for i in found)
    return [{findings[n].rule for n in i.findings} for i in found]


def test_what_the_same_frames_show_is_one_story() -> None:
    forged = finding("counter-lockout", "meter", 1, 2, 3)
    unprotected = finding("smart-energy-without-link-key", "meter", 2, 3, severity="warning")
    assert stories((forged, (10, 20)), (unprotected, (10, 20))) == [{forged.rule, unprotected.rule}]
    elsewhere = finding("smart-energy-without-link-key", "meter", 8, 9, severity="warning")
    assert len(stories((forged, (10, 20)), (elsewhere, (9000, 9010)))) == 2


def test_findings_of_one_cause_that_belong_to_different_others_stay_apart() -> None:
    tampered, broken = (
        finding("mac-invalid", "meter", 40, severity="critical"),
        finding("message-format", "meter", 40),
    )
    injected, cut = (
        finding("tunnel-injection", "display", 8, 9),
        finding("message-cut", "display", 9, severity="warning"),
    )
    at = (100.0, 110.0)
    found = stories((tampered, at), (broken, at), (injected, at), (cut, at))
    assert found == [{tampered.rule, broken.rule}, {injected.rule, cut.rule}]


def test_a_jammed_channel_explains_the_silence_of_devices() -> None:
    jammed, silent = finding("bad-fcs-share", "channel", *range(50)), finding("device-silent", "meter", 60)
    assert stories((jammed, (100, 400)), (silent, (350, 360))) == [{jammed.rule, silent.rule}]
    assert len(stories((jammed, (100, 400)), (silent, (9000, 9010)))) == 2


def test_a_weak_link_explains_only_its_own_device() -> None:
    weak, silent = finding("rssi-changed", "display", 1), finding("device-silent", "meter", 2)
    assert len(stories((weak, (0, 100)), (silent, (50, 60)))) == 2


def test_findings_of_one_cause_that_follow_each_other_are_one_incident() -> None:
    many = [(finding("nwk-replay", f"device {n}", n), (n * 60.0, n * 60.0 + 5)) for n in range(20)]
    assert stories(*many) == [{"nwk-replay"}]
    apart = [(finding("nwk-replay", f"device {n}", n), (n * 7200.0, n * 7200.0 + 5)) for n in range(3)]
    assert len(stories(*apart)) == 3


def test_the_gravest_finding_names_the_incident() -> None:
    first, grave = (
        finding("device-silent", "meter", 1, severity="warning"),
        finding("bad-fcs-share", "channel", 2),
    )
    [incident] = incidents_of([first, grave], RULES, [(90, 95), (100, 200)])
    assert incident.severity == "error" and incident.title == causes()["interference"]["title"]


def test_what_brings_others_along_is_told_first_though_it_is_seen_later() -> None:
    """A display that uses another key asks in vain before the first frame of it fails."""
    ends, fails = (
        finding("habit-ends", "display", 1, 2, severity="warning"),
        finding("mic-fails", "display", 3, 4, severity="warning"),
    )
    [incident] = incidents_of([ends, fails], RULES, [(90, 95), (100, 200)])
    assert incident.title == causes()["wrong key"]["title"]


def test_words_of_a_cause_that_fit_no_finding_give_way_to_its_own() -> None:
    refused, silent = (
        finding("reports-refused", "display", 1, severity="warning"),
        finding("device-silent", "display", 2, severity="warning"),
    )
    [own] = incidents_of([refused], RULES, [(0, 5)])
    assert own.title == RULES["reports-refused"].title and own.likely_cause
    [both] = incidents_of([refused, silent], RULES, [(0, 5), (8, 9)])
    assert both.title == causes()["silence"]["title"]


def test_areas_of_causes_are_areas_of_rules_of_theirs() -> None:
    for cause, row in causes().items():
        known = {one.area for one in RULES.values() if one.cause == cause}
        assert {one for one in row["areas"].split("; ") if one} <= known, cause


def test_information_alone_makes_no_incident() -> None:
    assert stories((finding("retries", "meter", 1, severity="info"), (0, 1))) == []


def test_what_a_cause_brings_along_is_a_cause() -> None:
    named = {one for row in causes().values() for one in row["brings"].split("; ") if one} - {"anywhere"}
    assert named <= set(causes())
