"""Interference and jamming: damaged frames, and whose damage is no chance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.features.judging import count, key_of, longest_run, mask, plural, share_by_window
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import CHANNEL, Subject
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import all_packets

rule = rules_of("anomaly", "interference")
ACKNOWLEDGEMENT = 5  # octets, with check sequence: it has no addresses


def noise(rows: Frame) -> npt.NDArray[np.bool_]:
    """Which damaged frames are of no PAN that is heard in good ones: what a radio makes of Wi-Fi, or of far networks.
    Where a frame of a station was damaged, its PAN can mostly still be read."""
    bad = mask(rows["fcs_ok"] == False)  # noqa: E712
    if not bad.any() or bad.all():
        return np.zeros(len(rows), np.bool_)
    known = rows["pan"][~bad].dropna().unique()
    return np.asarray(
        bad & ~mask(rows["pan"].isin(known)) & (rows["length"].to_numpy(dtype=np.int64) > ACKNOWLEDGEMENT)
    )


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
    view: View,
    *,
    share: float = 0.2,
    window: float = 60.0,
    least: int = 30,
    all_bad: float = 0.95,
    minutes: int = 3,
) -> Iterator[Evidence]:
    """Frames with a wrong check sequence were damaged on the air. A few are normal at the edge of
    reception; a fifth of all within a minute means interference, or a sniffer in a bad place. When the
    share rises against the rest of the capture while the good frames are as strong as before, suspect a
    jammer."""
    packets = view.packets
    rows = packets[mask(packets["fcs_ok"].notna())]
    if len(rows) < least:
        return
    foreign = noise(rows)
    if 0 < foreign.sum() < 0.95 * len(rows):
        rows = rows[~foreign]
    bad = mask(rows["fcs_ok"] == False)  # noqa: E712
    if bad.mean() > all_bad:
        text = (
            f"{bad.sum():,} of {count(rows)} have a wrong check sequence: perhaps their last octets are none"
        )
        yield broken(CHANNEL, text, rows["frame"][bad], "info")
        return
    table = share_by_window(rows, bad, window)
    table = table[table["all"] >= least]
    high = table[table["share"] > share]
    total = float(bad.mean())
    if high.empty:
        yield kept(CHANNEL, f"{total:.1%} of {count(rows)} damaged, no minute above {share:.0%}")
        return
    rest = table[table["share"] <= share]["share"]
    usual = float(rest.median()) if len(rest) else total
    inside = np.isin(np.floor(rows["seconds"].to_numpy(dtype=float) / window) * window, high["start"])
    text = (
        f"{high['bad'].sum():,} of {high['all'].sum():,} frames damaged in {plural(len(high), 'minute')} "
        f"(at most {high['share'].max():.0%}; otherwise {usual:.1%})"
    )
    severity = "error" if usual < share / 4 and len(rest) >= minutes else None
    yield broken(CHANNEL, text, rows["frame"][bad & inside], severity)


@rule(
    "jamming-by-length",
    "Frames of one length are damaged, others are not",
    severity="error",
    source="atusb-attacks 00-26 (frame-length triggered)",
    confidence="secondary",
    merges=("attacks:A11",),
    needs=(all_packets.where(c.fcs_ok == False),),  # noqa: E712
    cause="interference",
    unseen="damaged and good frames",
    advice="Selective jamming waits for frames of a certain length: look for a transmitter nearby",
)
def jamming_by_length(
    view: View,
    *,
    least: int = 6,
    burst: int = 5,
    within: float = 600.0,
    share: float = 0.6,
    others: float = 0.05,
    run: int = 4,
    around: float = 30.0,
) -> Iterator[Evidence]:
    """Interference damages long frames more often than short ones, but not one length alone. When most
    frames of one length are damaged for a while, several in a row, and longer frames come through meanwhile,
    somebody chooses them. Within minutes fewer are enough."""
    packets = view.packets
    rows = packets[mask(packets["fcs_ok"].notna())]
    rows = rows[~noise(rows)]
    if rows.empty or mask(rows["fcs_ok"]).all():
        if len(rows):
            yield kept(CHANNEL, f"no damaged frame among {count(rows)}")
        return
    bad = ~mask(rows["fcs_ok"])
    lengths = rows["length"].to_numpy(dtype="int64")
    times = rows["seconds"].to_numpy(dtype=float)
    found = False
    for length in np.unique(lengths[bad]):
        here = np.flatnonzero(lengths == length)
        first, last = here[bad[here]][[0, -1]]
        during = (times >= times[first]) & (times <= times[last])
        mine, longer = during & (lengths == length), during & (lengths > length)
        longer = longer if longer.sum() >= least else during & (lengths != length)
        if longer.sum() < least and not bad[longer].any():
            # A jammer that strikes once leaves little time for others: those just before and behind count.
            longer = (times >= times[first] - around) & (times <= times[last] + around) & (lengths > length)
        hits, total = int(bad[mine].sum()), int(mine.sum())
        enough = burst if times[last] - times[first] <= within else least
        if hits < enough or hits < share * total or longer.sum() < least or bad[longer].mean() > others:
            continue
        streak = longest_run(bad[mine])
        if streak >= run:
            found = True
            text = f"{hits} of {total} damaged, {streak} in a row; of longer frames {bad[longer].mean():.1%}"
            severity = _habit(rows[mine], view.span, whole=hits == len(here))
            yield broken(
                Subject.channel(f"frames of {length} octets"), text, rows["frame"][mine & bad], severity
            )
    if not found:
        yield kept(CHANNEL, f"damage is spread over lengths ({bad.sum():,} of {count(rows)})")


def _habit(rows: Frame, duration: float, *, whole: bool) -> str | None:
    """How grave it is that frames of a length come in badly: over the whole capture it is the sniffer's
    habit; where all of them are damaged but for a short time, perhaps a jammer that never missed one."""
    seconds = rows["seconds"].to_numpy(dtype=float)
    lasts = seconds[-1] - seconds[0]
    if lasts > 0.8 * duration or (whole and lasts >= 0.2 * duration):
        return "info"
    return "warning" if whole else None


@rule(
    "jamming-of-device",
    "The frames of one device are damaged, those of others are not",
    severity="warning",
    source="atusb-attacks (address triggered); Wright (2009)",
    confidence="derived",
    merges=("attacks:A11",),
    cause="interference",
    unseen="damaged frames whose sender can still be read, and good frames of others meanwhile",
    advice="A link at its edge fades slowly; a jammer begins at once: compare the signal strength before",
)
def jamming_of_device(
    view: View, *, least: int = 8, share: float = 0.7, others: float = 0.1, run: int = 6
) -> Iterator[Evidence]:
    """The addresses of a damaged frame can mostly still be read. When nearly all that one device sends is
    damaged for a while, and next to nothing of the others, either its link broke down or somebody waits for
    its frames."""
    packets = view.packets
    rows = packets[mask(packets["fcs_ok"].notna()) & mask(packets["mac_src"].notna())]
    if rows.empty:
        return
    bad = ~mask(rows["fcs_ok"])
    if not bad.any():
        return
    times = rows["seconds"].to_numpy(dtype=float)
    who = key_of(rows, "pan", "mac_src")
    for station in np.unique(who[bad]):
        own = who == station
        at = np.flatnonzero(own & bad)
        if (own & ~bad).sum() < least:
            continue  # an address that is hardly ever read well is a damaged one itself
        during = (times >= times[at[0]]) & (times <= times[at[-1]])
        mine, rest = own & during, during & ~own
        hits, total = int(bad[mine].sum()), int(mine.sum())
        subject = Subject.device(rows["sender"].iloc[at[0]])
        alone = rest.sum() >= least and bad[rest].mean() <= others
        if hits >= least and hits >= share * total and alone and longest_run(bad[mine]) >= run:
            text = f"{hits} of {total} frames damaged, of all others meanwhile {bad[rest].mean():.1%}"
            yield broken(subject, text, rows["frame"][mine & bad])
        elif hits >= least:
            yield kept(subject, f"{hits} of {plural(total, 'frame')} damaged, as others are")
