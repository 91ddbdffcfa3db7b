"""Certificate-based key establishment (cluster 0x0800): order, sizes, freshness, failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.compliance.han_commands import TO_CLIENT, TO_SERVER, commands, field_of
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import judge, mask, plural
from analysis.view import Frame, View

CLUSTER = 0x0800
INITIATE, EPHEMERAL, CONFIRM, TERMINATE = 0x00, 0x01, 0x02, 0x03
RUN = "a key establishment (cluster 0x0800)"
# Octets of suite 1 and suite 2, by the field's name in the cluster's table (ZSE C.3.1.2.3).
SIZES = {"identity": (48, 74), "ephemeral_data": (22, 37)}
# Where a certificate names its subject, in hex digits, by the certificate's length in hex digits.
SUBJECTS = {96: slice(44, 60), 148: slice(56, 72)}
SHOWN: dict[str, Any] = {
    "needs": ("commands",),
    "cause": "key establishment",
    "smart_energy": True,
    "unseen": RUN,
}


@rule(
    "cbke-order",
    "Key establishment out of order",
    severity="warning",
    source="ZSE 1.2a annex C",
    confidence="recalled",
    merges=("rules:Z06",),
    advice="Look at the frames before: a lost frame, or two runs at once",
    **SHOWN,
)
def cbke_order(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """Initiate, then ephemeral data, then confirmation, each request with its response. An ephemeral
    without a run begun, or a confirmation without ephemeral data, is out of order."""
    rows = commands(view, CLUSTER, None, (INITIATE, EPHEMERAL, CONFIRM))
    for (source, destination, _), part in rows.groupby(
        ["source", "destination", "direction"], sort=False, observed=True
    ):
        number = part["command"].astype("int64").to_numpy()
        times = part["seconds"].to_numpy(dtype=float)
        bad = []
        for at, one in enumerate(number):
            before = number[:at][times[:at] >= times[at] - seconds]
            if one and one - 1 not in before:
                bad.append(at)
        subject = f"{view.label(source)} to {view.label(destination)}"
        if bad:
            yield broken(
                subject, f"{plural(len(bad), 'step')} without the one before", part["frame"].iloc[bad]
            )
        else:
            yield kept(subject, f"{plural(len(part), 'step')} in order")


@rule(
    "cbke-field-sizes",
    "Key establishment with fields of the wrong size",
    severity="error",
    source="ZSE annex C (stack header)",
    confidence="secondary",
    merges=("rules:Z07", "spec:R091"),
    advice="Suite 2 has certificates of 74 and points of 37 octets, suite 1 of 48 and 22",
    **SHOWN,
)
def cbke_field_sizes(view: View) -> Iterator[Evidence]:
    """The sizes of certificate and ephemeral point follow from the suite."""
    rows = commands(view, CLUSTER, None, (INITIATE, EPHEMERAL))
    fields = view.tables["commands"]
    fields = fields[mask(fields["frame"].isin(rows["frame"])) & mask(fields["value"].notna())]
    shown = fields[mask(fields["field"].isin(list(SIZES)))]
    sizes = _hex(shown["value"]).str.len() // 2
    wrong = [n not in SIZES[f] for f, n in zip(shown["field"].astype(str), sizes, strict=True)]
    yield from judge(view, shown, wrong, "{bad} with a field of no suite's size", "source", "of known sizes")


def _hex(values: Frame) -> Frame:
    """Octets as bare lower case hex digits."""
    return values.astype(str).str.replace(r"^0x|[: -]", "", regex=True).str.lower()


@rule(
    "cbke-certificate-subject",
    "A certificate of another device",
    severity="error",
    source="ZSE CBKE certificate format (stack header)",
    confidence="secondary",
    merges=("spec:R093",),
    advice="The subject of the certificate must be the sender: a cloned or wrong certificate",
    **SHOWN,
)
def cbke_certificate_subject(view: View) -> Iterator[Evidence]:
    """A certificate names its subject's EUI-64 (suite 1 at octets 22 to 29, suite 2 at 28 to 35), which is the
    sender's address."""
    rows = commands(view, CLUSTER, None, (INITIATE,))
    value = _hex(field_of(view, rows, "identity", text=True))
    known = mask(value.str.len().isin(list(SUBJECTS))) & mask(rows["source"] >= 1 << 32)
    rows, value = rows[known], value[known]
    subject = [text[SUBJECTS[len(text)]] for text in value]
    bad = [s != f"{int(eui):016x}" for s, eui in zip(subject, rows["source"], strict=True)]
    yield from judge(
        view, rows, bad, "{bad} with another subject than the sender", "source", "with their own"
    )


