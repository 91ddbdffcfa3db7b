"""What rules say of captures full of strangers has ceilings that are told, and costs in proportion."""

import io
import time

import pytest

from analysis.engine import merging
from analysis.engine.checking import check_capture
from analysis.engine.incidents import incidents_of
from analysis.engine.merging import OTHERS, PIECES_KEPT, PIECES_OF_FIRST, SUBJECTS_KEPT, Sayings, bounded
from analysis.findings.model import CheckResult, Evidence, Finding, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rules
from dissectors.model.keyring import Key, Keyring
from tests import bombs

RULES = {rule.id: rule for rule in rules()}
RULE = next(iter(RULES.values()))


def told(said: list[Evidence], window: int = 0) -> list[Evidence]:
    sayings = Sayings(RULE)
    for one in said:
        sayings.add(one, (0.0, 0.0), window)
    return [one.evidence for one in sayings.told({})]


def test_what_is_broken_is_not_hidden_by_what_is_kept() -> None:
    many = [kept(f"device {n}", "fine") for n in range(SUBJECTS_KEPT + 2000)]
    found = told([*many, broken("meter", "bad", [7])])
    assert [one.text for one in found if not one.holds] == ["bad"]
    assert len(found) < SUBJECTS_KEPT + PIECES_OF_FIRST + 5


@pytest.mark.parametrize("window", [0, 1])
def test_subjects_beyond_the_ceiling_are_told_together_and_counted(window: int) -> None:
    found = told([broken(f"device {n}", "bad", [n]) for n in range(SUBJECTS_KEPT + 5000)], window)
    listed = PIECES_KEPT if window else PIECES_OF_FIRST
    assert len(found) == SUBJECTS_KEPT + listed + 1
    assert found[-1].subject == OTHERS[False]
    assert found[-1].text == f"and {5000 - listed:,} more that are not listed"


def test_pieces_of_one_subject_in_the_first_window_have_a_ceiling() -> None:
    found = told([broken("meter", f"event {n}", [n]) for n in range(PIECES_OF_FIRST + 300)])
    assert len(found) == PIECES_OF_FIRST + 1 and found[-1].text == "and 300 more that are not listed"


def test_what_a_rule_says_of_one_window_has_a_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "PIECES_OF_WINDOW", 10)
    said = [one for n in range(25) for one in (broken(f"d{n}", f"bad {n}", [n]), kept(f"e{n}", "fine"))]
    found = list(bounded(iter(said)))
    assert len(found) == 22
    assert (found[-2].text, found[-2].subject) == ("and 15 more that are not listed: bad 24", OTHERS[False])
    assert found[-1].holds and found[-1].subject == OTHERS[True]


def strange_findings(count: int) -> tuple[list[Finding], list[tuple[float, float]]]:
    """Findings of many causes, each of another device, minutes from each other."""
    some = list(RULES.values())[::9]
    found = []
    for n in range(count):
        rule, device = some[n % len(some)], Subject.device(0x1000 + n)
        found.append(
            Finding(
                rule.id, "error", rule.title, (n, n + 1), device.text({}), "bad", "", rule.confidence, "",
                about=device,
            )
        )  # fmt: skip
    return found, [(n * 100.0, n * 100.0 + 1) for n in range(count)]


def test_incidents_cost_in_proportion_to_the_findings() -> None:
    def seconds(count: int) -> float:
        findings, when = strange_findings(count)
        begin = time.process_time()
        assert incidents_of(findings, RULES, when)
        return time.process_time() - begin

    seconds(100)
    small = min(seconds(1000) for _ in range(3))
    assert min(seconds(8000) for _ in range(2)) < 20 * small


def checked(octets: bytes) -> CheckResult:
    keys = Keyring([Key("network", bombs.NETWORK_KEY)])
    return check_capture(io.BytesIO(octets), keys).result


@pytest.mark.parametrize(
    "name", ["key establishments begun", "first fragments of ever other payloads", "ever other PANs, secured"]
)
def test_a_check_costs_in_proportion(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings without number: the limit is three times what was measured, in costs of a sound capture decoded."""
    monkeypatch.setattr(merging, "SUBJECTS_KEPT", 100)
    octets = bombs.BOMBS[name].make(bombs.SIZE // 4)
    checked(octets)  # what is made once
    begin = time.process_time()
    result = checked(octets)
    spent = (time.process_time() - begin) / len(octets)
    assert spent < 400 * bombs.sound_seconds()
    assert not result.failures
    assert len(result.findings) <= 1000
