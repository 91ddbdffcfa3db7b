"""Interference and jamming: damaged frames, and whose damage is no chance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count, longest_run, mask, plural, share_by_window
from analysis.view import Frame, View


@rule(
    "bad-fcs-share",
    "Many damaged frames",
    severity="warning",
    source="KillerBee zbjammer; Lopez-Vilos (2021)",
    confidence="secondary",
    merges=("attacks:A10",),
    cause="interference",
    unseen="frames with a frame check sequence or the sniffer's verdict on it",
    advice="Measure the channel: Wi-Fi, a jammer, or simply a sniffer at the edge of the network",
)
def bad_fcs_share(
    view: View, *, share: float = 0.2, window: float = 60.0, least: int = 30
) -> Iterator[Evidence]:
    """Frames with a wrong check sequence were damaged on the air. A few are normal at the edge of
    reception; a fifth of all within a minute means interference, or a sniffer in a bad place. When the
    share rises against the rest of the capture while the good frames are as strong as before, suspect a
    jammer."""
    packets = view.packets
    rows = packets[mask(packets["fcs_ok"].notna())]
    if len(rows) < least:
        return
    bad = mask(rows["fcs_ok"] == False)  # noqa: E712
    if bad.mean() > 0.95:
        text = (
            f"{bad.sum():,} of {count(rows)} have a wrong check sequence: perhaps their last octets are none"
        )
        yield broken("channel", text, rows["frame"][bad], "info")
        return
    table = share_by_window(rows, bad, window)
    table = table[table["all"] >= least]
    high = table[table["share"] > share]
    total = float(bad.mean())
    if high.empty:
        yield kept("channel", f"{total:.1%} of {count(rows)} damaged, no minute above {share:.0%}")
        return
    rest = table[table["share"] <= share]["share"]
    usual = float(rest.median()) if len(rest) else total
    inside = np.isin(np.floor_divide(rows["seconds"].to_numpy(dtype=float), window) * window, high["start"])
    text = (
        f"{high['bad'].sum():,} of {high['all'].sum():,} frames damaged in {plural(len(high), 'minute')} "
        f"(at most {high['share'].max():.0%}; otherwise {usual:.1%})"
    )
    severity = "error" if usual < share / 4 and len(rest) >= 3 else None
    yield broken("channel", text, rows["frame"][bad & inside], severity)


@rule(
    "ack-after-damaged-frame",
    "A damaged frame was acknowledged",
    severity="error",
    source="atusb-attacks 03, 04",
    confidence="secondary",
    merges=("attacks:A12",),
    cause="interference",
    unseen="damaged frames followed by acknowledgements",
    advice=(
        "Somebody jams frames and acknowledges them in the receiver's name: look for repeats by the APS layer"
    ),
)
def ack_after_damaged_frame(
    view: View, *, seconds: float = 0.005, least: int = 5, share: float = 0.5
) -> Iterator[Evidence]:
    """A receiver never acknowledges a frame that arrived damaged. When frames that the sniffer finds
    damaged are acknowledged again and again, either the sniffer hears worse than the receiver, or an
    attacker jams the frame and forges the acknowledgement. Judged only where most damaged frames of one
    length are acknowledged while the good frames of the capture come in well."""
    packets = view.packets
    bad = mask(packets["fcs_ok"] == False) & mask(packets["mac_ack_request"] == True)  # noqa: E712
    if bad.sum() < least:
        return
    answered = (
        bad
        & mask((packets["mac_type"] == "ack").shift(-1, fill_value=False))
        & mask(packets["mac_seq"].shift(-1) == packets["mac_seq"])
        & mask(packets["fcs_ok"].shift(-1) == True)  # noqa: E712
        & mask(packets["seconds"].shift(-1) - packets["seconds"] < seconds)
    )
    overall = float(mask(packets["fcs_ok"] == False).mean())  # noqa: E712
    for length, part in packets[bad].groupby("length", sort=False):
        hits = part[answered[part.index]]
        if len(part) < least:
            continue
        subject = f"frames of {length} octets"
        good = int((mask(packets["length"] == length) & mask(packets["fcs_ok"])).sum())
        if len(hits) >= max(least, share * len(part)) and overall < 0.1:
            text = f"{len(hits)} of {len(part)} damaged ones were acknowledged"
            yield broken(subject, text, hits["frame"], None if good else "info")
        else:
            yield kept(subject, f"{len(hits)} of {len(part)} damaged ones were acknowledged")


@rule(
    "jamming-by-length",
    "Frames of one length are damaged, others are not",
    severity="error",
    source="atusb-attacks 00-26 (frame-length triggered)",
    confidence="secondary",
    merges=("attacks:A11",),
    cause="interference",
    unseen="damaged and good frames",
    advice="Selective jamming waits for frames of a certain length: look for a transmitter nearby",
)
def jamming_by_length(
    view: View, *, least: int = 6, share: float = 0.6, others: float = 0.05, run: int = 4
) -> Iterator[Evidence]:
    """Interference damages long frames more often than short ones, but not one length alone. When most
    frames of one length are damaged, several in a row, while frames at least as long come through, somebody
    chooses them."""
    packets = view.packets
    rows = packets[mask(packets["fcs_ok"].notna())]
    if rows.empty or mask(rows["fcs_ok"]).all():
        if len(rows):
            yield kept("channel", f"no damaged frame among {count(rows)}")
        return
    bad = ~mask(rows["fcs_ok"])
    table = pd.DataFrame({"length": rows["length"].astype("int64"), "bad": bad}).groupby("length")["bad"]
    stats = table.agg(["sum", "size"])
    found = False
    for length, (hits, total) in zip(stats.index, stats.to_numpy(), strict=True):
        rest = stats[stats.index > length] if (stats.index > length).any() else stats[stats.index != length]
        rest_share = rest["sum"].sum() / max(rest["size"].sum(), 1)
        here = rows[mask(rows["length"] == length)]
        if hits < least or hits < share * total or rest_share > others or rest["size"].sum() < least:
            continue
        streak = longest_run(~mask(here["fcs_ok"]))
        if streak >= run:
            found = True
            text = f"{hits} of {total} damaged, {streak} in a row; of longer frames {rest_share:.1%}"
            severity = _habit(here, view.span) if hits == total else None
            yield broken(f"frames of {length} octets", text, here["frame"][~mask(here["fcs_ok"])], severity)
    if not found:
        yield kept("channel", f"damage is spread over lengths ({bad.sum():,} of {count(rows)})")


def _habit(rows: Frame, duration: float) -> str:
    """How grave it is that no frame of a length comes in well: over the whole capture it is the sniffer's
    habit; in a short part of it, a jammer that never missed one."""
    seconds = rows["seconds"].to_numpy(dtype=float)
    return "warning" if seconds[-1] - seconds[0] < 0.2 * duration else "info"
