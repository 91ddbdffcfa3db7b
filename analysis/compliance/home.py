"""What devices of the home do: time, half-hourly gas data, mirror, type 2 devices, firmware, sub-GHz."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from analysis.compliance.han_commands import TO_CLIENT, TO_SERVER, commands, field_of
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count, judge, mask, plural
from analysis.view import Frame, View
from dissectors.facts import table

EPOCH = 946_684_800
REPORT, READ, READ_RESPONSE, WRITES = 0x0A, 0x00, 0x01, [0x02, 0x03, 0x05]
OTA, METERING, SUB_GHZ = 0x0019, 0x0702, 0x070B
# CurrentSummationDelivered, CurrentDayAlternativeConsumptionDelivered; of the prepayment cluster
# CurrentDayCostConsumptionDelivered.
GAS_VALUES = ((METERING, 0x0000), (METERING, 0x0C01), (0x0705, 0x051C))
SHOWN: dict[str, Any] = {"smart_energy": True}


def _attributes(view: View, cluster: int, attribute: int | None = None) -> Frame:
    rows = view.attributes
    rows = rows[mask(rows["cluster"] == cluster)]
    return rows if attribute is None else rows[mask(rows["attribute"] == attribute)]


@rule(
    "time-source",
    "Time is served by another device than the hub",
    severity="warning",
    source="ZSE 1.2a time cluster; SEC design note Time Management",
    confidence="recalled",
    merges=("rules:T05",),
    needs=("attributes", "packets"),
    cause="clock",
    unseen="answers of the Time cluster",
    advice="Who serves time decides tariffs and windows: see who answers",
    **SHOWN,
)
def time_source(view: View) -> Iterator[Evidence]:
    """The hub is the time source of the HAN. Time answered by any other device is wrong or an attack."""
    rows = _attributes(view, 0x000A, 0x0000)
    rows = rows[mask(rows["number"].notna()) & mask(rows["direction"] == TO_CLIENT)]
    hubs = list(view.hub_addresses())
    yield from judge(
        view, rows, ~mask(rows["source"].isin(hubs)), "{bad} with time from another than the hub", "source"
    )


@rule(
    "time-differs",
    "The time that is served differs from the capture's clock",
    severity="info",
    source="Honeywell AS302P manual section 26 (10 s)",
    confidence="secondary",
    merges=("rules:T01", "rules:T05", "attacks:A34", "spec:R172", "disapplied:50"),
    needs=("attributes",),
    cause="clock",
    unseen="answers of the Time cluster with a value",
    advice="One of the clocks is wrong: compare a second device; above 10 s a meter does not follow",
    **SHOWN,
)
def time_differs(view: View, *, seconds: float = 10.0) -> Iterator[Evidence]:
    """Time of the hub against the clock of the capture. A capture host without time synchronisation shows
    the same, so this informs; steps between two answers are judged by another rule."""
    rows = _time_answers(view)
    off = (
        rows["number"].to_numpy(dtype=float)
        + EPOCH
        - (view.start_ns / 1e9 + rows["seconds"].to_numpy(dtype=float))
    )

    def says(bad: Frame, _: Frame) -> str:
        return f"time differs by {float(np.median(off)):+,.0f} s (median of {len(off)})"

    yield from judge(view, rows, np.abs(off) > seconds, says, "source", "of time within the limit")


def _time_answers(view: View) -> Frame:
    rows = _attributes(view, 0x000A, 0x0000)
    return rows[
        mask(rows["number"].notna()) & mask(rows["direction"] == TO_CLIENT) & mask(rows["seconds"].notna())
    ]


@rule(
    "time-step",
    "The time that is served jumps",
    severity="error",
    source="attack: time manipulation; alert 0x8F0C",
    confidence="secondary",
    merges=("attacks:A34", "rules:T01"),
    needs=("attributes",),
    cause="clock",
    unseen="two answers of the Time cluster from one device",
    advice="Meters must not follow a step of more than 10 s: look for their alert 0x8F0C",
    **SHOWN,
)
def time_step(view: View, *, seconds: float = 10.0) -> Iterator[Evidence]:
    """Between two answers the served time must advance as the capture's clock does. A step means that
    somebody set or forged it."""
    rows = _time_answers(view)
    for source, part in rows.groupby(rows["source"].astype("UInt64"), sort=False):
        if len(part) < 2:
            continue
        off = part["number"].to_numpy(dtype=float) - part["seconds"].to_numpy(dtype=float)
        step = np.r_[0.0, np.diff(off)]
        far = np.abs(step) > seconds
        if far.any():
            text = f"time jumps by {step[far][0]:+,.0f} s at frame {int(part['frame'].to_numpy()[far][0])}"
            yield broken(view.label(source), text, part["frame"][far])
        else:
            yield kept(view.label(source), f"{plural(len(part), 'answer')} in step")


@rule(
    "time-drifts",
    "The time that is served drifts",
    severity="warning",
    source="SMETS2 clock clauses; Honeywell AS302P manual section 26 (10 s)",
    confidence="secondary",
    merges=("rules:T01", "attacks:A34"),
    needs=("attributes",),
    cause="clock",
    unseen="five answers of the Time cluster from one device over ten minutes",
    advice="Clock of the hub, or of the capture host: compare with a second device",
    **SHOWN,
)
def time_drifts(view: View, *, per_million: float = 500.0, least: float = 3.0) -> Iterator[Evidence]:
    """The difference between served time and the capture's clock grows steadily: one of the two clocks runs
    wrong. A computer's clock drifts by less than a hundred parts in a million."""
    rows = _time_answers(view)
    for source, part in rows.groupby(rows["source"].astype("UInt64"), sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        if len(part) < 5 or seconds[-1] - seconds[0] < 600:
            continue
        off = part["number"].to_numpy(dtype=float) - seconds
        half = len(off) // 2
        steady = abs(np.diff(off)).max() <= 10
        moved = float(np.median(off[half:]) - np.median(off[:half]))
        span = float(np.median(seconds[half:]) - np.median(seconds[:half]))
        if steady and abs(moved) > least and abs(moved) / span * 1e6 > per_million:
            yield broken(
                view.label(source), f"drifts by {moved / span * 86400:+,.0f} s a day", part["frame"][half:]
            )
        else:
            yield kept(
                view.label(source),
                f"{plural(len(part), 'answer')}, drift {moved / span * 86400:+,.1f} s a day",
            )


@rule(
    "reports-refused",
    "Reports of a device are refused",
    severity="warning",
    source="GBCS v0.8 10.2.2.2 (mirror); ZCL default response",
    confidence="secondary",
    merges=("spec:R045", "rules:A06", "spec:R090", "disapplied:21"),
    needs=("packets",),
    cause="silence",
    unseen="default responses to reports",
    advice="The gas proxy has lost its mirror, or does not know the attribute: see the status",
    **SHOWN,
)
def reports_refused(view: View, *, times: int = 2) -> Iterator[Evidence]:
    """A default response with an error, again and again to one device on one cluster, means that its
    reports or commands get nowhere. A gas proxy that lost the mirror answers so."""
    packets = view.good
    rows = packets[
        mask(packets["zcl_type"] == "general")
        & mask(packets["zcl_command"] == 0x0B)
        & mask(packets["zcl_status"].notna())
    ]
    for (target, cluster), part in rows.groupby([rows["target"].astype("UInt64"), "aps_cluster"], sort=False):
        failed = part[~mask(part["zcl_status"] == 0)]
        subject = view.label(target)
        if len(failed) >= times and len(failed) > 0.5 * len(part):
            codes = ", ".join(f"0x{int(c):02x}" for c in sorted(failed["zcl_status"].dropna().unique()))
            sent = packets[mask(packets["origin"] == target) & mask(packets["aps_cluster"] == cluster)]
            answered = failed["seconds"].to_numpy(dtype=float)
            asked = sent["seconds"].to_numpy(dtype=float)
            refused = np.append(answered, np.inf)[np.searchsorted(answered, asked)] - asked < 2
            text = f"{count(failed)} refuse what it sends on cluster 0x{int(cluster):04x} (status {codes})"
            yield broken(subject, text, [*sent["frame"][refused], *failed["frame"]])
        else:
            yield kept(
                subject,
                (
                    f"{len(part) - len(failed)} of {plural(len(part), 'answer')} on cluster "
                    f"0x{int(cluster):04x} are good"
                ),
            )


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
    rows = rows[mask(rows["type"].notna()) & mask(rows["cluster"] < 0xFC00)]
    keys = zip(
        rows["cluster"].astype("int64"),
        rows["attribute"].astype("int64"),
        rows["type"].astype("int64"),
        strict=True,
    )
    wrong = [k[:2] in types and k[2] not in types[k[:2]] for k in keys]

    def says(bad: Frame, _: Frame) -> str:
        first = bad.iloc[0]
        return (
            f"{count(bad)}: {first['attribute_name']} of cluster 0x{int(first['cluster']):04x} with "
            f"type 0x{int(first['type']):02x}"
        )

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
    "time-status",
    "The hub says that its time is not set",
    severity="warning",
    source="ZCL time cluster",
    confidence="recalled",
    merges=("rules:T05",),
    needs=("attributes",),
    cause="clock",
    unseen="the TimeStatus attribute",
    advice="Devices must not take this time: see whether the hub has its wide area link",
    **SHOWN,
)
def time_status(view: View) -> Iterator[Evidence]:
    """TimeStatus says whether the clock is master or synchronised (bits 0 and 1)."""
    rows = _attributes(view, 0x000A, 0x0001)
    rows = rows[mask(rows["number"].notna()) & mask(rows["source"].isin(list(view.hub_addresses())))]
    unset = [int(n) & 0b11 == 0 for n in rows["number"]]
    yield from judge(
        view, rows, unset, "{bad} with neither master nor synchronised", "source", "with its time set"
    )


