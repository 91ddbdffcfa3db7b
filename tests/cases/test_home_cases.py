"""Homes with one thing changed that once made a rule dumb, or made it accuse somebody (named in the cases' own page)."""

from pathlib import Path

import pytest

from analysis.engine.checking import check
from analysis.findings.model import CheckResult
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode


def checked(
    shared: Path, capture: str, keys: str = "home.toml", rules: list[str] | None = None
) -> CheckResult:
    folder = shared / "cases" / "home"
    result = check(decode(str(folder / capture), read_keys(folder / keys)), rules=rules)
    assert not result.failures
    return result


def test_a_display_that_switches_the_supply_is_told(shared: Path) -> None:
    """Local Change Supply is command 0x0C of the metering cluster (0x0702)."""
    [found] = checked(shared, "ppmid-supply.pcapng", "ppmid-supply.toml", ["ppmid-supply"]).findings
    assert found.severity == "warning" and found.device.startswith("Prepayment display")
    assert "Local Change Supply to Electricity meter" in found.evidence


def test_an_alert_to_the_supplier_is_no_fault_of_a_clean_day(shared: Path) -> None:
    graver = [f for f in checked(shared, "gas-frozen.pcapng").findings if f.severity != "info"]
    assert "alert-recipient" not in {f.rule for f in graver}


def test_a_refusal_names_who_refused_what_and_why(shared: Path) -> None:
    [found] = checked(shared, "price-not-found.pcapng", rules=["reports-refused"]).findings
    assert found.device.startswith("Prepayment display")
    for words in ("refused it", "NOT_FOUND (0x8b)", "Get Current Price (Price)"):
        assert words in found.evidence
    assert "mirror" not in found.evidence


@pytest.mark.parametrize(
    ("name", "device", "words"),
    [
        (
            "tariff-refused.pcapng", "Electricity meter",
            "refused ECS01a Set Tariff and Price on ESME of Supplier (90b3d5fffef10000) 4 times: other-reason; the old tariff",
        ),
        (
            "join-refused.pcapng", "Electricity meter",
            "refused CS03A1 Method A Join of Supplier (90b3d5fffef10000) 3 times: write failure; no link key",
        ),
        (
            "gas-read-refused.pcapng", "Prepayment display",
            "Communications hub refused it 30 times; UNSUPPORTED_ATTRIBUTE (0x86); Read Attributes CurrentSummationDelivered; "
            "it gets no reading of the gas meter",
        ),
        ("price-not-found.pcapng", "Prepayment display", "Electricity meter refused it 20 times; it gets no price"),
    ],
)  # fmt: skip
def test_a_refusal_says_who_whom_why_and_what_to_do(shared: Path, name: str, device: str, words: str) -> None:
    [found] = [f for f in checked(shared, name).findings if f.severity != "info"]
    assert found.severity == "warning" and found.device.startswith(device) and "to do: " in found.evidence
    for word in words.split():
        assert word.strip(";") in found.evidence


def test_reads_without_an_answer_are_told(shared: Path) -> None:
    result = checked(shared, "credit-unanswered.pcapng", "credit-unanswered.toml")
    [found] = [f for f in result.findings if f.severity != "info"]
    assert found.rule == "request-unanswered" and found.device.startswith("Prepayment display")
    for words in ("8 of 8 requests to Electricity meter", "PaymentControlConfiguration", "it gets no credit"):
        assert words in found.evidence


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("alert-8f1d.pcapng", "power-alert", "GSME Power Supply Loss"),
        ("alert-8f29.pcapng", "radio-alert", "Three Lost GSME Searches Failed"),
        ("alert-8f75.pcapng", "security-alert", "Strong Magnetic field"),
    ],
)
def test_an_alert_is_told_by_its_meaning(shared: Path, name: str, rule: str, words: str) -> None:
    [found] = [f for f in checked(shared, name).findings if f.severity != "info"]
    assert (found.rule, found.severity) == (rule, "warning") and found.device.startswith("Electricity meter")
    assert words in found.evidence and "to Supplier" in found.evidence and "to check: " in found.evidence


@pytest.mark.parametrize("name", ["rejoin.pcap", "realign_min.pcap"])
def test_nobody_is_accused_of_forgery(shared: Path, name: str) -> None:
    """A second legal join; a frame whose MAC security was not verified."""
    result = check(decode(str(shared / "cases" / "zigbee" / name)))
    assert not {"announce-forged", "realignment-forged"} & {f.rule for f in result.findings}
