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


def test_information_alone_makes_no_incident() -> None:
    assert stories((finding("retries", "meter", 1, severity="info"), (0, 1))) == []


def test_what_a_cause_brings_along_is_a_cause() -> None:
    named = {one for row in causes().values() for one in row["brings"].split("; ") if one} - {"anywhere"}
    assert named <= set(causes())