@rule(
    "time-read-daily",
    "A meter did not ask for the time for a day",
    severity="info",
    source="SMETS2 clock clauses",
    confidence="recalled",
    merges=("rules:T06",),
    needs=("attributes",),
    cause="clock",
    unseen="more than a day of capture with reads of the Time cluster",
    advice="Its clock may drift: see whether it is on the network",
    **SHOWN,
)
def time_read_daily(view: View, *, seconds: float = 90000.0) -> Iterator[Evidence]:
    """Meters read the hub's time at least once a day."""
    rows = _attributes(view, 0x000A, 0x0000)
    asks = rows[mask(rows["command"] == READ)]
    for source, part in asks.groupby(asks["source"].astype("UInt64"), sort=False):
        times = np.r_[part["seconds"].to_numpy(dtype=float), view.duration]
        if view.duration - times[0] < seconds:
            continue
        gap = float(np.diff(times).max())
        if gap > seconds:
            yield broken(view.label(source), f"{gap:,.0f} s between two reads", part["frame"])
        else:
            yield kept(view.label(source), f"reads at least every {gap:,.0f} s")


def _gas_reports(view: View) -> Frame:
    rows = _attributes(view, METERING)
    gas = list(view.with_role("GSME"))
    return rows[mask(rows["command"] == REPORT) & mask(rows["source"].isin(gas))].drop_duplicates("frame")


