"""Every one-sentence rule of field_rules.csv: a wrong value is found, a right one is not."""

import csv
import re
from importlib import resources
from typing import Any

import pytest

from analysis.engine.checking import check
from tests.analysis.frames import HUB, METER, decoded, packet, smart_energy

TEXT = (resources.files("analysis.rules.compliance") / "field_rules.csv").read_text("utf-8")
ROWS = list(csv.DictReader(line for line in TEXT.splitlines() if not line.startswith("#")))
CASES = {row["id"]: (row, row) for row in ROWS}
NOW = 1_700_000_000 - 946_684_800


def literal(pattern: str) -> str:
    """Some text that the regular expression `pattern` matches."""
    first = re.split(r"\|(?![^(]*\))", pattern)[0]
    first = re.sub(r"\(([^|()]*)(\|[^()]*)?\)\??", r"\1", first)
    first = (
        first.replace(r"\w*", "x")
        .replace(r"\.", ".")
        .replace(".*", "x")
        .replace("\\[", "[")
        .replace("\\]", "]")
    )
    assert re.fullmatch(pattern, first), (pattern, first)
    return first


# A right and a wrong value, where the operand does not tell them.
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "top-up-check-digit": ("UTRN: 15.00 GBP, check digit ok", "UTRN: 15.00 GBP, check digit wrong"),
    "gas-emergency-credit": ("SUCCESS", "NOT_FOUND"),
    "electricity-emergency-credit": ("other-reason", "read-write-denied"),
    "device-certificate-expiry": ("99991231235959Z", "20401231235959Z"),
    "hub-log-last-contact": ("2030-01-01 00:00:00", "now (all zero)"),
    "functional-flags": (1 << 21, 1 << 20),
    "notification-flags-4": (1 << 7, 1 << 8),
}


def values(row: dict[str, str]) -> tuple[Any, Any]:
    """A right and a wrong value."""
    test, operand = row["test"], row["operand"]
    if row["id"] in EXAMPLES:
        return EXAMPLES[row["id"]]
    if test == "in":
        good = [int(v, 16) if v.startswith("0x") else int(v) for v in operand.split("|")]
        return good[0], max(good) + 1
    if test in {"max", "min"}:
        limit = int(operand)
        return limit, limit + 1 if test == "max" else limit - 1
    if test == "text":
        return {"now|0|": "now"}.get(operand) or ("80" if "80" in operand else "0" * 64), "2031"
    if test == "utc-now":
        return NOW, NOW - 10 * int(operand)
    return (0, int(operand, 16)) if test == "zero-bits" else (1, 0xF0)


def tables(row: dict[str, str], given: list[Any]) -> Any:
    name = literal(row["object"])
    if row["table"] == "commands":
        command = row["command"].split("|")[0]
        fields = [
            {"frame": 1 if row["test"] == "count" else n, "time": packet(n)["time"], "layer": "zcl", "source": METER, "destination": HUB, "value": str(v),
             "cluster": int(row["cluster"], 16), "direction": row["direction"] or "to-client", "number": float(v),
             "command": int(command, 16), "field": name} for n, v in enumerate(given, 1)
        ]  # fmt: skip
        return decoded([smart_energy(n) for n in range(len(given) + 1)], commands=fields)
    message = {
        "message": 1, "kind": "gbcs", "use_case": literal(row["use_case"]), "cra": row["cra"] or "command", "message_code": 1,
        "time": packet(0)["time"], "frames": [1], "originator": "0" * 16, "recipient": "1" * 16,
    }  # fmt: skip
    items = [
        {
            "message": 1,
            "item": n,
            "object": name,
            "value": str(v),
            "result": str(v) if row["test"] == "result" else None,
            "number": float(v) if isinstance(v, int) else None,
        }
        for n, v in enumerate(given)
    ]
    return decoded([smart_energy(0)], messages=[message], items=items)


def given(row: dict[str, str]) -> tuple[list[Any], list[Any]]:
    """Right and wrong values of the fields of one message or command."""
    if row["test"] == "equal":
        return [5, 5], [5, 6]
    if row["test"] == "count":
        return [1] * int(row["operand"]), [1] * (int(row["operand"]) + 1)
    return [values(row)[0]], [values(row)[1]]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_wrong_is_found_and_right_is_not(row: dict[str, str]) -> None:
    good, bad = given(row)
    found = check(tables(row, bad), rules=[row["id"]])
    assert not found.failures and found.findings, [v.text for v in found.verdicts]
    quiet = check(tables(row, good), rules=[row["id"]])
    assert not quiet.findings, [f.evidence for f in quiet.findings]
    assert {v.state for v in quiet.verdicts} == {"pass"}
