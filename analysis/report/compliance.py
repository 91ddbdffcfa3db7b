"""The compliance matrix of the report: areas of rules against devices, messages and the network; and what GBCS
makes of ZigBee and DLMS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from analysis.findings.model import CheckResult
from analysis.findings.modifications import states
from analysis.findings.subject import Subject

__all__ = ["areas_by_subject", "modified"]

DEVICES_SHOWN = 12
MESSAGES, OTHERS, NETWORK = "messages", "others", "network"
ORDER = ("fail", "warn", "pass")


def areas_by_subject(result: CheckResult | None) -> dict[str, Any]:
    """Columns (named devices with most verdicts, others, messages, network), and a row per area: counts by column
    and state, and how many of its rules saw nothing to judge."""
    if result is None:
        return {"columns": [], "rows": []}
    area = {rule.id: f"{rule.family}: {rule.area}" for rule in result.rules}
    cells: dict[str, dict[str, Counter[str]]] = {name: {} for name in dict.fromkeys(area.values())}
    unseen: Counter[str] = Counter()
    devices: Counter[str] = Counter()
    for verdict in result.verdicts:
        if verdict.state == "not seen":
            unseen[area[verdict.rule]] += 1
            continue
        for column in _columns(verdict.about, result.names):
            devices[column] += 1
            cells[area[verdict.rule]].setdefault(column, Counter())[verdict.state] += 1
    shown = sorted(name for name, _ in devices.most_common() if name not in (MESSAGES, OTHERS, NETWORK))[
        :DEVICES_SHOWN
    ]
    columns = [*shown, *(name for name in (OTHERS, MESSAGES, NETWORK) if devices[name])]
    rows = [
        {"area": name, "cells": [_cell(said.get(column)) for column in columns], "unseen": unseen[name]}
        for name, said in cells.items()
    ]
    return {"columns": columns, "rows": rows}


def _columns(subject: Subject, names: Mapping[int, str]) -> list[str]:
    """The columns that a verdict counts in: its device (both of a pair; one without a name is one of the others), the
    messages, or the network."""
    if subject.kind == "message":
        return [MESSAGES]
    return [names.get(one or 0, OTHERS) for one in subject.stations] or [NETWORK]


def _cell(counts: Counter[str] | None) -> dict[str, Any]:
    if not counts:
        return {"state": "", "text": "", "said": "nothing to judge"}
    worst = next(state for state in ORDER if counts[state])
    text = f"{counts[worst]} {worst}" if worst != "pass" else str(counts["pass"])
    return {"state": worst, "text": text, "said": ", ".join(f"{counts[s]} {s}" for s in ORDER if counts[s])}


def modified(result: CheckResult | None) -> dict[str, Any]:
    """What GBCS modifies or dis-applies, each feature with the gravest verdict of its rules, and how many of each."""
    if result is None:
        return {"counts": [], "rows": []}
    rows = [{"feature": one, "state": state, "rules": by} for one, state, by in states(result)]
    counts = Counter(str(row["state"]) for row in rows)
    order = (*ORDER, "not seen", "not judged")
    return {"counts": [(state, counts[state]) for state in order if counts[state]], "rows": rows}