@rule(
    "gas-half-hour",
    "The gas meter does not report every half hour",
    severity="warning",
    source="GBCS v0.8 10.4.2.8; SECMP0015",
    confidence="text",
    merges=("rules:A01", "spec:R067", "spec:R178", "spec:R089"),
    needs=("attributes", "devices"),
    cause="silence",
    unseen="two reports of a gas meter (role GSME)",
    advice="Weak link, flat battery, or a meter that was told another interval",
    **SHOWN,
)
def gas_half_hour(view: View, *, interval: float = 1800.0, missed: float = 2.2) -> Iterator[Evidence]:
    """The gas meter wakes each half hour and pushes its readings to the gas proxy. A gap of more than two
    intervals, or silence until the end of the capture, is a fault."""
    rows = _gas_reports(view)
    for source, part in rows.groupby(rows["source"].astype("UInt64"), sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        if view.duration - times[0] < missed * interval:
            continue
        gaps = np.diff(np.r_[times, view.duration])
        long = gaps > missed * interval
        subject = view.label(source)
        if long.any():
            text = (
                f"{plural(int(long.sum()), 'gap')} of up to {gaps.max():,.0f} s, expected {interval:,.0f} s"
            )
            yield broken(subject, text, part["frame"][long])
        else:
            yield kept(subject, f"{plural(len(part), 'report')}, no gap above {gaps.max():,.0f} s")


@rule(
    "gas-three-values",
    "A gas report lacks one of its three values",
    severity="info",
    source="GBCS v0.8 10.4.2.8",
    confidence="text",
    merges=("spec:R067", "rules:A01"),
    needs=("attributes", "devices"),
    unseen="readable half-hourly reports of a gas meter",
    advice="Volume, energy of the day and cost of the day belong together",
    **SHOWN,
)
def gas_three_values(view: View, *, seconds: float = 20.0) -> Iterator[Evidence]:
    """Each half hour the meter pushes volume, energy of the day and cost of the day."""
    rows = view.attributes
    rows = rows[mask(rows["command"] == REPORT) & mask(rows["source"].isin(list(view.with_role("GSME"))))]
    keys = list(zip(rows["cluster"].fillna(0), rows["attribute"].fillna(0), strict=True))
    starts = np.r_[True, np.diff(rows["seconds"].to_numpy(dtype=float)) > seconds]
    burst = np.cumsum(starts[: len(keys)])
    reports = 0
    lacking: list[int] = []
    for _, part in rows.assign(key=keys, burst=burst).groupby("burst"):
        got = set(part["key"])
        if GAS_VALUES[0] not in got:
            continue
        reports += 1
        if not set(GAS_VALUES) <= got:
            lacking.append(int(part["frame"].iloc[0]))
    if reports > 2 and len(lacking) == reports:
        yield broken("gas meter", f"none of {plural(reports, 'report')} holds all three values", lacking)
    elif reports > 2:
        yield kept(
            "gas meter", f"{reports - len(lacking)} of {plural(reports, 'report')} hold all three values"
        )


@rule(
    "gas-fast-wake",
    "The gas meter is woken all the time",
    severity="error",
    source="attack: sleep deprivation by fast poll",
    confidence="secondary",
    merges=("attacks:A35",),
    needs=("packets", "devices"),
    cause="battery drain",
    unseen="polls of a gas meter (role GSME)",
    advice="Find what keeps it awake: stay-awake flags, fast poll requests, or frames that never end",
    **SHOWN,
)
def gas_fast_wake(view: View, *, gap: float = 60.0, minutes: float = 6.0) -> Iterator[Evidence]:
    """A gas meter that polls without a minute's pause for more than six minutes, with no message to fetch
    and no firmware on its way, drains its battery."""
    packets = view.good
    rows = packets[mask(packets["sender"].isin(list(view.with_role("GSME"))))]
    busy = rows[mask(rows["aps_cluster"].isin([0x0704, OTA]))]["seconds"].to_numpy(dtype=float)
    for sender, part in rows.groupby(rows["sender"].astype("UInt64"), sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        runs = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > gap) + 1)
        awake = [r for r in runs if times[r[-1]] - times[r[0]] > minutes * 60]
        idle = [r for r in awake if not ((busy >= times[r[0]]) & (busy <= times[r[-1]])).sum() > minutes]
        subject = view.label(sender)
        if idle:
            longest = max(times[r[-1]] - times[r[0]] for r in idle)
            frames = np.concatenate([part["frame"].to_numpy()[r] for r in idle])
            yield broken(subject, f"awake for up to {longest:,.0f} s with nothing to fetch", frames)
        else:
            yield kept(subject, f"{plural(len(runs), 'wake-up')}, none long and idle")


