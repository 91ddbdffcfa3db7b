"""Frame counters that go back, jump, or run out (NWK and APS layers)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import APS_COMMANDS
from analysis.features.judging import count, groups_of, judge, mask, spread
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.anomalies.secured_frames import JUMP, REORDER_SECONDS, SECURED, goes_on, secured_frames
from analysis.rules.expression import c, p
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets
from analysis.tables.lazy import joint_codes, numbers_of

rule = rules_of("anomaly", "counters")


def _two_sequences(rows: Frame, jump: int) -> set[int]:
    """Senders whose name two sequences of counters use: another rule's finding."""
    far = rows["below"].to_numpy(dtype=float) > jump
    suspects = set(rows[far]["who"].tolist())
    return {who for who in suspects if goes_on(rows.only(who=who), jump) is not None}


def _rekeyed(view: View, rows: Frame) -> Frame:
    """Whether a frame may count anew: its sender was given a key before it, and there is more than one
    network key."""
    keys = view.tables["keys"]
    out = np.zeros(len(rows), dtype=bool)
    if int(mask(keys["kind"] == "network").sum()) < 2:
        return out
    packets = view.longer.good
    given = packets.only(aps_command=APS_COMMANDS["Transport Key"])
    given = given[mask(given["target"].notna())]
    first = given["seconds"].groupby(given["target"].astype("UInt64")).min() if len(given) else {}
    start = rows["who"].map(dict(first)).astype("float64").to_numpy(na_value=np.inf)
    hub = view.hub_addresses()
    moved = float(given["seconds"].min()) if len(given) else np.inf
    start = np.where(rows["who"].isin(list(hub)).to_numpy(), moved, start)
    return out | (rows["seconds"].to_numpy(dtype=float) >= start)


def _went_back(view: View, layer: str, margin: int) -> Iterator[Evidence]:
    rows = secured_frames(view, layer)
    fresh = rows[~(mask(rows["same"]) & rows["age"].notna().to_numpy())]
    low = (fresh["below"].to_numpy(dtype=float) >= margin) & (
        fresh["since"].to_numpy(dtype=float) > REORDER_SECONDS
    )
    low &= ~_rekeyed(view, fresh)
    two = _two_sequences(fresh, JUMP) if layer == "NWK" else set()
    low &= ~fresh["who"].isin(list(two)).to_numpy()

    def says(bad: Frame, _: Frame) -> str:
        first = bad.iloc[0]
        top = int(first["counter"]) + int(first["below"])
        return f"{layer} counter went back from {top:,} to {int(first['counter']):,}, {count(bad)} below"

    several = fresh.sizes("who") > 1
    yield from judge(view, fresh[several], low[several], says, station="who", good="with rising counters")


@rule(
    "nwk-counter-back",
    "A frame counter went back",
    severity="error",
    source="ZigBee PRO 05-3474 4.3.1",
    confidence="secondary",
    merges=("rules:Z11", "attacks:A18"),
    cause="counter reset",
    unseen=SECURED,
    advice=(
        "Ask whether the device restarted or was replaced; others refuse its frames until its counter"
        " has caught up"
    ),
)
def nwk_counter_back(view: View, *, margin: int = 1) -> Iterator[Evidence]:
    """The NWK frame counter of a sender only rises under one key. A lower one, long after the counter had
    passed that value, means a restart without stored counter, a second device under the same address, or a
    forgery."""
    yield from _went_back(view, "NWK", margin)


@rule(
    "aps-counter-back",
    "An APS frame counter went back",
    severity="warning",
    source="ZigBee PRO 05-3474 4.4.1",
    confidence="recalled",
    merges=("rules:Z12",),
    cause="counter reset",
    unseen="APS frames under a link key, at least two from one sender",
    advice="Ask whether the device restarted or was replaced",
)
def aps_counter_back(view: View, *, margin: int = 1) -> Iterator[Evidence]:
    """The APS frame counter of a sender under one link key only rises, as the NWK counter does. A lower one
    means a restart without stored counters, a second device with the same name, or a forgery."""
    yield from _went_back(view, "APS", margin)


