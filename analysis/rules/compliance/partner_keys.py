"""Partner link keys: two devices of the HAN get a common key from the trust centre before they establish their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import APS_COMMANDS, KEY_TYPES, REQUEST_KEY_TYPES
from analysis.features.judging import judge, mask
from analysis.rules.declare import (
    ClusterCommands,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    commands,
    kept,
)
from analysis.rules.registry import rules_of
from analysis.rules.rows import Rows

rule = rules_of("compliance", "partner keys")

SHOWN: dict[str, Any] = {
    "smart_energy": True, "cause": "key establishment", "confidence": "secondary",
}  # fmt: skip


def _of_type(command: str, kind: int) -> Rows:
    """APS commands whose key type is `kind`, a row each."""
    of_type = (c.command == APS_COMMANDS[command]) & (c.field == APS_COMMANDS.field(command, "key_type"))
    rows = commands.where(c.layer == "aps", of_type, c.number == kind)
    return rows[c.frame, c.seconds, c.source, c.destination]


GIVEN = _of_type("Transport Key", KEY_TYPES["Application Link Key"])
ASKED = _of_type("Request Key", REQUEST_KEY_TYPES["application link key"])


@rule(
    "partner-key-source",
    "A partner link key from another than the hub",
    severity="error",
    source="ZigBee PRO 4.6.3.5; stack documentation of partner link keys",
    merges=("rules:Z17",),
    unseen="readable Transport-Key commands with an application link key (type 3)",
    advice="Only the trust centre gives out such keys: find the sender",
    reads=[GIVEN],
    **SHOWN,
)
def partner_key_source(view: View, sent: Frame) -> Iterator[Evidence]:
    """When two devices of the home need a common key, one asks the trust centre for it, and the trust centre
    sends it to both. A key from anybody else is no partner key, whatever the sniffer missed."""
    wrong = ~mask(sent["source"].isin(list(view.hub_addresses())))
    yield from judge(view, sent, wrong, "{bad} with a partner key", "source", "with a partner key of the hub")


@rule(
    "partner-key-unasked",
    "A partner link key that nobody asked for",
    severity="error",
    source="ZigBee PRO 4.6.3.5; stack documentation of partner link keys",
    merges=("rules:Z17",),
    absent=1,
    unseen="readable Request-Key commands, and Transport-Key commands with an application link key (type 3)",
    advice="See whether the two devices were joined to each other then; if not, find out who sends in the hub's name",
    reads=[GIVEN.where(c.source.is_hub), ASKED],
    **SHOWN,
)
def partner_key_unasked(
    view: View, sent: Frame, requests: Frame, *, seconds: float = 60.0
) -> Iterator[Evidence]:
    """The hub gives out a partner key within a minute of being asked. One that nobody asked for, where others are asked
    for, is a hub that was told to from afar, or somebody in its name."""
    asked = requests["seconds"].to_numpy(dtype=float)
    if not len(asked):
        return
    times = sent["seconds"].to_numpy(dtype=float)
    before = np.r_[-np.inf, asked][np.searchsorted(asked, times, side="right")]
    wrong = times - before >= seconds
    yield from judge(
        view, sent, wrong, "{bad} with a partner key", "source", "with a partner key that was asked for"
    )


@rule(
    "partner-key-first",
    "Two devices establish a key without a partner link key",
    severity="warning",
    source="stack documentation: partner link key exchange precedes key establishment between devices",
    merges=("spec:R094", "rules:Z17"),
    absent=1,
    unseen="key establishment (cluster 0x0800) between two devices, neither of them the hub, with what came before",
    advice="See whether the capture began after the exchange; otherwise one of them is not who it says",
    reads=[
        ClusterCommands("Key Establishment").where(
            c.source.known, c.destination.known, ~c.source.is_hub, ~c.destination.is_hub
        )[c.frame, c.seconds, c.source, c.destination],
        GIVEN,
    ],
    **SHOWN,
)
def partner_key_first(view: View, rows: Frame, keys: Frame, *, seconds: float = 300.0) -> Iterator[Evidence]:
    """Key establishment between two devices that are not the hub runs under a partner link key, which the hub
    gave to both just before. Judged only when the capture holds the five minutes before the run."""
    pairs: dict[frozenset[int], Any] = {}
    for row in rows.sort_values(["seconds", "frame"]).itertuples():
        pairs.setdefault(frozenset((int(row.source), int(row.destination))), row)
    for pair, row in pairs.items():
        if row.seconds < seconds:
            continue
        near = mask(keys["destination"].isin(list(pair))) & mask(keys["seconds"] < row.seconds)
        subject = Subject.pair(min(pair), max(pair), "and")
        if near.any():
            yield kept(subject, "were given a partner key before")
        else:
            yield broken(
                subject, f"key establishment at frame {row.frame}, no partner key before", [row.frame]
            )