@rule(
    "fast-poll-request",
    "Fast polling is asked for",
    severity="info",
    source="ZSE metering cluster; attack: sleep deprivation",
    confidence="secondary",
    merges=("attacks:A35",),
    needs=("commands",),
    cause="battery drain",
    unseen="commands of the metering cluster",
    advice="Displays ask now and then; many requests drain a battery",
    **SHOWN,
)
def fast_poll_request(view: View, *, requests: int = 5, window: float = 3600.0) -> Iterator[Evidence]:
    """RequestFastPollMode makes a meter update more often for a while. Several an hour from one device are
    too many."""
    rows = commands(view, METERING, TO_SERVER)
    for source, part in rows.groupby(rows["source"].astype("UInt64"), sort=False):
        fast = part[mask(part["command"] == 0x03)]
        times = fast["seconds"].to_numpy(dtype=float)
        most = max((int(((times >= t) & (times < t + window)).sum()) for t in times), default=0)
        if most > requests:
            yield broken(view.label(source), f"{most} requests within an hour", fast["frame"], "warning")
        else:
            yield kept(view.label(source), f"{plural(len(fast), 'request')} for fast polling")


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
    """Displays show power at most ten seconds old."""
    rows = _attributes(view, METERING, 0x0400)
    rows = rows[mask(rows["source"].isin(list(view.with_role("ESME")))) & mask(rows["number"].notna())]
    for (source, destination), part in rows.groupby(["source", "destination"], sort=False):
        gaps = np.diff(part["seconds"].to_numpy(dtype=float))
        if len(gaps) < 10:
            continue
        usual = float(np.median(gaps))
        subject = f"{view.label(source)} to {view.label(destination)}"
        if usual > seconds + tolerance:
            yield broken(subject, f"every {usual:.0f} s", part["frame"][:50])
        else:
            yield kept(subject, f"every {usual:.0f} s")


