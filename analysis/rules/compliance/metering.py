"""Metering values on the HAN: data types, registers, refresh, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.features import identifiers
from analysis.features.identifiers import GENERAL_COMMANDS, STATUS
from analysis.features.judging import count, judge, mask, plural
from analysis.features.names import cluster_name, command_name, said
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.aps_security import OWN_CLUSTERS
from analysis.rules.compliance.han_commands import (
    METERING,
    attributes_of,
)
from analysis.rules.registry import rules_of
from analysis.tables.lazy import numbers_of
from dissectors.layout import table
from dissectors.zcl import label_of

rule = rules_of("compliance", "metering")

DEFAULT_RESPONSE = GENERAL_COMMANDS["Default Response"]
POWER = identifiers.attribute(METERING, "InstantaneousDemand")
SHOWN: dict[str, Any] = {"smart_energy": True}


@rule(
    "reports-refused",
    "What a device sends is refused",
    severity="warning",
    source="GBCS v0.8 10.2.2.2 (mirror); ZCL default response",
    confidence="secondary",
    merges=("spec:R045", "rules:A06"),
    needs=("packets",),
    cause="silence",
    unseen="default responses to reports and requests",
    advice=(
        "The status says why. NOT_FOUND to a request: the other side has nothing to give (yet). Reports of a gas meter: "
        "the gas proxy may have lost its mirror. UNSUP: the other side does not know the command or attribute"
    ),
    **SHOWN,
)
def reports_refused(view: View, *, times: int = 2) -> Iterator[Evidence]:
    """A default response with an error, again and again to one device on one cluster, means that its
    reports or requests get nowhere: who refused what, and with which status, is said."""
    packets = view.good
    rows = packets.only(zcl_type="general", zcl_command=DEFAULT_RESPONSE)
    rows = rows[mask(rows["zcl_status"].notna())]
    for (target, cluster), part in rows.groupby(["target", "aps_cluster"], sort=False):
        failed = part[~mask(part["zcl_status"] == STATUS["SUCCESS"])]
        subject, name = Subject.device(target), cluster_name(int(cluster))
        if len(failed) >= times and len(failed) > 0.5 * len(part):
            sent = packets.only(origin=target, aps_cluster=cluster)
            asked = _refused(sent, failed)
            text = _refusal(view, asked, failed, name)
            yield broken(subject, text, [*asked["frame"], *failed["frame"]])
        else:
            good = len(part) - len(failed)
            yield kept(subject, f"{good} of {plural(len(part), 'answer')} on cluster {name} are good")


def _refused(sent: Frame, failed: Frame) -> Frame:
    """What was sent in the two seconds before each refusal."""
    answered = failed["seconds"].to_numpy(dtype=float)
    asked = sent["seconds"].to_numpy(dtype=float)
    return sent[np.append(answered, np.inf)[np.searchsorted(answered, asked)] - asked < 2]


def _refusal(view: View, asked: Frame, failed: Frame, name: str) -> str:
    """Who refused which requests how often, and the status in words."""
    who = " and ".join(view.label(s) for s in failed["origin"].unique()[:2])
    codes = sorted({int(c) for c in failed["zcl_status"].dropna()})
    status = ", ".join(f"{label_of('Status', c) or 'status'} (0x{c:02x})" for c in codes)
    columns = ("zcl_type", "zcl_direction", "zcl_command")
    known = asked[mask(asked["zcl_command"].notna())]
    kinds = {tuple(row) for row in zip(*(known[c] for c in columns), strict=True)} if len(known) else set()
    cluster = int(failed["aps_cluster"].iloc[0])
    wants = sorted(
        {command_name(cluster, kind == "general", str(way), int(number)) for kind, way, number in kinds}
    )
    what = " and ".join(wants) or "what it sent"
    return f"{who} refused it {plural(len(failed), 'time')} with {status}: {what} ({name})"


@rule(
    "attribute-type",
    "An attribute of another data type than the standard's",
    severity="warning",
    source="ZCL 07-5123 and ZSE attribute tables",
    confidence="derived",
    merges=("rules:Z18",),
    needs=("attributes",),
    cause="message format",
    unseen="attribute values with their type",
    advice="The sender's software is not compliant: readers may take the value for another",
    **SHOWN,
)
def attribute_type(view: View) -> Iterator[Evidence]:
    """Each attribute has one data type in the standard. Judged are standard attributes of known clusters."""
    types = _standard_types()
    rows = view.attributes
    rows = rows[mask(rows["type"].notna()) & mask(rows["cluster"] < OWN_CLUSTERS)]
    parts = [numbers_of(rows[name])[0].astype(np.int64) for name in ("cluster", "attribute", "type")]
    codes, keys = pd.factorize(parts[0] << 24 | parts[1] << 8 | parts[2])
    kinds = [((key >> 24, key >> 8 & 0xFFFF), key & 0xFF) for key in keys.tolist()]
    wrong = np.array([place in types and kind not in types[place] for place, kind in kinds], dtype=bool)[
        codes
    ]

    def says(bad: Frame, _: Frame) -> str:
        first = bad.iloc[0]
        name = said(first["attribute_name"], "an attribute without a name")
        return f"{count(bad)}: {name} of cluster 0x{int(first['cluster']):04x} with type 0x{int(first['type']):02x}"

    yield from judge(view, rows, wrong, says, "source", "of standard types")


@cache
def _standard_types() -> dict[tuple[int, int], set[int]]:
    numbers = {row["name"]: int(row["id"], 16) for row in table("zcl", "types")}
    out: dict[tuple[int, int], set[int]] = {}
    for row in table("zcl", "attributes"):
        kind = numbers.get(row["type"])
        if kind is not None and row["cluster"].startswith("0x") and not row.get("manufacturer"):
            out.setdefault((int(row["cluster"], 16), int(row["attribute"], 16)), set()).add(kind)
    return out


@rule(
    "power-refresh",
    "Active power is not refreshed every ten seconds",
    severity="info",
    source="IHDTS / PPMIDTS and SMETS2 HAN clauses",
    confidence="recalled",
    merges=("rules:A04",),
    needs=("attributes", "devices"),
    unseen="reads or reports of the electricity meter's active power",
    advice="See whether the display is in reach, and how often the meter answers",
    **SHOWN,
)
def power_refresh(view: View, *, seconds: float = 10.0, tolerance: float = 3.0) -> Iterator[Evidence]:
    """Displays show the present power at most ten seconds old. Longer gaps between the readings of a
    display mean a weak link, a busy meter, or another refresh setting."""
    rows = attributes_of(view, METERING, POWER)
    rows = rows[mask(rows["source"].isin(list(view.with_role("ESME")))) & mask(rows["number"].notna())]
    for (source, destination), part in rows.groupby(["source", "destination"], sort=False):
        gaps = np.diff(part["seconds"].to_numpy(dtype=float))
        if len(gaps) < 10:
            continue
        usual = float(np.median(gaps))
        subject = Subject.pair(source, destination)
        if usual > seconds + tolerance:
            yield broken(subject, f"every {usual:.0f} s", part["frame"][:50])
        else:
            yield kept(subject, f"every {usual:.0f} s")
