"""The radio: damaged frames, missing acknowledgements, retries, jamming, signal strength."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count, judge, mask, plural, share_by_window, spread
from analysis.repeats import repeats
from analysis.view import Frame, View

ACKED = "frames that ask for an acknowledgement, and acknowledgements"


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
    "missing-acknowledgements",
    "Frames stay unacknowledged",
    severity="warning",
    source="IEEE 802.15.4 6.7.4; KillerBee zbjammer",
    confidence="secondary",
    merges=("attacks:A10",),
    cause="weak link",
    unseen=ACKED,
    advice=(
        "Retries with no acknowledgement: the receiver does not hear the sender, or the sniffer not "
        "the receiver"
    ),
)
def missing_acknowledgements(view: View, *, share: float = 0.3, least: int = 20) -> Iterator[Evidence]:
    """A frame that asks for an acknowledgement and gets none is sent again, up to three times. Counted are
    frames that were retried and in the end not acknowledged; without a retry the sniffer simply did not
    hear the acknowledgement."""
    rows = repeats(view)
    rows = rows[~rows["heard"]]
    if rows.empty or not rows["acked"].any():
        return
    retried = rows.groupby([rows["sender"].astype("UInt64"), rows["receiver"].astype("UInt64")], sort=False)
    for (sender, receiver), part in retried:
        if len(part) < least:
            continue
        lost = part[part["retry"] & ~part["acked"]]
        subject = f"{view.label(sender)} to {view.label(receiver)}"
        if len(lost) > share * len(part):
            text = f"{len(lost)} of {count(part)} are retries without an acknowledgement"
            yield broken(subject, text, lost["frame"])
        else:
            yield kept(subject, f"{part['acked'].mean():.0%} of {count(part)} acknowledged")


@rule(
    "retries",
    "Many retries on a link",
    severity="info",
    source="IEEE 802.15.4 6.7.4.3",
    confidence="secondary",
    merges=("rules:N21",),
    cause="weak link",
    unseen=ACKED,
    advice="Look at the signal strength of both ends; a router between them may help",
)
def retries(view: View, *, share: float = 0.15, least: int = 30) -> Iterator[Evidence]:
    """The share of transmissions that are repeats of the frame before. Up to a few percent is normal."""
    rows = repeats(view)
    rows = rows[~rows["heard"]]
    for sender, part in rows.groupby(rows["sender"].astype("UInt64"), sort=False):
        if len(part) < least:
            continue
        again = part[part["retry"]]
        if len(again) > share * len(part):
            text = f"{len(again)} of {len(part):,} transmissions are retries ({len(again) / len(part):.0%})"
            yield broken(view.label(sender), text, again["frame"])
        else:
            yield kept(
                view.label(sender), f"{len(again) / len(part):.1%} of {len(part):,} transmissions are retries"
            )


@rule(
    "retry-copies",
    "More copies of a frame than the MAC allows",
    severity="warning",
    source="IEEE 802.15.4 macMaxFrameRetries; ZigBee PRO defaults",
    confidence="recalled",
    merges=("rules:N21", "attacks:A41"),
    cause="interference",
    unseen="frames that ask for an acknowledgement",
    advice="A stuck transmitter, or somebody who injects copies: compare the signal strength of the copies",
)
def retry_copies(view: View, *, copies: int = 8) -> Iterator[Evidence]:
    """The MAC sends a frame at most four times (some stacks let the NWK layer start over once). More copies
    in a row are a fault or an injection."""
    rows = repeats(view)
    rows = rows[~rows["heard"] & (mask(rows["nwk_type"].notna()) | mask(rows["mac_type"] == "command"))]
    many = mask(rows["copies"] > copies)
    text = f"{{bad}} beyond the {copies}th copy"
    yield from judge(view, rows, many, text, good=f"sent at most {copies} times")


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
        streak = _longest_run(~mask(here["fcs_ok"]))
        if streak >= run:
            found = True
            text = f"{hits} of {total} damaged, {streak} in a row; of longer frames {rest_share:.1%}"
            severity = _habit(here, view.duration) if hits == total else None
            yield broken(f"frames of {length} octets", text, here["frame"][~mask(here["fcs_ok"])], severity)
    if not found:
        yield kept("channel", f"damage is spread over lengths ({bad.sum():,} of {count(rows)})")


def _habit(rows: Frame, duration: float) -> str:
    """How grave it is that no frame of a length comes in well: over the whole capture it is the sniffer's
    habit; in a short part of it, a jammer that never missed one."""
    seconds = rows["seconds"].to_numpy(dtype=float)
    return "warning" if seconds[-1] - seconds[0] < 0.2 * duration else "info"


def _longest_run(flags: Frame) -> int:
    best = now = 0
    for flag in flags:
        now = now + 1 if flag else 0
        best = max(best, now)
    return best


@rule(
    "pending-without-data",
    "A sleeping device is told to wait for data that never comes",
    severity="error",
    source="atusb-attacks 02, 10",
    confidence="secondary",
    merges=("attacks:A13",),
    cause="battery drain",
    unseen="polls (MAC data requests) and their acknowledgements",
    advice="Forged acknowledgements keep the receiver of a battery device on: compare their signal strength",
)
def pending_without_data(
    view: View, *, seconds: float = 0.1, times: int = 4, share: float = 0.3
) -> Iterator[Evidence]:
    """The acknowledgement of a poll says whether data is waiting. "Waiting" and then nothing, again and
    again, keeps a sleeping device awake or lets it miss its data."""
    packets = view.good.sort_values("seconds")
    polls = packets[mask(packets["mac_command"] == 0x04)]
    acks = packets[mask(packets["mac_type"] == "ack") & mask(packets["mac_pending"] == True)]  # noqa: E712
    data = packets[
        mask(packets["mac_type"].isin(["data", "command"])) & ~mask(packets["mac_command"] == 0x04)
    ]
    if polls.empty or acks.empty:
        return
    promised = _followed(polls, acks, 0.02, same="mac_seq")
    empty = promised & ~_delivered(polls, data, seconds) & ~_acked_unheard(packets, polls, seconds)
    for child, part in polls.groupby(polls["sender"].astype("UInt64"), sort=False):
        place = polls.index.get_indexer(part.index)
        told, nothing = part[promised[place]], part[empty[place]]
        in_a_row = _longest_run(empty[place][promised[place]])
        subject = view.label(child)
        if in_a_row >= times and len(nothing) - in_a_row <= share * (len(told) - in_a_row):
            text = f"{len(nothing)} of {len(told)} promises of data were not kept, {in_a_row} in a row"
            yield broken(subject, text, nothing["frame"])
        elif len(nothing) >= times and len(nothing) > 0.5 * len(told):
            text = f"{len(nothing)} of {len(told)} promises of data were not kept, from the beginning"
            yield broken(subject, text, nothing["frame"], "info")  # a habit of the parent, or not heard
        elif len(told):
            yield kept(subject, f"{len(told) - len(nothing)} of {len(told)} promises of data were kept")


def _followed(rows: Frame, answers: Frame, seconds: float, same: str) -> Frame:
    times, values = (
        answers["seconds"].to_numpy(dtype=float),
        answers[same].to_numpy(dtype=np.int64, na_value=-1),
    )
    at = np.searchsorted(times, rows["seconds"].to_numpy(dtype=float), side="right")
    inside = at < len(times)
    at = np.minimum(at, len(times) - 1)
    gap = times[at] - rows["seconds"].to_numpy(dtype=float)
    return inside & (gap <= seconds) & (values[at] == rows[same].to_numpy(dtype=np.int64, na_value=-2))


def _acked_unheard(packets: Frame, polls: Frame, seconds: float) -> Frame:
    """Whether an acknowledgement followed for a frame that the sniffer did not hear: the data may have
    come."""
    acks = packets[mask(packets["mac_type"] == "ack")]
    sent = packets[~mask(packets["mac_type"] == "ack") & mask(packets["mac_seq"].notna())]
    times, numbers = sent["seconds"].to_numpy(dtype=float), sent["mac_seq"].to_numpy(dtype=np.int64)
    when, number = (
        acks["seconds"].to_numpy(dtype=float),
        acks["mac_seq"].to_numpy(dtype=np.int64, na_value=-1),
    )
    known = np.zeros(len(when), dtype=bool)
    last = np.searchsorted(times, when) - 1
    for step in range(4):
        at = np.maximum(last - step, 0)
        known |= (
            (last - step >= 0) & (when - times[at] < 0.02) & (numbers[at] == number) if len(times) else False
        )
    lone = when[~known]
    at = np.searchsorted(lone, polls["seconds"].to_numpy(dtype=float), side="right")
    near: Frame = np.append(lone, np.inf)[at] - polls["seconds"].to_numpy(dtype=float)
    return near <= seconds


def _delivered(polls: Frame, data: Frame, seconds: float) -> Frame:
    """Whether a frame to the poll's sender came within `seconds`."""
    out = np.zeros(len(polls), dtype=bool)
    times = polls["seconds"].to_numpy(dtype=float)
    who = polls["sender"].to_numpy(dtype="uint64", na_value=0)
    for station in np.unique(who):
        mine = data[mask(data["receiver"] == station)]["seconds"].to_numpy(dtype=float)
        here = who == station
        at = np.searchsorted(mine, times[here])
        near = np.append(mine, np.inf)[at] - times[here]
        out[here] = near <= seconds
    return out