@rule(
    "mirror-before-reports",
    "Gas data before there is a mirror",
    severity="warning",
    source="GBCS v0.8 10.2.2.2",
    confidence="text",
    merges=("rules:A06", "spec:R045", "spec:R048", "disapplied:20"),
    needs=("attributes", "commands", "devices"),
    unseen="a gas meter that joins within the capture and reports",
    advice="The order is key establishment, RequestMirror, ConfigureMirror, tunnel, then reports",
    **SHOWN,
)
def mirror_before_reports(view: View) -> Iterator[Evidence]:
    """After key establishment the gas meter asks for a mirror; it reports only when the gas proxy is in its
    device log."""
    gas = list(view.with_role("GSME"))
    joined = commands(view, 0x0800)
    joined = joined[mask(joined["source"].isin(gas))]
    reports = _gas_reports(view)
    mirrors = commands(view, METERING, None, (0x01,))
    for source, part in joined.groupby(joined["source"].astype("UInt64"), sort=False):
        first = float(part["seconds"].min())
        mine = reports[mask(reports["source"] == source) & mask(reports["seconds"] > first)]
        asked = mirrors[mask(mirrors["source"] == source) & mask(mirrors["seconds"] > first)]
        if mine.empty:
            continue
        start = float(asked["seconds"].min()) if len(asked) else np.inf
        early = mine[mask(mine["seconds"] < start)]
        if len(early):
            yield broken(
                view.label(source), f"{count(early)} of reports before a mirror was asked for", early["frame"]
            )
        else:
            yield kept(view.label(source), "asked for its mirror before it reported")


@rule(
    "type-2-writes",
    "A display or access device writes or controls",
    severity="warning",
    source="SMETS2 / GBCS type 2 device definition",
    confidence="recalled",
    merges=("rules:A08",),
    needs=("packets", "devices"),
    cause="forged command",
    unseen="frames of an IHD or CAD",
    advice="These devices may only read: see which command it was",
    **SHOWN,
)
def type_2_writes(view: View) -> Iterator[Evidence]:
    """In-home displays and consumer access devices only read: no write of attributes, no control command,
    no tunnel."""
    packets = view.good
    rows = packets[
        mask(packets["origin"].isin(list(view.with_role("IHD", "CAD"))))
        & mask(packets["zcl_command"].notna())
    ]
    writes = mask(rows["zcl_type"] == "general") & mask(rows["zcl_command"].isin(WRITES))
    control = (
        mask(rows["zcl_type"] == "cluster")
        & mask(rows["zcl_direction"] == TO_SERVER)
        & mask(rows["aps_cluster"].isin([0x0704, 0x0705, 0x0701, 0x0006]))
    )
    yield from judge(view, rows, writes | control, "{bad} that write or control", "origin", "that only read")


@rule(
    "load-control-source",
    "Load switching by another device than the electricity meter",
    severity="warning",
    source="GBCS mapping table HECS01",
    confidence="derived",
    merges=("rules:G22", "disapplied:55"),
    needs=("packets", "devices"),
    cause="forged command",
    unseen="load control or on/off commands to a load controller (role HCALCS)",
    advice="Only the electricity meter may switch it: see who sends",
    **SHOWN,
)
def load_control_source(view: View) -> Iterator[Evidence]:
    """A load controller obeys the electricity meter alone."""
    packets = view.good
    rows = packets[
        mask(packets["target"].isin(list(view.with_role("HCALCS"))))
        & mask(packets["aps_cluster"].isin([0x0701, 0x0006]))
        & mask(packets["zcl_type"] == "cluster")
    ]
    yield from judge(
        view,
        rows,
        ~mask(rows["origin"].isin(list(view.with_role("ESME")))),
        "{bad} of load control",
        "origin",
        "of the electricity meter",
    )


