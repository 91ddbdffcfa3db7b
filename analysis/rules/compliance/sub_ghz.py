"""Sub-GHz operation: duty cycle, suspended devices, firmware and acknowledgements while air time is short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import ALERTS, STATUS, to_client, to_server
from analysis.features.judging import count, judge, mask, plural
from analysis.features.view import DEVICE_PROFILE, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import IMAGE_BLOCK, OTA, SUB_GHZ, TUNNELING, commands, field_of
from analysis.rules.expression import c
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of
from analysis.rules.rows import all_packets

rule = rules_of("compliance", "sub ghz")

SUSPEND = to_client(SUB_GHZ, "Suspend Zcl Messages")
ASKS = to_server(SUB_GHZ, "Get Suspend Zcl Messages Status")
PERIOD, BLOCK_STATUS = SUSPEND.field("period"), IMAGE_BLOCK.field("status")
CRITICAL, NO_MORE_CRITICAL = ALERTS.some(
    "Critical Duty Cycle Action Taken", "Duty Cycle fallen below Limited-Critical Duty Cycle Threshold"
)
SHOWN: dict[str, Any] = {"smart_energy": True}


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
    rows = commands(view, SUSPEND)
    rows = rows.assign(period=field_of(view, rows, PERIOD))
    packets = view.good
    talk = packets.only(aps_type="data")
    talk = talk[
        ~mask(talk["aps_cluster"].isin([SUB_GHZ, OTA])) & ~mask(talk["aps_profile"] == DEVICE_PROFILE)
    ]
    for device, part in rows.groupby("destination", sort=False):
        starts = part["seconds"].to_numpy(dtype=float)
        ends = starts + 60 * part["period"].fillna(0).to_numpy(dtype=float)
        mine = talk[mask(talk["origin"] == device)]
        times = mine["seconds"].to_numpy(dtype=float)
        during = ((times[:, None] > starts + 2) & (times[:, None] < ends)).any(axis=1)
        subject = Subject.device(device)
        if during.any():
            text = (
                f"{count(mine[during])} while suspended ({plural(len(part), 'Suspend ZCL Messages command')})"
            )
            yield broken(subject, text, [*part["frame"], *mine["frame"][during]])
        else:
            yield kept(subject, f"silent for {np.max(ends - starts) / 60:.0f} min")


@rule(
    "sub-ghz-suspend-period",
    "Suspension without a period",
    severity="info",
    source="docs.silabs.com sub-ghz-server (the command answers Get Suspend ZCL Messages Status, too)",
    confidence="secondary",
    merges=("rules:N19",),
    needs=(ClusterCommands("Sub-GHz"),),
    cause="duty cycle",
    unseen="a readable Suspend Zcl Messages command (cluster 0x070B)",
    advice="Nothing was suspended and nobody asked: see what the hub wanted, by its log",
    **SHOWN,
)
def sub_ghz_suspend_period(view: View, *, seconds: float = 7.5, late: float = 60.0) -> Iterator[Evidence]:
    """Suspend ZCL Messages names minutes. None of them is the answer to a device that asks and is not suspended, or ends
    a suspension that runs; else it does nothing."""
    rows, asked = commands(view, SUSPEND), commands(view, ASKS)
    rows = rows.assign(period=field_of(view, rows, PERIOD))
    for (hub, device), part in rows[mask(rows["period"].notna())].groupby(
        ["source", "destination"], sort=False
    ):
        times, minutes = part["seconds"].to_numpy(dtype=float), part["period"].to_numpy(dtype=float)
        asks = asked["seconds"][mask(asked["source"] == device)].to_numpy(dtype=float)
        answers = ((times[:, None] > asks) & (times[:, None] < asks + seconds)).any(axis=1)
        runs = (times[:, None] > times) & (times[:, None] < times + (60 * minutes + late) * (minutes > 0))
        nothing = (minutes == 0) & ~answers & ~runs.any(axis=1)
        subject = Subject.device(hub)
        if nothing.any():
            text = f"{plural(int(nothing.sum()), 'suspension')} of no minutes, for which nobody asked and which ends none"
            yield broken(subject, text, part["frame"][nothing])
        else:
            yield kept(
                subject,
                f"{plural(len(part), 'command')} with a period, an answer, or the end of a suspension",
            )


@rule(
    "sub-ghz-suspended-often",
    "A device is suspended again and again",
    severity="warning",
    source="ZSE 1.4 as described by docs.silabs.com sub-ghz-server (suspension is for the time in which air is short)",
    confidence="secondary",
    merges=("spec:R084",),
    needs=(ClusterCommands("Sub-GHz"),),
    cause="duty cycle",
    unseen="a readable Suspend Zcl Messages command (cluster 0x070B)",
    advice="Its readings and commands come late: find who uses the air (duty-cycle, retries), or move the hub nearer",
    **SHOWN,
)
def sub_ghz_suspended_often(view: View, *, times: int = 3, hours: float = 6.0) -> Iterator[Evidence]:
    """Suspensions of one device within some hours, each but those that only prolong one that runs. Once or twice
    air may be short; more often the hub is always at its limit."""
    rows = commands(view, SUSPEND)
    rows = rows.assign(period=field_of(view, rows, PERIOD))
    for device, part in rows[mask(rows["period"] > 0)].groupby("destination", sort=False):
        when, minutes = (part[name].to_numpy(dtype=float) for name in ("seconds", "period"))
        ends = np.maximum.accumulate(when + 60 * minutes)
        fresh = np.r_[True, when[1:] > ends[:-1]]
        starts = when[fresh]
        within = np.searchsorted(starts, starts + 3600 * hours) - np.arange(len(starts))
        most, subject = int(within.max()), Subject.device(device)
        text = f"suspended {plural(most, 'time')} within {hours:.0f} hours, for up to {minutes.max():.0f} min"
        if most >= times:
            yield broken(subject, text, part["frame"])
        else:
            yield kept(subject, text)


@rule(
    "duty-cycle",
    "A sub-GHz transmitter uses too much air time",
    severity="warning",
    source="docs.silabs.com duty cycle limits (1.00 %, 1.80 %, 2.50 %); EN 300 220 summaries",
    confidence="secondary",
    merges=("rules:N17", "attacks:A42"),
    needs=(all_packets.where(c.page >= 28),),
    cause="duty cycle",
    unseen="sub-GHz frames (pages 28 to 31)",
    advice="Find what it sends so much: retries, requests, firmware",
)
def duty_cycle(
    view: View, *, percent: float = 1.8, window: float = 3600.0, bits_per_second: float = 100_000.0
) -> Iterator[Evidence]:
    """Transmitters in the sub-GHz bands may use only a small share of each hour. Counted is the air time of
    each sender in any hour: preamble, header and octets at 100 kbit/s."""
    packets = view.packets
    rows = packets[mask(packets["page"] >= 28) & packets.known("sender")]
    for sender, part in rows.groupby("sender", sort=False):
        air = (part["length"].fillna(0).to_numpy(dtype=float) + 12) * 8 / bits_per_second
        times = part["seconds"].to_numpy(dtype=float)
        total = np.r_[0.0, np.cumsum(air)]
        first = np.searchsorted(times, times - window)
        used = (total[1:] - total[first]) / window * 100
        at = int(used.argmax())
        if used[at] > percent:
            text = f"{used[at]:.2f} % of an hour on the air (limit {percent} %)"
            yield broken(Subject.device(sender), text, part["frame"].to_numpy()[first[at] : at + 1])
        else:
            yield kept(Subject.device(sender), f"at most {used[at]:.2f} % of an hour")


@rule(
    "ota-while-critical",
    "Firmware is sent while air time is short",
    severity="warning",
    source="ZSE 1.4 sentence cited in OTA server code",
    confidence="secondary",
    merges=("rules:O07",),
    needs=(ClusterCommands("OTA Upgrade"), "messages"),
    cause="duty cycle",
    unseen="an alert of the critical duty-cycle state (0x8F22) and firmware blocks",
    advice="The hub must postpone blocks (WAIT_FOR_DATA) until the state is over",
    **SHOWN,
)
def ota_while_critical(view: View) -> Iterator[Evidence]:
    """While the hub's air time is critical (between alerts 0x8F22 and 0x8F23) it tells devices to wait with
    their firmware download. Blocks in that time use up what others need."""
    alerts = view.tables["messages"]
    start = alerts.loc[mask(alerts["alert_code"] == CRITICAL), "seconds"].min()
    end = alerts.loc[mask(alerts["alert_code"] == NO_MORE_CRITICAL), "seconds"].min()
    if start != start:
        return
    rows = commands(view, IMAGE_BLOCK)
    rows = rows[mask(field_of(view, rows, BLOCK_STATUS) == STATUS["SUCCESS"])]
    inside = mask(rows["seconds"] > start) & ~mask(rows["seconds"] > (end if end == end else np.inf))
    yield from judge(
        view, rows, inside, "{bad} of firmware in the critical state", "source", "outside the critical state"
    )


@rule(
    "message-burst-acks",
    "Frequent messages ask for acknowledgement on sub-GHz",
    severity="info",
    source="ZBOSS API header on SE 1.4 (high frequency messages)",
    confidence="secondary",
    merges=("spec:R086", "disapplied:53"),
    smart_energy=True,
    needs=(all_packets.where(c.page >= 28),),
    unseen="sub-GHz frames (pages 28 to 31) more often than one in 30 s",
    advice="They should ask for no APS acknowledgement, to save air time",
)
def message_burst_acks(view: View, *, seconds: float = 30.0, least: int = 10) -> Iterator[Evidence]:
    """Messages that come more often than one in 30 s on sub-GHz ask for no APS acknowledgement, as
    acknowledgements would use up the air time of the hub."""
    packets = view.good
    rows = packets.only(aps_type="data")
    rows = rows[mask(rows["page"] >= 28) & mask(rows["aps_cluster"].notna())]
    rows = rows[~mask(rows["aps_cluster"].isin([TUNNELING, OTA]))]
    for (sender, _), part in rows.groupby(["origin", "aps_cluster"], sort=False):
        gaps = np.diff(part["seconds"].to_numpy(dtype=float))
        if len(gaps) < least or np.median(gaps) > seconds:
            continue
        asks = mask(part["aps_ack_request"])
        if asks.mean() > 0.5:
            yield broken(
                Subject.device(sender),
                f"{asks.sum()} of {count(part)} every {np.median(gaps):.0f} s ask",
                part["frame"][asks],
            )
        else:
            yield kept(Subject.device(sender), f"{count(part)} every {np.median(gaps):.0f} s ask for none")