@rule(
    "junk-frames",
    "Long frames that fail their integrity check go to a sleeping device",
    severity="error",
    source="atusb-attacks 12, 13; Akestoridis (WiSec 2020); Cao, Ghost-in-ZigBee (2016)",
    confidence="secondary",
    merges=("attacks:A16", "attacks:A17"),
    cause="battery drain",
    unseen="secured frames that a held key opens",
    advice="Each costs the receiver energy: find the sender by signal strength",
)
def junk_frames(view: View, *, per_hour: int = 3, length: int = 100) -> Iterator[Evidence]:
    """Frames in the name of a known device whose integrity code is wrong although its other frames verify,
    with good check sequences: bogus frames that make the receiver decipher in vain. Long ones to a battery
    device, several an hour, or any twenty a minute to one address."""
    packets = view.good
    rows = packets[mask(packets["nwk_security"].isin(["ok", "bad_mic"]))]
    verified = set(rows.loc[mask(rows["nwk_security"] == "ok"), "sender"].dropna().tolist())
    junk = rows[mask(rows["nwk_security"] == "bad_mic") & mask(rows["sender"].isin(list(verified)))]
    junk = junk[mask(junk["fcs_ok"] == True)]  # noqa: E712
    for receiver, part in rows.groupby(rows["receiver"].astype("UInt64"), sort=False):
        mine = junk.loc[junk.index.intersection(part.index)]
        subject = view.label(receiver)
        minute = _most_within(mine["seconds"], 60.0)
        hour = _most_within(mine.loc[mask(mine["length"] >= length), "seconds"], 3600.0)
        if minute > 20 or hour > per_hour:
            most = f"up to {minute} a minute, {hour} long ones an hour"
            text = f"{count(mine)} fail their check, {most} ({spread(mine)})"
            yield broken(subject, text, mine["frame"])
        else:
            yield kept(subject, f"{len(mine)} of {count(part)} to it fail their check")