@rule(
    "ota-source",
    "Firmware blocks from another device than the hub",
    severity="error",
    source="GBCS v0.8.1 11.1 (page 129); ZCL OTA upgrade cluster",
    confidence="text",
    merges=("rules:O01", "attacks:A36", "spec:R095"),
    needs=("commands", "packets"),
    cause="ota",
    unseen="image block responses",
    advice="Somebody else offers firmware: find the sender",
    **SHOWN,
)
def ota_source(view: View) -> Iterator[Evidence]:
    """Firmware comes from the hub, block by block, as the device asks for it."""
    rows = commands(view, OTA, TO_CLIENT, (0x00, 0x02, 0x05, 0x07))
    yield from judge(
        view,
        rows,
        ~mask(rows["source"].isin(list(view.hub_addresses()))),
        "{bad} of firmware from another than the hub",
        "source",
    )


@rule(
    "ota-unasked",
    "Firmware blocks that nobody asked for",
    severity="warning",
    source="ZCL OTA upgrade cluster; GBCS 11",
    confidence="recalled",
    merges=("rules:O01",),
    needs=("commands",),
    cause="ota",
    unseen="image block requests and responses",
    advice="See who sends them",
    **SHOWN,
)
def ota_unasked(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """Each image block answers a request of the device for that offset."""
    asks = commands(view, OTA, TO_SERVER, (0x03, 0x04))
    blocks = commands(view, OTA, TO_CLIENT, (0x05,))
    if asks.empty:
        return
    times = asks["seconds"].to_numpy(dtype=float)
    at = np.searchsorted(times, blocks["seconds"].to_numpy(dtype=float), side="right") - 1
    gap = blocks["seconds"].to_numpy(dtype=float) - times[np.maximum(at, 0)]
    yield from judge(
        view, blocks, (at < 0) | (gap > seconds), "{bad} without a request before", "source", "as asked"
    )


@rule(
    "ota-offsets",
    "A firmware transfer runs in circles",
    severity="warning",
    source="ZCL OTA upgrade cluster; Ronen (2017)",
    confidence="recalled",
    merges=("rules:O06", "attacks:A36"),
    needs=("commands",),
    cause="ota",
    unseen="image block requests",
    advice="Weak link, a wrong image, or somebody who drains the device",
    **SHOWN,
)
def ota_offsets(view: View, *, repeats: int = 5) -> Iterator[Evidence]:
    """Offsets rise. The same offset again and again gets nowhere."""
    rows = commands(view, OTA, TO_SERVER, (0x03,))
    rows = rows.assign(
        offset=field_of(view, rows, "file_offset"), version=field_of(view, rows, "file_version")
    )
    rows = rows[mask(rows["offset"].notna())]
    for source, part in rows.groupby(rows["source"].astype("UInt64"), sort=False):
        times = part.groupby(["version", "offset"])["frame"].transform("size")
        stuck = part[mask(times > repeats)]
        if len(stuck):
            text = f"offset {int(stuck['offset'].iloc[0]):,} was asked for {int(times.max())} times"
            yield broken(view.label(source), text, stuck["frame"])
        else:
            yield kept(
                view.label(source), f"{plural(len(part), 'block')} asked for, none over {repeats} times"
            )


@rule(
    "ota-downgrade",
    "Older firmware is offered",
    severity="error",
    source="Ronen (2017); ZCL OTA upgrade cluster",
    confidence="secondary",
    merges=("attacks:A36",),
    needs=("commands",),
    cause="ota",
    unseen="a Query Next Image request with the version held, and its response",
    advice="See whether the supplier means to go back; otherwise find who offers it",
    **SHOWN,
)
def ota_downgrade(view: View) -> Iterator[Evidence]:
    """The image that is offered has a file version; it should not be lower than the one that the device
    runs."""
    asks = commands(view, OTA, TO_SERVER, (0x01,))
    asks = asks.assign(version=field_of(view, asks, "current_file_version"))
    offers = commands(view, OTA, TO_CLIENT, (0x02,))
    offers = offers.assign(version=field_of(view, offers, "file_version"))
    offers = offers[mask(offers["version"].notna())]
    held = {
        int(s): float(v) for s, v in zip(asks["source"].fillna(0), asks["version"], strict=True) if v == v
    }
    known = offers[mask(offers["destination"].isin(list(held)))]
    lower = [v < held[int(d)] for d, v in zip(known["destination"], known["version"], strict=True)]
    yield from judge(
        view, known, lower, "{bad} offering an older version", "source", "offering no older version"
    )


@rule(
    "ota-image-header",
    "A firmware file without its header",
    severity="error",
    source="GBCS 11.2.3 as modelled in gbcs.py; ZCL OTA file format",
    confidence="derived",
    merges=("rules:O02",),
    needs=("commands",),
    cause="ota",
    unseen="the first block of an image",
    advice="Not an OTA file: compare it with the approved image",
    **SHOWN,
)
def ota_image_header(view: View) -> Iterator[Evidence]:
    """The first block of an image begins with the file identifier 0x0BEEF11E."""
    rows = commands(view, OTA, TO_CLIENT, (0x05,))
    rows = rows.assign(
        offset=field_of(view, rows, "file_offset"), data=field_of(view, rows, "image_data", text=True)
    )
    first = rows[mask(rows["offset"] == 0) & mask(rows["data"].notna())]
    text = first["data"].astype(str).str.replace(r"^0x|[: -]", "", regex=True).str.lower()
    yield from judge(
        view, first, ~mask(text.str.startswith("1ef1ee0b")), "{bad} that do not begin an OTA file", "source"
    )


@rule(
    "ota-no-activation",
    "Firmware runs without its activation command",
    severity="info",
    source="GBCS v0.8.1 11.1 (page 129)",
    confidence="text",
    merges=("spec:R095", "disapplied:47", "rules:O05", "spec:R101"),
    needs=("commands", "messages"),
    cause="ota",
    unseen="an Upgrade End request with success",
    advice="Activation is a signed command of its own (CS06): look whether it came",
    **SHOWN,
)
def ota_no_activation(view: View) -> Iterator[Evidence]:
    """A completed download only stores the image. A receipt alert follows, and later the signed
    activation."""
    ends = commands(view, OTA, TO_SERVER, (0x06,))
    ends = ends[mask(field_of(view, ends, "status") == 0)]
    messages = view.tables["messages"]
    after = messages[mask(messages["message_code"].isin([0x00CE, 0x00CF, 0x0012, 0x00CA, 0x0128]))]
    missing = [not mask(after["seconds"] >= s).any() for s in ends["seconds"]]
    yield from judge(
        view, ends, missing, "{bad} of a finished download without receipt or activation", "source"
    )


@rule(
    "suspended-device-talks",
    "A suspended device goes on talking",
    severity="warning",
    source="docs.silabs.com sub-ghz-server/client; ZSE 1.4",
    confidence="secondary",
    merges=("rules:N19", "spec:R084", "rules:N26"),
    needs=("commands", "packets"),
    cause="duty cycle",
    unseen="a Suspend ZCL Messages command",
    advice="It uses air time that the hub has not got: look at its software",
    **SHOWN,
)
def suspended_device_talks(view: View) -> Iterator[Evidence]:
    """Suspend ZCL Messages silences a device for some minutes, but for the sub-GHz cluster itself and
    firmware."""
    rows = commands(view, SUB_GHZ, TO_CLIENT, (0x00,))
    rows = rows.assign(period=field_of(view, rows, "period"))
    packets = view.good
    talk = packets[
        mask(packets["aps_type"] == "data")
        & ~mask(packets["aps_cluster"].isin([SUB_GHZ, OTA]))
        & ~mask(packets["aps_profile"] == 0)
    ]
    for row in rows.itertuples():
        end = row.seconds + 60 * float(row.period or 0)
        mine = talk[
            mask(talk["origin"] == row.destination)
            & mask(talk["seconds"] > row.seconds + 2)
            & mask(talk["seconds"] < end)
        ]
        if len(mine):
            yield broken(
                view.label(row.destination), f"{count(mine)} while suspended", [row.frame, *mine["frame"]]
            )
        else:
            yield kept(view.label(row.destination), f"silent for {row.period:.0f} min")


@rule(
    "duty-cycle",
    "A sub-GHz transmitter uses too much air time",
    severity="warning",
    source="docs.silabs.com duty cycle limits (1.00 %, 1.80 %, 2.50 %); EN 300 220 summaries",
    confidence="secondary",
    merges=("rules:N17", "attacks:A42"),
    cause="duty cycle",
    unseen="sub-GHz frames (pages 28 to 31)",
    advice="Find what it sends so much: retries, requests, firmware",
)
def duty_cycle(
    view: View, *, percent: float = 1.8, window: float = 3600.0, bits_per_second: float = 100_000.0
) -> Iterator[Evidence]:
    """Air time of each sender in any hour: preamble, header and octets at 100 kbit/s."""
    packets = view.packets
    rows = packets[mask(packets["page"] >= 28) & mask(packets["sender"].notna())]
    for sender, part in rows.groupby(rows["sender"].astype("UInt64"), sort=False):
        air = (part["length"].fillna(0).to_numpy(dtype=float) + 12) * 8 / bits_per_second
        times = part["seconds"].to_numpy(dtype=float)
        total = np.r_[0.0, np.cumsum(air)]
        first = np.searchsorted(times, times - window)
        used = (total[1:] - total[first]) / window * 100
        at = int(used.argmax())
        if used[at] > percent:
            text = f"{used[at]:.2f} % of an hour on the air (limit {percent} %)"
            yield broken(view.label(sender), text, part["frame"].to_numpy()[first[at] : at + 1])
        else:
            yield kept(view.label(sender), f"at most {used[at]:.2f} % of an hour")


@rule(
    "ota-while-critical",
    "Firmware is sent while air time is short",
    severity="warning",
    source="ZSE 1.4 sentence cited in OTA server code",
    confidence="secondary",
    merges=("rules:O07",),
    needs=("commands", "messages"),
    cause="duty cycle",
    unseen="an alert of the critical duty-cycle state (0x8F22) and firmware blocks",
    advice="The hub must postpone blocks (WAIT_FOR_DATA) until the state is over",
    **SHOWN,
)
def ota_while_critical(view: View) -> Iterator[Evidence]:
    """Between alert 0x8F22 and 0x8F23 the hub's firmware server tells devices to wait."""
    alerts = view.tables["messages"]
    start = alerts.loc[mask(alerts["alert_code"] == 0x8F22), "seconds"].min()
    end = alerts.loc[mask(alerts["alert_code"] == 0x8F23), "seconds"].min()
    if start != start:
        return
    rows = commands(view, OTA, TO_CLIENT, (0x05,))
    rows = rows[mask(field_of(view, rows, "status") == 0)]
    inside = mask(rows["seconds"] > start) & ~mask(rows["seconds"] > (end if end == end else np.inf))
    yield from judge(
        view, rows, inside, "{bad} of firmware in the critical state", "source", "outside the critical state"
    )


@rule(
    "consumption-sample",
    "A summation goes back",
    severity="error",
    source="ZSE metering cluster: summations only rise",
    confidence="derived",
    merges=("spec:R069", "rules:A05"),
    needs=("attributes",),
    cause="clock",
    unseen="two readings of CurrentSummationDelivered of one meter",
    advice="The meter was exchanged, or readings were forged or replayed",
    **SHOWN,
)
def consumption_sample(view: View) -> Iterator[Evidence]:
    """The register of a meter only rises; a reading below an earlier one of the same meter is a fault."""
    rows = _attributes(view, METERING, 0x0000)
    rows = rows[mask(rows["number"].notna()) & mask(rows["command"].isin([REPORT, READ_RESPONSE]))]
    for (source, _), part in rows.groupby(
        [rows["source"].astype("UInt64"), "endpoint"], sort=False, dropna=False
    ):
        value = part["number"].to_numpy(dtype=float)
        if len(value) < 2:
            continue
        back = np.r_[False, value[1:] < np.maximum.accumulate(value)[:-1]]
        subject = view.label(source)
        if back.any():
            at = int(np.flatnonzero(back)[0])
            yield broken(
                subject,
                f"reading fell from {value[:at].max():,.0f} to {value[at]:,.0f}",
                part["frame"].to_numpy()[back],
            )
        else:
            yield kept(subject, f"{plural(len(value), 'reading')}, never falling")
