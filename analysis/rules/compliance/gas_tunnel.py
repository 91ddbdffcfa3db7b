"""The gas meter's tunnel: it fetches its messages, the hub never pushes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.completeness import completeness
from analysis.features.identifiers import attribute_called, enumeration
from analysis.features.judging import judge, mask
from analysis.features.names import missing
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence
from analysis.rules.compliance.han_commands import METERING
from analysis.rules.compliance.tunnel_data import transfers
from analysis.rules.named_rows import Attribute, ClusterCommands
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gas tunnel")

FLAGS = attribute_called(METERING, "FunctionalNotificationFlags")
MESSAGE_PENDING = enumeration("FunctionalNotificationFlags")["TunnelMessagePending"]
GAS_NEEDS: dict[str, Any] = {
    "needs": (ClusterCommands("Tunneling"), "devices"),
    "cause": "tunnel",
    "smart_energy": True,
}
GAS_DATA = "readable TransferData commands of a gas meter (role GSME)"


def _gas(view: View) -> Frame:
    gas, rows = view.with_role("GSME"), transfers(view)
    return rows[mask(rows["source"].isin(list(gas))) | mask(rows["destination"].isin(list(gas)))]


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
    absent=1,
    unseen=GAS_DATA,
    advice="The hub may only answer a fetch",
    **GAS_NEEDS,
)
def gas_tunnel_unasked(view: View, *, seconds: float = 30.0) -> Iterator[Evidence]:
    """The gas meter sleeps: it fetches its messages, the hub never pushes. An answer 02 without a fetch 01
    just before is a push, where the numbers of the meter's frames have no gap there: else the sniffer did not hear
    the fetch."""
    rows = _gas(view)
    first = rows["data"].str[:2]
    asked = rows.loc[mask(first == "01"), "seconds"].to_numpy(dtype=float)
    answers = rows[mask(first == "02")]
    if answers.empty:
        return
    times = answers["seconds"].to_numpy(dtype=float)
    at = np.searchsorted(asked, times, side="right") - 1
    unasked = np.where(at >= 0, times - np.append(asked, np.nan)[at], np.inf) > seconds
    air, meters = completeness(view), answers["destination"].tolist()
    for place in np.flatnonzero(unasked):
        meter = None if missing(meters[place]) else int(meters[place])
        unasked[place] = not air.unheard(meter, times[place] - seconds, times[place])
    yield from judge(view, answers, unasked, "{bad} without a fetch before", "source", "after a fetch")


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
def gas_tunnel_remaining(
    view: View, *, seconds: float = 60.0, times: int = 3, share: float = 0.5
) -> Iterator[Evidence]:
    """Each answer says how many messages are left after it. Within one wake-up the number falls; that it does not,
    because new mail came, is an exception, and no fault where the last answer says that nothing is left. Each meter
    has a number of its own."""
    rows = _gas(view)
    rows = rows[mask(rows["data"].str[:2] == "02") & mask(rows["data"].str.len() >= 4)]
    rows = rows.sort_values("destination", kind="stable")
    left = pd.Series([int(d[2:4], 16) for d in rows["data"]], index=rows.index, dtype="float64")
    gap = rows["seconds"].diff().mask(rows["destination"].ne(rows["destination"].shift()))
    stuck = mask(gap < seconds) & mask(left.diff() >= 0) & mask(left > 0)
    wake = np.cumsum(~mask(gap < seconds))  # which wake-up each answer belongs to
    hits, answers = np.bincount(wake, stuck)[wake], np.bincount(wake)[wake]
    rest = left.groupby(wake).transform("last").to_numpy()
    if len(rows) > 1:
        yield from judge(
            view,
            rows,
            stuck & (hits >= times) & (hits > share * answers) & (rest > 0),
            "{bad} without a falling count",
            "source",
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
    needs=(Attribute("Metering"), "devices"),
    cause="tunnel",
    smart_energy=True,
)
def gas_tunnel_pending(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """Bit 21 of the functional notification flags says that a message waits; the meter fetches it while it
    is awake."""
    flags = view.tables["attributes"]
    flags = flags.only(cluster=METERING)
    flags = flags[mask(flags["attribute_name"] == FLAGS)]
    flags = flags[mask(flags["number"].notna())]
    told = flags[np.array([bool(int(n) & MESSAGE_PENDING) for n in flags["number"]], dtype=bool)]
    told = told[
        mask(told["seconds"] + seconds <= view.duration)
    ]  # what the capture's end cuts off is not judged
    rows = _gas(view)
    asked = rows.loc[mask(rows["data"].str[:2] == "01"), "seconds"].to_numpy(dtype=float)
    got = [bool(((asked >= s) & (asked <= s + seconds)).any()) for s in told["seconds"]]
    yield from judge(
        view, told, [not g for g in got], "{bad} telling of a message that was not fetched", "source"
    )