def _most_within(seconds: Frame, window: float) -> int:
    times = seconds.to_numpy(dtype=float)
    if not len(times):
        return 0
    return int((np.searchsorted(times, times + window) - np.arange(len(times))).max())


@rule(
    "weak-signal",
    "A device is received at the edge",
    severity="info",
    source="IEEE 802.15.4 receiver sensitivity (-85 dBm at 2.4 GHz)",
    confidence="secondary",
    merges=(),
    cause="weak link",
    unseen="frames with a signal strength",
    advice="The sniffer stands far from this device; its neighbours may hear it better",
)
def weak_signal(view: View, *, dbm: float = -90.0, least: int = 10) -> Iterator[Evidence]:
    """Median signal strength of a device at the place of the sniffer."""
    packets = view.good
    rows = packets[mask(packets["rssi"].notna()) & mask(packets["mac_type"] != "ack")]
    for sender, part in rows.groupby(rows["sender"].astype("UInt64"), sort=False):
        median = float(part["rssi"].median())
        if len(part) >= least and median < dbm:
            yield broken(
                view.label(sender), f"median {median:.0f} dBm over {count(part)}", part["frame"][:20]
            )
        elif len(part) >= least:
            yield kept(view.label(sender), f"median {median:.0f} dBm over {count(part)}")