@rule(
    "counter-near-exhaustion",
    "A frame counter is near its end",
    severity="warning",
    source="ZigBee PRO 05-3474 4.3.1.2",
    confidence="recalled",
    merges=("rules:Z13",),
    needs=(packets.where(c.nwk_counter >= p.limit),),
    cause="counter reset",
    unseen=SECURED,
    advice="Change the network key before the counter reaches 0xFFFFFFFF, where the device must fall silent",
)
def counter_near_exhaustion(view: View, *, limit: int = 0x80000000) -> Iterator[Evidence]:
    """A device must stop when its 32-bit counter is used up. More than half used is either years of
    traffic, or somebody who pushed the counter up."""
    rows = secured_frames(view, "NWK")
    high = mask(rows["counter"] >= limit)
    yield from judge(
        view, rows, high, f"{{bad}} with a counter of {limit:#x} or more", "who", "with low counters"
    )


@rule(
    "counter-jump",
    "A frame counter jumped",
    severity="error",
    source="Xiao (2006); Ghost-in-ZigBee (Cao 2016); ZigBee PRO 05-3474 4.3.1.2",
    confidence="secondary",
    merges=("rules:Z13", "attacks:A18"),
    cause="imitation",
    unseen=SECURED,
    advice="A forged high counter makes receivers refuse the true device: restart its link or renew the key",
)
def counter_jump(view: View, *, jump: int = 1 << 20, rate: float = 1000.0) -> Iterator[Evidence]:
    """A counter counts frames: it cannot rise by a million in minutes. A jump means a forged frame (which
    locks the true device out), or a store-ahead after a restart with an unusual step."""
    rows = secured_frames(view, "NWK")
    first_use = rows[rows["age"].isna().to_numpy()]
    parts = [first_use.codes(name) for name in ("who", "pan", "nwk_key_seq")]
    order, starts = groups_of(joint_codes([p for p, _ in parts], [len(keys) for _, keys in parts]))
    counter = numbers_of(first_use["counter"])[0].astype(float)[order]
    seconds = first_use["seconds"].to_numpy(dtype=float)[order]
    step, gap = np.diff(counter, prepend=0.0), np.diff(seconds, prepend=0.0)
    far = ~starts & (step > jump) & (step > rate * np.maximum(gap, 1.0))
    jumped = np.zeros(len(far), dtype=bool)
    jumped[order] = far

    def says(bad: Frame, _: Frame) -> str:
        return f"counter jumped to {int(bad['counter'].iloc[0]):,}, more than its frames can explain"

    several = first_use.sizes("who") > 1
    yield from judge(view, first_use[several], jumped[several], says, station="who", good="counting in step")


@rule(
    "counter-lockout",
    "Low counters go on after a high one: the device may be locked out",
    severity="error",
    source="Xiao (2006); Ghost-in-ZigBee (Cao 2016)",
    confidence="secondary",
    merges=("attacks:A18",),
    cause="imitation",
    unseen=SECURED,
    advice="See whether the receivers still answer the device; renew the key if they do not",
)
def counter_lockout(view: View, *, jump: int = JUMP, least: int = 3) -> Iterator[Evidence]:
    """One frame with a far higher counter, then the old sequence goes on: two transmitters share a name,
    and receivers that accepted the high one refuse all that the true device sends."""
    rows = secured_frames(view, "NWK")
    far = rows["below"].to_numpy(dtype=float) > jump
    sizes = rows.groupby("who", sort=False).size() if len(rows) else {}
    suspects = set(rows["who"][far].tolist())
    for who, size in dict(sizes).items():
        if size < least:
            continue
        subject = Subject.device(who)
        found = goes_on(rows[mask(rows["who"] == who)], jump) if who in suspects else None
        if found is None:
            yield kept(subject, f"{size:,} frames, no second sequence far above the first")
            continue
        forged, later = found
        top = int(forged["counter"].iloc[0])
        text = f"{count(forged)} count from {top:,} ({spread(forged)}), then the old sequence goes on"
        yield broken(subject, text, [*view.frames_of(forged), *view.frames_of(later)])