@rule(
    "cbke-confirm-equal",
    "Both sides confirm with the same value",
    severity="warning",
    source="ZSE 1.2a annex C",
    confidence="recalled",
    merges=("rules:Z08",),
    advice="Somebody sends back what he heard: the run must fail",
    **SHOWN,
)
def cbke_confirm_equal(view: View) -> Iterator[Evidence]:
    """The confirmation values of the two sides are different by construction; equal ones are an echo."""
    rows = commands(view, CLUSTER, None, (CONFIRM,))
    value = field_of(view, rows, "secure_message_authentication_code", text=True)
    rows = rows.assign(value=value)
    rows = rows[mask(rows["value"].notna())]
    sides = rows.groupby("value")["direction"].transform("nunique") if len(rows) else rows["frame"]
    yield from judge(
        view,
        rows,
        mask(sides > 1),
        "{bad} with the other side's value",
        "source",
        "with a value of their own",
    )


@rule(
    "cbke-ephemeral-reused",
    "Ephemeral data was used twice",
    severity="error",
    source="CPA security characteristics; ZSE annex C",
    confidence="secondary",
    merges=("rules:C03", "attacks:A27"),
    advice="The random generator or the software of the sender is at fault",
    **SHOWN,
)
def cbke_ephemeral_reused(view: View, *, seconds: float = 30.0) -> Iterator[Evidence]:
    """Ephemeral keys are made anew for each run. The same octets in a later run break the freshness of the
    link key."""
    rows = commands(view, CLUSTER, None, (EPHEMERAL,))
    rows = rows.assign(value=field_of(view, rows, "ephemeral_data", text=True))
    rows = rows[mask(rows["value"].notna())]
    first = rows.groupby(["source", "value"])["seconds"].transform("min") if len(rows) else rows["seconds"]
    again = mask(rows["seconds"] > first + seconds)
    yield from judge(
        view, rows, again, "{bad} with ephemeral data of an earlier run", "source", "with fresh data"
    )


@rule(
    "cbke-two-ephemerals",
    "Two different ephemeral keys in one run",
    severity="critical",
    source="general: man in the middle of key establishment",
    confidence="secondary",
    merges=("attacks:A27",),
    advice=(
        "Two parties answer under one name: compare signal strengths, and see whether the confirmation failed"
    ),
    **SHOWN,
)
def cbke_two_ephemerals(view: View, *, seconds: float = 10.0) -> Iterator[Evidence]:
    """One run has one ephemeral key per side. Two different ones from one name within one run mean a man in
    the middle, or two devices under one address."""
    rows = commands(view, CLUSTER, None, (INITIATE, EPHEMERAL))
    rows = rows.assign(value=field_of(view, rows, "ephemeral_data", text=True))
    for (source, destination, _), part in rows.groupby(
        ["source", "destination", "direction"], sort=False, observed=True
    ):
        data = part[mask(part["command"] == EPHEMERAL) & mask(part["value"].notna())]
        if data.empty:
            continue
        near = mask(data["seconds"].diff() < seconds) & mask(data["value"] != data["value"].shift())
        starts = part.loc[mask(part["command"] == INITIATE), "seconds"].to_numpy(dtype=float)
        run = np.searchsorted(starts, data["seconds"].to_numpy(dtype=float), side="right")
        same_run = np.r_[False, run[1:] == run[:-1]]
        subject = f"{view.label(source)} to {view.label(destination)}"
        if (near & same_run).any():
            yield broken(subject, "two ephemeral keys within one run", data["frame"])
        else:
            yield kept(subject, f"{plural(len(data), 'ephemeral key')}, one a run")


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
    **SHOWN,
)
def cbke_terminated(view: View) -> Iterator[Evidence]:
    """A Terminate command ends a run that cannot succeed and says why."""
    rows = commands(view, CLUSTER)
    bad = mask(rows["command"] == TERMINATE)
    yield from judge(
        view, rows, bad, "{bad} ending a key establishment", "source", "of key establishment, none ended"
    )