@rule(
    "cloned-address",
    "One address, two transmitters",
    severity="warning",
    source="RSSI clone literature",
    confidence="recalled",
    merges=("attacks:A39", "attacks:A24", "attacks:A38"),
    cause="forged command",
    unseen="frames with a signal strength, thirty or more of one sender",
    advice="Two places send under one address: walk with the sniffer and see where the weaker one is",
)
def cloned_address(
    view: View, *, decibels: float = 12.0, least: int = 30, share: float = 0.05
) -> Iterator[Evidence]:
    """The frames of one address come at two signal strengths, far apart and mixed in time, and the counters
    or sequence numbers of the two do not make one sequence."""
    packets = view.good
    rows = packets[mask(packets["rssi"].notna()) & mask(packets["mac_src"].notna())]
    for sender, part in rows.groupby(rows["sender"].astype("UInt64"), sort=False):
        if len(part) < least:
            continue
        levels = part["rssi"].to_numpy(dtype=float)
        cut = _valley(levels, decibels, share)
        if cut is None or not _two_sequences(part, levels > cut):
            yield kept(view.label(sender), f"{count(part)} from one place")
            continue
        weak, strong = np.median(levels[levels <= cut]), np.median(levels[levels > cut])
        minor = levels > cut if (levels > cut).mean() < 0.5 else levels <= cut
        text = f"frames at {weak:.0f} dBm and at {strong:.0f} dBm, with two sequences of numbers"
        yield broken(view.label(sender), text, part["frame"][minor])


def _valley(levels: Frame, decibels: float, share: float) -> float | None:
    """A level between two clusters that lie `decibels` apart with almost nothing between them; else None."""
    ordered = np.sort(levels)
    gaps = np.diff(ordered)
    at = int(gaps.argmax())
    few = share * len(levels)
    low, high = ordered[: at + 1], ordered[at + 1 :]
    if gaps[at] < decibels / 2 or min(len(low), len(high)) < max(few, 3):
        return None
    return float(ordered[at]) if np.median(high) - np.median(low) >= decibels else None


def _two_sequences(part: Frame, strong: Frame) -> bool:
    """Whether MAC sequence numbers make one sequence within each cluster, but not over both."""
    sequence = part["mac_seq"].to_numpy(dtype=np.int64, na_value=0)

    def steps(values: Frame) -> float:
        step = np.diff(values) % 256
        return float(np.mean(step > 64)) if len(step) else 0.0

    apart = max(steps(sequence[strong]), steps(sequence[~strong]))
    return steps(sequence) > apart + 0.1


@rule(
    "command-from-elsewhere",
    "A device's commands come from another place than its data",
    severity="warning",
    source="Zigator injection set (childupdatereq); RSSI clone literature",
    confidence="secondary",
    merges=("attacks:A24", "attacks:A23", "attacks:A39"),
    cause="forged command",
    unseen="thirty frames of one device with their signal strength, and commands of it",
    advice="Compare the signal strengths: somebody else uses the device's name",
)
def command_from_elsewhere(
    view: View, *, decibels: float = 15.0, least: int = 30, times: int = 2
) -> Iterator[Evidence]:
    """The management frames of a device (NWK commands, announcements, MAC commands) arrive at quite another
    strength than all else that it sends, while what it sends otherwise hardly scatters."""
    packets = view.good
    rows = packets[
        mask(packets["rssi"].notna()) & mask(packets["sender"].notna()) & ~mask(packets["mac_type"] == "ack")
    ]
    special = mask(rows["nwk_command"].isin([0x04, 0x06, 0x0B])) | mask(
        rows["mac_command"].isin([0x01, 0x03, 0x06])
    )
    special |= mask((rows["aps_profile"] == 0) & rows["aps_cluster"].isin([0x0013, 0x0006]))
    suspects = set(rows["sender"][special].tolist())
    for sender in suspects:
        own = mask(rows["sender"] == sender)
        plain = rows["rssi"][own & ~special].to_numpy(dtype=float)
        if len(plain) < least:
            continue
        usual = float(np.median(plain))
        scatter = float(np.median(np.abs(plain - usual)))
        mine = rows[own & special]
        off = np.abs(mine["rssi"].to_numpy(dtype=float) - usual)
        far = mine[off > max(decibels, 4 * scatter)]
        subject = view.label(sender)
        if len(far) >= times:
            level = float(far["rssi"].median())
            yield broken(
                subject,
                f"{count(far)} of commands at {level:.0f} dBm, its data at {usual:.0f} dBm",
                far["frame"],
            )
        else:
            yield kept(subject, f"commands and data at {usual:.0f} dBm")
