"""Certificate-based key establishment (cluster 0x0800): order, failures, what may not come before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.completeness import completeness
from analysis.features.identifiers import CLUSTERS, MAC_COMMANDS, Command, to_client, to_server
from analysis.features.judging import count, judge, mask, plural
from analysis.features.view import SMART_ENERGY_PROFILE, Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import (
    KEY_ESTABLISHMENT,
    TO_CLIENT,
    TO_SERVER,
    commands,
    commands_on,
    field_of,
)
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.refusals.codes import code_of
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "key establishment")

Step = tuple[Command, Command]
"""What is asked, and what is answered, under one number."""


def _step(asked: str, answered: str) -> Step:
    return to_server(KEY_ESTABLISHMENT, asked), to_client(KEY_ESTABLISHMENT, answered)


INITIATE = _step("Initiate Key Establishment Request", "Initiate Key Establishment Response")
EPHEMERAL = _step("Ephemeral Data Request", "Ephemeral Data Response")
CONFIRM = _step("Confirm Key Data Request", "Confirm Key Data Response")
TERMINATE = _step("Terminate Key Establishment", "Terminate Key Establishment")
STEPS = {INITIATE[0].id: "Initiate", EPHEMERAL[0].id: "Ephemeral Data", CONFIRM[0].id: "Confirm Key"}
WAIT, REASON = (TERMINATE[0].field(name) for name in ("wait_time", "status_code"))
ASSOCIATION = MAC_COMMANDS["Association Request"]
BEFORE_KEYS = [*CLUSTERS.some("Basic", "Identify"), KEY_ESTABLISHMENT]
RUN = "a key establishment (cluster 0x0800)"
RUN_RULE: dict[str, Any] = {
    "needs": (ClusterCommands("Key Establishment"),),
    "cause": "key establishment",
    "smart_energy": True,
    "unseen": RUN,
}


def of_step(rows: Frame, step: Step) -> Any:
    """Which commands of key establishment belong to a step."""
    return mask(rows["command"] == step[0].id)


@rule(
    "cbke-order",
    "Key establishment out of order",
    severity="warning",
    hearing=True,
    source="ZSE 1.2a annex C",
    confidence="recalled",
    merges=("rules:Z06",),
    advice="Look at the frames before: a lost frame, or two runs at once",
    **RUN_RULE,
)
def cbke_order(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """Initiate, then ephemeral data, then confirmation, each request with its response. An ephemeral
    without a run begun, or a confirmation without ephemeral data, is out of order. A step that the sniffer may not have
    heard, by the numbers of the frames that its sender sent, is not one that was left out."""
    air = completeness(view)
    rows = commands(view, *INITIATE, *EPHEMERAL, *CONFIRM)
    for (source, destination, _), part in rows.groupby(
        ["source", "destination", "direction"], sort=False, observed=True
    ):
        number = part["command"].astype("int64").to_numpy()
        times = part["seconds"].to_numpy(dtype=float)
        bad, doubtful = [], 0
        for at, one in enumerate(number):
            before = number[:at][times[:at] >= times[at] - seconds]
            if one and one - 1 not in before:
                since = times[at - 1] if at else times[at] - seconds
                maybe = air.unheard(source, max(since, times[at] - seconds), times[at])
                doubtful += bool(maybe)
                bad += [] if maybe else [at]
        subject = Subject.pair(source, destination)
        if bad and not (len(bad) == 1 and air.may_explain(source, 1, len(part))):
            names = ", ".join(dict.fromkeys(STEPS[int(number[at])] for at in bad))
            text = f"{plural(len(bad), 'step')} ({names}) without the one before"
            yield broken(subject, text, part["frame"].iloc[bad])
        elif bad or doubtful:
            yield kept(
                subject, f"{plural(len(part), 'step')} in order, but for what the sniffer did not hear"
            )
        else:
            yield kept(subject, f"{plural(len(part), 'step')} in order")


@rule(
    "cbke-terminated",
    "Key establishment was ended with an error",
    severity="warning",
    source="ZSE annex C",
    confidence="secondary",
    merges=("attacks:A27", "rules:Z09", "spec:R092"),
    advice=(
        "Status 1 unknown issuer, 2 bad confirmation, 3 bad message, 4 no resources, 5 suite, 6 certificate"
    ),
    **RUN_RULE,
)
def cbke_terminated(view: View) -> Iterator[Evidence]:
    """A side that cannot go on ends key establishment with a Terminate command, which says why. The device
    then has no link key, and no Smart Energy data can flow."""
    rows = commands_on(view, KEY_ESTABLISHMENT)
    bad = of_step(rows, TERMINATE)
    reason = field_of(view, rows, REASON) if mask(bad).any() else None

    def says(ended: Frame, _: Frame) -> str:
        """How often, and why, in words."""
        assert reason is not None
        codes = reason[ended.index].dropna().unique().tolist()
        known = {int(code): code_of("cbke", int(code)) for code in codes}
        words = [f"{one.meaning if one else 'status'} ({code:#04x})" for code, one in known.items()]
        todo = dict.fromkeys(one.do for one in known.values() if one)
        text = f"{count(ended)} ending a key establishment"
        text += f": {', '.join(words)}" if words else ""
        return f"{text}; to do: {'; '.join(todo)}" if todo else text

    yield from judge(view, rows, bad, says, "source", "of key establishment, none ended")


@rule(
    "cbke-retry-too-soon",
    "Key establishment is tried again before the wait is over",
    severity="warning",
    source="ZSE annex C",
    confidence="secondary",
    merges=("rules:Z09", "spec:R092"),
    advice="Terminate names seconds to wait; the other side must keep to it",
    **RUN_RULE,
)
def cbke_retry_too_soon(view: View) -> Iterator[Evidence]:
    """Terminate says how many seconds the other side must wait before it tries again."""
    ends = commands(view, *TERMINATE)
    ends = ends.assign(wait=field_of(view, ends, WAIT))
    ends = ends[mask(ends["wait"].notna())]
    starts = commands(view, INITIATE[0])
    for row in ends.itertuples():
        mine = starts[mask(starts["source"].isin([row.source, row.destination]))]
        early = mine[
            mask((mine["seconds"] > row.seconds) & (mine["seconds"] < row.seconds + float(row.wait)))
        ]
        if len(early):
            yield broken(
                Subject.device(row.destination),
                f"tried again within {row.wait:.0f} s",
                [row.frame, *early["frame"]],
            )
        else:
            yield kept(Subject.device(row.destination), f"waited {row.wait:.0f} s or more")


@rule(
    "cbke-flood",
    "Many attempts to establish a key",
    severity="warning",
    source="general: denial of service on key establishment",
    confidence="secondary",
    merges=("attacks:A28",),
    advice="A failing installation, or somebody who keeps the hub busy",
    **RUN_RULE,
)
def cbke_flood(view: View, *, attempts: int = 3, window: float = 600.0) -> Iterator[Evidence]:
    """More than three key establishments begun by one device within ten minutes. Each costs both sides much
    computing, and a hub that is busy with them cannot serve others."""
    rows = commands(view, INITIATE[0])
    for source, part in rows.groupby("source", sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        most = int((np.searchsorted(seconds, seconds + window) - np.arange(len(seconds))).max())
        if most > attempts:
            yield broken(Subject.device(source), f"{most} runs begun within {window:.0f} s", part["frame"])
        else:
            yield kept(Subject.device(source), f"{plural(len(part), 'run')} begun")


@rule(
    "cbke-incomplete",
    "Key establishment was begun and not finished",
    severity="info",
    source="ZSE 1.2a annex C",
    confidence="recalled",
    merges=("rules:Z06",),
    advice="Lost frames, or a side that gave up: look for a second attempt",
    **RUN_RULE,
)
def cbke_incomplete(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """A run that was begun ends with the confirmation of both sides, or with Terminate."""
    rows = commands_on(view, KEY_ESTABLISHMENT)
    for row in rows[mask(rows["direction"] == TO_SERVER) & of_step(rows, INITIATE)].itertuples():
        if row.seconds + seconds > view.duration:
            continue
        after = rows[mask((rows["seconds"] >= row.seconds) & (rows["seconds"] <= row.seconds + seconds))]
        mine = after[mask(after["source"].isin([row.source, row.destination]))]
        done = (of_step(mine, CONFIRM) | of_step(mine, TERMINATE)) & mask(mine["direction"] == TO_CLIENT)
        if done.any() or of_step(mine, TERMINATE).any():
            yield kept(Subject.device(row.source), f"run begun at frame {row.frame} came to an end")
        else:
            yield broken(
                Subject.device(row.source), f"run begun at frame {row.frame} has no end", [row.frame]
            )


@rule(
    "smart-energy-before-cbke",
    "Smart Energy data before key establishment",
    severity="info",
    source="ZSE 1.2a annex C; GBCS join sections",
    confidence="recalled",
    merges=("rules:Z06", "disapplied:4"),
    needs=("packets",),
    cause="key establishment",
    smart_energy=True,
    unseen="a device that associates within the capture",
    advice="The device must establish its link key first",
)
def smart_energy_before_cbke(view: View) -> Iterator[Evidence]:
    """A device that has just joined holds only the network key. It must establish its own link key before
    Smart Energy data flows, as otherwise every device of the network can read it."""
    packets = view.good
    joins = packets[
        mask(packets["mac_command"] == ASSOCIATION) & mask(packets["mac_src"].notna())
    ].drop_duplicates("mac_src")
    data = packets.only(aps_type="data", aps_profile=SMART_ENERGY_PROFILE)
    for row in joins.itertuples():
        mine = data[mask(data["origin"] == row.mac_src) & mask(data["seconds"] > row.seconds)]
        metering = mine[~mask(mine["aps_cluster"].isin(BEFORE_KEYS))]
        runs = mine[mask(mine["aps_cluster"] == KEY_ESTABLISHMENT)]
        if metering.empty:
            continue
        early = metering[mask(metering["seconds"] < runs["seconds"].min())] if len(runs) else metering
        if len(early):
            yield broken(
                Subject.device(row.mac_src),
                f"{plural(len(early), 'frame')} before key establishment",
                early["frame"],
            )
        else:
            yield kept(Subject.device(row.mac_src), "established its key first")
