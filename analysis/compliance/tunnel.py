"""Tunnels (cluster 0x0704): who opens them, how large, how long, and the gas meter's fetch protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.compliance.han_commands import TO_CLIENT, TO_SERVER, commands, field_of
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import judge, mask, plural
from analysis.view import Frame, View

CLUSTER = 0x0704
REQUEST, CLOSE, TO_SERVER_DATA, TO_CLIENT_DATA = 0x00, 0x01, 0x02, 0x01
SHOWN: dict[str, Any] = {"needs": ("commands",), "cause": "tunnel", "smart_energy": True}
DATA = "readable TransferData commands"


def _data(view: View) -> Frame:
    there = commands(view, CLUSTER, TO_SERVER, (TO_SERVER_DATA,))
    back = commands(view, CLUSTER, TO_CLIENT, (TO_CLIENT_DATA,))
    rows: Frame = pd.concat([there, back]).sort_values(["seconds", "frame"])
    octets = field_of(view, rows, "data", text=True).astype(object)
    text = octets.where(octets.notna(), "").astype(str).str.replace(r"^0x|[: -]", "", regex=True)
    return rows.assign(tunnel=field_of(view, rows, "tunnel_id"), data=text)


def _pairs(rows: Frame) -> list[frozenset[int]]:
    return [
        frozenset((int(a or 0), int(b or 0)))
        for a, b in zip(rows["source"].fillna(0), rows["destination"].fillna(0), strict=True)
    ]


@rule(
    "tunnel-payload-size",
    "More data in a transfer than was agreed",
    severity="error",
    source="GBCS v0.8 10.2.2",
    confidence="text",
    merges=("rules:G29", "spec:R039", "disapplied:9"),
    unseen=DATA,
    advice="Look at the sender's software: large messages travel in blocks",
    **SHOWN,
)
def tunnel_payload_size(view: View, *, octets: int = 1500) -> Iterator[Evidence]:
    """The transfer size is fixed at 1500 octets."""
    rows = _data(view)
    yield from judge(
        view,
        rows,
        mask(rows["data"].str.len() > 2 * octets),
        f"{{bad}} of more than {octets} octets",
        "source",
    )


@rule(
    "tunnel-roles",
    "The wrong side opens a tunnel",
    severity="error",
    source="GBCS v0.8 10.2.2.1, 10.2.2.2",
    confidence="text",
    merges=("spec:R047", "spec:R040", "disapplied:10"),
    needs=("commands", "devices"),
    cause="tunnel",
    smart_energy=True,
    unseen="a RequestTunnel between devices whose roles are known",
    advice=(
        "The hub opens tunnels to electricity meter, load controller and display; the gas meter opens its own"
    ),
)
def tunnel_roles(view: View) -> Iterator[Evidence]:
    """The hub is the tunnel client of electricity meter, display and load controller; the gas meter is the
    client of the hub. A request the other way round is a fault or a stranger."""
    rows = commands(view, CLUSTER, TO_SERVER, (REQUEST,))
    asks = rows["source"].map(view.roles)
    asked = rows["destination"].map(view.roles)
    judged = mask(asks.notna()) & mask(asked.notna())
    hub = ["CHF", "GPF", "coordinator"]
    wrong = (mask(asks.isin(hub)) & mask(asked == "GSME")) | (mask(asks.isin(["IHD", "CAD"])))
    yield from judge(
        view, rows[judged], wrong[judged], "{bad} opening a tunnel the wrong way", "source", "the right way"
    )


@rule(
    "tunnel-id-unknown",
    "Data on a tunnel that was never opened",
    severity="warning",
    source="ZSE annex D.6",
    confidence="recalled",
    merges=("rules:G30", "attacks:A30"),
    unseen=DATA + " and RequestTunnelResponse commands",
    advice="The tunnel may have been opened before the capture; otherwise see who sends",
    **SHOWN,
)
def tunnel_id_unknown(view: View) -> Iterator[Evidence]:
    """Data travels under the identifier that the server gave when it opened the tunnel. Judged are pairs of
    devices that opened a tunnel within the capture."""
    opened = commands(view, CLUSTER, TO_CLIENT, (REQUEST,))
    opened = opened.assign(
        tunnel=field_of(view, opened, "tunnel_id"), status=field_of(view, opened, "tunnel_status")
    )
    opened = opened[mask(opened["status"] == 0)]
    known: dict[frozenset[int], list[tuple[float, float]]] = {}
    for pair, seconds, number in zip(_pairs(opened), opened["seconds"], opened["tunnel"], strict=True):
        known.setdefault(pair, []).append((float(seconds), float(number)))
    rows = _data(view)
    wrong, judged = [], []
    for pair, seconds, number in zip(_pairs(rows), rows["seconds"], rows["tunnel"], strict=True):
        before = [n for t, n in known.get(pair, []) if t <= seconds]
        judged.append(bool(before))
        wrong.append(bool(before) and number not in before)
    picked = np.array(judged, dtype=bool)
    yield from judge(
        view, rows[picked], np.array(wrong, dtype=bool)[picked], "{bad} under an unknown tunnel", "source"
    )


@rule(
    "tunnel-injection",
    "A stranger sends into somebody's tunnel",
    severity="error",
    source="general: tunnel injection",
    confidence="secondary",
    merges=("attacks:A30",),
    unseen=DATA + " and RequestTunnelResponse commands",
    advice="Neither side of that tunnel sent it: find the sender by signal strength",
    **SHOWN,
)
def tunnel_injection(view: View) -> Iterator[Evidence]:
    """The identifier of an open tunnel is used by a device that is neither of its two ends, towards one of
    them."""
    opened = commands(view, CLUSTER, TO_CLIENT, (REQUEST,))
    opened = opened.assign(
        tunnel=field_of(view, opened, "tunnel_id"), status=field_of(view, opened, "tunnel_status")
    )
    ends = {
        (int(r.source or 0), float(r.tunnel)): int(r.destination or 0)
        for r in opened.itertuples()
        if r.status == 0
    }
    # Identifiers are given out anew once a tunnel is closed, so every pair that opened one counts.
    pairs = set(_pairs(opened[mask(opened["status"] == 0)]))
    rows = _data(view)
    if rows.empty:
        return
    if not ends:
        yield from _one_sided(view, rows)
        return
    mine = [
        (int(d or 0), float(t)) in ends
        and ends[int(d or 0), float(t)] != int(s or 0)
        and frozenset((int(s), int(d))) not in pairs
        for s, d, t in zip(
            rows["source"].fillna(0), rows["destination"].fillna(0), rows["tunnel"].fillna(-1), strict=True
        )
    ]
    yield from judge(view, rows, mine, "{bad} into a tunnel of others", "source", "in their own tunnels")


def _one_sided(view: View, rows: Frame) -> Iterator[Evidence]:
    """Without openings in the capture: pairs where one side sends and the other never does, while others
    converse."""
    pairs = pd.Series(["/".join(str(s) for s in sorted(p)) for p in _pairs(rows)], index=rows.index)
    sides = rows["source"].groupby(pairs).nunique()
    first = rows["seconds"].groupby(pairs).min()
    talk = bool((sides > 1).any())
    for pair, number in sides.items():
        part = rows[mask(pairs == pair)]
        subject = view.label(part["source"].iloc[0])
        if number == 1 and len(part) >= 2 and first[pair] > 600:
            text = (
                f"{plural(len(part), 'transfer')} that nobody answers, on a tunnel that was not seen before"
            )
            yield broken(subject, text, part["frame"], "warning" if talk or len(part) >= 3 else "info")
        else:
            yield kept(subject, f"{plural(len(part), 'transfer')} in conversation")


@rule(
    "tunnel-data-refused",
    "Data was refused because there is no such tunnel",
    severity="warning",
    source="ZSE annex D.6 (TransferDataError)",
    confidence="secondary",
    merges=("rules:G30", "attacks:A30"),
    unseen=DATA,
    advice="Its sender never opened that tunnel, or it was closed: see who sent the data",
    **SHOWN,
)
def tunnel_data_refused(view: View) -> Iterator[Evidence]:
    """A TransferDataError says that data came on a tunnel that does not exist, or that belongs to somebody
    else."""
    rows = _data(view)
    errors = commands(view, CLUSTER, TO_CLIENT, (0x02,))
    errors = errors.assign(status=field_of(view, errors, "transfer_data_status"))
    back = commands(view, CLUSTER, TO_SERVER, (0x03,))
    back = back.assign(status=field_of(view, back, "transfer_data_status"))
    errors = pd.concat([errors, back])
    errors = errors[mask(errors["status"].isin([0, 1]))]
    told: dict[int, list[float]] = {}
    for who, seconds in zip(errors["destination"], errors["seconds"], strict=True):
        if pd.notna(who):
            told.setdefault(int(who), []).append(float(seconds))
    refused = [
        pd.notna(who) and any(s <= t <= s + 5 for t in told.get(int(who), []))
        for s, who in zip(rows["seconds"], rows["source"], strict=True)
    ]
    yield from judge(view, rows, refused, "{bad} of data that was refused", "source", "taken")


@rule(
    "tunnel-flood",
    "Many requests for tunnels",
    severity="warning",
    source="general: tunnel flooding",
    confidence="secondary",
    merges=("attacks:A29",),
    unseen="RequestTunnel commands",
    advice="A restart, or somebody who takes all tunnels: see the status of the answers",
    **SHOWN,
)
def tunnel_flood(view: View, *, requests: int = 5, window: float = 60.0) -> Iterator[Evidence]:
    """More than five requests for a tunnel from one device within a minute."""
    rows = commands(view, CLUSTER, TO_SERVER, (REQUEST,))
    for source, part in rows.groupby("source", sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        most = int((np.searchsorted(seconds, seconds + window) - np.arange(len(seconds))).max())
        if most > requests:
            yield broken(view.label(source), f"{most} requests within {window:.0f} s", part["frame"])
        else:
            yield kept(
                view.label(source), f"{plural(len(part), 'request')}, at most {most} in {window:.0f} s"
            )


@rule(
    "tunnel-refused",
    "A tunnel was refused",
    severity="info",
    source="ZSE annex D.6; alert list 0x81BA",
    confidence="derived",
    merges=("rules:G28", "attacks:A29"),
    unseen="RequestTunnelResponse commands",
    advice="Status 1 busy, 2 no more tunnels, 3 protocol not supported, 4 flow control not supported",
    **SHOWN,
)
def tunnel_refused(view: View) -> Iterator[Evidence]:
    """The answer to a RequestTunnel has a status; anything but 0 refuses it, and the device logs that."""
    rows = commands(view, CLUSTER, TO_CLIENT, (REQUEST,))
    status = field_of(view, rows, "tunnel_status")
    yield from judge(
        view,
        rows,
        mask(pd.Series(status, index=rows.index).astype(float) > 0),
        "{bad} refusing a tunnel",
        "source",
        "granting a tunnel",
    )


@rule(
    "tunnel-busy-retry",
    "A busy tunnel is asked for again at the wrong time",
    severity="warning",
    source="GBCS v0.8 10.2.2.1",
    confidence="text",
    merges=("spec:R043", "disapplied:12"),
    unseen="a RequestTunnelResponse with status busy, and the next request",
    advice="The hub must wait three minutes",
    **SHOWN,
)
def tunnel_busy_retry(view: View, *, seconds: float = 180.0, tolerance: float = 30.0) -> Iterator[Evidence]:
    """After the answer "busy" the hub asks again three minutes later."""
    answers = commands(view, CLUSTER, TO_CLIENT, (REQUEST,))
    answers = answers[mask(field_of(view, answers, "tunnel_status") == 1)]
    asks = commands(view, CLUSTER, TO_SERVER, (REQUEST,))
    for row in answers.itertuples():
        later = asks[mask(asks["source"] == row.destination) & mask(asks["destination"] == row.source)]
        later = later[mask(later["seconds"] > row.seconds)]
        if later.empty:
            continue
        gap = float(later["seconds"].iloc[0] - row.seconds)
        subject = view.label(row.destination)
        if abs(gap - seconds) > tolerance:
            yield broken(subject, f"asked again after {gap:,.0f} s", [row.frame, int(later["frame"].iloc[0])])
        else:
            yield kept(subject, f"asked again after {gap:,.0f} s")


@rule(
    "tunnel-full-close",
    "Tunnels are not closed when there are no more",
    severity="warning",
    source="GBCS v0.8 10.2.2.1",
    confidence="text",
    merges=("spec:R044", "disapplied:13"),
    unseen="a RequestTunnelResponse with status no more tunnels, and what follows",
    advice="The hub must close all tunnels of that device before it asks again",
    **SHOWN,
)
def tunnel_full_close(view: View) -> Iterator[Evidence]:
    """After "no more tunnel identifiers" the hub closes every tunnel of that device and only then asks
    again."""
    answers = commands(view, CLUSTER, TO_CLIENT, (REQUEST,))
    answers = answers[mask(field_of(view, answers, "tunnel_status") == 2)]
    sent = commands(view, CLUSTER, TO_SERVER, (REQUEST, CLOSE))
    for row in answers.itertuples():
        later = sent[mask(sent["source"] == row.destination) & mask(sent["destination"] == row.source)]
        later = later[mask(later["seconds"] > row.seconds)]
        asked = later[mask(later["command"] == REQUEST)]
        if asked.empty:
            continue
        closed = mask(later["command"] == CLOSE) & mask(later["seconds"] < asked["seconds"].iloc[0])
        if closed.any():
            yield kept(view.label(row.destination), "closed tunnels before it asked again")
        else:
            yield broken(
                view.label(row.destination),
                "asked again without closing",
                [row.frame, int(asked["frame"].iloc[0])],
            )


@rule(
    "tunnel-renewal",
    "A tunnel was not renewed in time",
    severity="warning",
    source="GBCS v0.8 10.2.2.1",
    confidence="text",
    merges=("spec:R041", "spec:R042", "disapplied:11"),
    unseen="more than 65535 s after a RequestTunnelResponse",
    advice="The hub asks for a new tunnel at least every 65535 s",
    **SHOWN,
)
def tunnel_renewal(view: View, *, seconds: float = 65535.0, slack: float = 600.0) -> Iterator[Evidence]:
    """The hub renews each of its tunnels before 65535 s have passed since it was granted; a gas meter opens
    its own when it needs one."""
    answers = commands(view, CLUSTER, TO_CLIENT, (REQUEST,))
    answers = answers[~mask(answers["destination"].isin(list(view.with_role("GSME"))))]
    for (server, client), part in answers.groupby(["source", "destination"], sort=False):
        times = np.r_[part["seconds"].to_numpy(dtype=float), view.duration]
        gap = float(np.diff(times).max())
        if view.duration - times[0] < seconds + slack:
            continue
        subject = f"{view.label(client)} to {view.label(server)}"
        if gap > seconds + slack:
            yield broken(subject, f"{gap:,.0f} s without a new tunnel", part["frame"])
        else:
            yield kept(subject, f"renewed at least every {gap:,.0f} s")


def _gas(view: View) -> Frame:
    gas, rows = view.with_role("GSME"), _data(view)
    return rows[mask(rows["source"].isin(list(gas))) | mask(rows["destination"].isin(list(gas)))]


GAS_NEEDS: dict[str, Any] = {"needs": ("commands", "devices"), "cause": "tunnel", "smart_energy": True}
GAS_DATA = "readable TransferData commands of a gas meter (role GSME)"


@rule(
    "gas-tunnel-header",
    "Unknown first octet in the gas meter's tunnel",
    severity="error",
    source="GBCS v0.8.1 10.3 (page 109)",
    confidence="text",
    merges=("rules:G23", "spec:R053", "spec:R054", "disapplied:15"),
    unseen=GAS_DATA,
    advice="Look at the sender's software: 01 fetch, 02 answer, 03 deliver",
    **GAS_NEEDS,
)
def gas_tunnel_header(view: View) -> Iterator[Evidence]:
    """In the gas meter's tunnel the first octet says what it is: 01 the meter fetches, 02 the hub answers,
    03 the meter delivers."""
    rows = _gas(view)
    rows = rows[mask(rows["data"].str.len() >= 2)]
    gas = list(view.with_role("GSME"))
    first = rows["data"].str[:2]
    from_meter = mask(rows["source"].isin(gas))
    fits = (from_meter & mask(first.isin(["01", "03"]))) | (~from_meter & mask(first == "02"))
    yield from judge(view, rows, ~fits, "{bad} with another first octet", "source", "with 01, 02 or 03")


@rule(
    "gas-tunnel-unasked",
    "The hub pushes a message to the gas meter",
    severity="error",
    source="GBCS v0.8.1 10.3 (page 109)",
    confidence="text",
    merges=("rules:G25", "spec:R054"),
    unseen=GAS_DATA,
    advice="The hub may only answer a fetch",
    **GAS_NEEDS,
)
def gas_tunnel_unasked(view: View, *, seconds: float = 30.0) -> Iterator[Evidence]:
    """The gas meter sleeps: it fetches its messages, the hub never pushes. An answer 02 without a fetch 01
    just before is a push."""
    rows = _gas(view)
    first = rows["data"].str[:2]
    asked = rows.loc[mask(first == "01"), "seconds"].to_numpy(dtype=float)
    answers = rows[mask(first == "02")]
    if answers.empty:
        return
    times = answers["seconds"].to_numpy(dtype=float)
    at = np.searchsorted(asked, times, side="right") - 1
    gap = np.where(at >= 0, times - np.append(asked, np.nan)[at], np.inf)
    yield from judge(view, answers, gap > seconds, "{bad} without a fetch before", "source", "after a fetch")


@rule(
    "gas-tunnel-remaining",
    "The number of waiting messages does not fall",
    severity="warning",
    source="GBCS v0.8.1 10.3 (page 109)",
    confidence="text",
    merges=("rules:G24", "spec:R054"),
    unseen="two answers in one wake-up of a gas meter",
    advice="The meter may fetch for ever: see whether it stays awake",
    **GAS_NEEDS,
)
def gas_tunnel_remaining(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """Each answer says how many messages are left after it. Within one wake-up the number falls, or new
    mail came."""
    rows = _gas(view)
    rows = rows[mask(rows["data"].str[:2] == "02") & mask(rows["data"].str.len() >= 4)]
    left = pd.Series([int(d[2:4], 16) for d in rows["data"]], index=rows.index, dtype="float64")
    gap = rows["seconds"].diff()
    stuck = mask(gap < seconds) & mask(left.diff() >= 0) & mask(left > 0)
    runs = int(stuck.sum())
    if len(rows) > 1:
        yield from judge(
            view, rows, stuck if runs >= 3 else [False] * len(rows), "{bad} without a falling count", "source"
        )


@rule(
    "gas-tunnel-pending",
    "A waiting message is not fetched",
    severity="info",
    source="GBCS v0.8 10.2.2.2",
    confidence="text",
    merges=("spec:R052", "rules:G25"),
    unseen="a gas meter told of a waiting message (functional notification flag 21)",
    advice="See whether the meter reads its flags and opens its tunnel",
    needs=("attributes", "devices"),
    cause="tunnel",
    smart_energy=True,
)
def gas_tunnel_pending(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """Bit 21 of the functional notification flags says that a message waits; the meter fetches it while it
    is awake."""
    flags = view.tables["attributes"]
    flags = flags[
        mask(flags["cluster"] == 0x0702)
        & mask(flags["attribute_name"].astype(str).str.contains("FunctionalNotification", case=False))
    ]
    flags = flags[mask(flags["number"].notna())]
    told = flags[np.array([bool(int(n) >> 21 & 1) for n in flags["number"]], dtype=bool)]
    told = told[
        mask(told["seconds"] + seconds <= view.duration)
    ]  # what the capture's end cuts off is not judged
    rows = _gas(view)
    asked = rows.loc[mask(rows["data"].str[:2] == "01"), "seconds"].to_numpy(dtype=float)
    got = [bool(((asked >= s) & (asked <= s + seconds)).any()) for s in told["seconds"]]
    yield from judge(
        view, told, [not g for g in got], "{bad} telling of a message that was not fetched", "source"
    )
