"""Metering values on the HAN: data types, registers, refresh."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.features import identifiers
from analysis.features.judging import count, judge, mask
from analysis.features.names import said
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.aps_security import OWN_CLUSTERS
from analysis.rules.compliance.han_commands import (
    METERING,
    attributes_of,
)
from analysis.rules.named_rows import Attribute
from analysis.rules.registry import rules_of
from analysis.tables.lazy import numbers_of
from dissectors.layout import table

rule = rules_of("compliance", "metering")

POWER = identifiers.attribute(METERING, "InstantaneousDemand")
SHOWN: dict[str, Any] = {"smart_energy": True}


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
    needs=(Attribute("Metering"), "devices"),
    unseen="reads or reports of the electricity meter's active power",
    advice="See whether the display is in reach, and how often the meter answers",
    **SHOWN,
)
def power_refresh(
    view: View, *, seconds: float = 10.0, tolerance: float = 3.0, readings: int = 10
) -> Iterator[Evidence]:
    """Displays show the present power at most ten seconds old. Longer gaps between the readings of a
    display mean a weak link, a busy meter, or another refresh setting."""
    rows = attributes_of(view, METERING, POWER)
    rows = rows[mask(rows["source"].isin(list(view.with_role("ESME")))) & mask(rows["number"].notna())]
    for (source, destination), part in rows.groupby(["source", "destination"], sort=False):
        gaps = np.diff(part["seconds"].to_numpy(dtype=float))
        if len(gaps) < readings:
            continue
        usual = float(np.median(gaps))
        subject = Subject.pair(source, destination)
        if usual > seconds + tolerance:
            yield broken(subject, f"every {usual:.0f} s", part["frame"][:50])
        else:
            yield kept(subject, f"every {usual:.0f} s")