@rule(
    "cbke-retry-too-soon",
    "Key establishment is tried again before the wait is over",
    severity="warning",
    source="ZSE annex C",
    confidence="secondary",
    merges=("rules:Z09", "spec:R092"),
    advice="Terminate names seconds to wait; the other side must keep to it",
    **SHOWN,
)
def cbke_retry_too_soon(view: View) -> Iterator[Evidence]:
    """Terminate says how many seconds the other side must wait before it tries again."""
    ends = commands(view, CLUSTER, None, (TERMINATE,))
    ends = ends.assign(wait=field_of(view, ends, "wait_time"))
    starts = commands(view, CLUSTER, TO_SERVER, (INITIATE,))
    for row in ends.itertuples():
        mine = starts[mask(starts["source"].isin([row.source, row.destination]))]
        early = mine[
            mask((mine["seconds"] > row.seconds) & (mine["seconds"] < row.seconds + float(row.wait or 0)))
        ]
        if len(early):
            yield broken(
                view.label(row.destination),
                f"tried again within {row.wait:.0f} s",
                [row.frame, *early["frame"]],
            )
        else:
            yield kept(view.label(row.destination), f"waited {row.wait:.0f} s or more")


@rule(
    "cbke-flood",
    "Many attempts to establish a key",
    severity="warning",
    source="general: denial of service on key establishment",
    confidence="secondary",
    merges=("attacks:A28",),
    advice="A failing installation, or somebody who keeps the hub busy",
    **SHOWN,
)
def cbke_flood(view: View, *, attempts: int = 3, window: float = 600.0) -> Iterator[Evidence]:
    """More than three runs begun by one device within ten minutes."""
    rows = commands(view, CLUSTER, TO_SERVER, (INITIATE,))
    for source, part in rows.groupby("source", sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        most = int((np.searchsorted(seconds, seconds + window) - np.arange(len(seconds))).max())
        if most > attempts:
            yield broken(view.label(source), f"{most} runs begun within {window:.0f} s", part["frame"])
        else:
            yield kept(view.label(source), f"{plural(len(part), 'run')} begun")


@rule(
    "cbke-incomplete",
    "Key establishment was begun and not finished",
    severity="info",
    source="ZSE 1.2a annex C",
    confidence="recalled",
    merges=("rules:Z06",),
    advice="Lost frames, or a side that gave up: look for a second attempt",
    **SHOWN,
)
def cbke_incomplete(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """A run that was begun ends with the confirmation of both sides, or with Terminate."""
    rows = commands(view, CLUSTER)
    for row in rows[mask(rows["direction"] == TO_SERVER) & mask(rows["command"] == INITIATE)].itertuples():
        if row.seconds + seconds > view.duration:
            continue
        after = rows[mask((rows["seconds"] >= row.seconds) & (rows["seconds"] <= row.seconds + seconds))]
        mine = after[mask(after["source"].isin([row.source, row.destination]))]
        done = mask(mine["command"].isin([CONFIRM, TERMINATE])) & mask(mine["direction"] == TO_CLIENT)
        if done.any() or mask(mine["command"] == TERMINATE).any():
            yield kept(view.label(row.source), f"run begun at frame {row.frame} came to an end")
        else:
            yield broken(view.label(row.source), f"run begun at frame {row.frame} has no end", [row.frame])


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
    """A device that has just joined establishes its link key before it exchanges Smart Energy data."""
    packets = view.good
    joins = packets[mask(packets["mac_command"] == 0x01) & mask(packets["mac_src"].notna())].drop_duplicates(
        "mac_src"
    )
    data = packets[mask(packets["aps_type"] == "data") & mask(packets["aps_profile"] == 0x0109)]
    for row in joins.itertuples():
        mine = data[mask(data["origin"] == row.mac_src) & mask(data["seconds"] > row.seconds)]
        metering = mine[~mask(mine["aps_cluster"].isin([0x0000, 0x0003, CLUSTER]))]
        runs = mine[mask(mine["aps_cluster"] == CLUSTER)]
        if metering.empty:
            continue
        early = metering[mask(metering["seconds"] < runs["seconds"].min())] if len(runs) else metering
        if len(early):
            yield broken(
                view.label(row.mac_src),
                f"{plural(len(early), 'frame')} before key establishment",
                early["frame"],
            )
        else:
            yield kept(view.label(row.mac_src), "established its key first")


def rows_of(view: View) -> Frame:
    """All commands of the cluster, for the anomaly rules."""
    return commands(view, CLUSTER)
