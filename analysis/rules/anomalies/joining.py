"""Joining: floods, joins in the name of others, joins that do not work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.features.identifiers import APS_COMMANDS, MAC_COMMANDS
from analysis.features.judging import count, mask, plural, spread
from analysis.features.repeats import repeats
from analysis.features.stations import NO_SHORT
from analysis.features.view import DEVICE_PROFILE, Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.anomalies.mac_commands import ANSWER, ASSOCIATION, DATA_REQUEST, mac_commands
from analysis.rules.anomalies.membership import DEVICE_ANNCE, left_before
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "joining")

TRANSPORT_KEY = APS_COMMANDS["Transport Key"]
ANSWER_STATUS = MAC_COMMANDS.field("Association Response", "status")
FAST_ASSOCIATION = 0x80  # from here on a status is no refusal (IEEE 802.15.4-2015 table 7-53)


@rule(
    "association-flood",
    "Many strangers ask to associate",
    severity="error",
    source="KillerBee zbassocflood",
    confidence="secondary",
    merges=("attacks:A05",),
    cause="join attack",
    unseen="MAC association requests",
    advice=(
        "Unless many devices are being installed: locate the sender, it makes up addresses to fill "
        "the hub's tables"
    ),
)
def association_flood(
    view: View, *, strangers: int = 10, window: float = 60.0, rate: float = 5.0, hourly: int = 20
) -> Iterator[Evidence]:
    """Association requests of ever new EUI-64s within a minute, or many a second, fill the neighbour tables
    of a hub so that true devices cannot join. So do strangers that ask within an hour and never come in."""
    rows = mac_commands(view, ASSOCIATION)
    for pan, part in rows.groupby("mac_dst_pan", sort=False):
        subject = Subject.network(pan)
        seconds = part["seconds"].to_numpy(dtype=float)
        who = part["mac_src"].astype("UInt64").to_numpy(dtype="uint64", na_value=0)
        most, start, end = _most_distinct(seconds, who, window)
        fast = int((np.searchsorted(seconds, seconds + 1.0) - np.arange(len(seconds))).max())
        outside = part[~np.isin(who, _members(view))]
        slow, first, last = _most_distinct(
            outside["seconds"].to_numpy(dtype=float),
            outside["mac_src"].to_numpy("uint64", na_value=0),
            3600.0,
        )
        if most < strangers and fast <= rate and slow >= hourly:
            text = f"{plural(slow, 'device')} within an hour that never came in"
            hits = outside.iloc[first:last]
            yield broken(subject, f"{text} ({spread(hits)})", hits["frame"])
        elif most >= strangers or fast > rate:
            hits = part.iloc[start:end] if most >= strangers else part
            text = f"{plural(most, 'device')} within {window:.0f} s, up to {fast} requests a second"
            yield broken(subject, f"{text} ({spread(hits)})", hits["frame"])
        else:
            yield kept(
                subject, f"{plural(len(part), 'association request')}, {most} devices in {window:.0f} s"
            )


def _members(view: View) -> list[int]:
    """Devices that were heard under NWK security: they are in, or were."""
    return [int(eui) for eui in _inside(view)["nwk_sender"].dropna().unique()]


def _inside(view: View) -> Frame:
    """Frames under NWK security, whether or not a held key opens them."""
    return view.good.only(nwk_security=["ok", "no_key"])


def _most_distinct(seconds: Frame, who: Frame, window: float) -> tuple[int, int, int]:
    """The window with the most distinct values: how many, and its bounds."""
    if not len(seconds):
        return 0, 0, 0
    ends = np.searchsorted(seconds, seconds + window, side="right")
    counts = [len(np.unique(who[i:e])) for i, e in enumerate(ends[:5000])]
    at = int(np.argmax(counts))
    return counts[at], at, int(ends[at])


@rule(
    "association-of-present-device",
    "A device that is present asks to associate",
    severity="warning",
    source="KillerBee zbkey",
    confidence="secondary",
    merges=("attacks:A04",),
    cause="join attack",
    absent=1,
    unseen="MAC association requests",
    advice="Somebody may use the EUI-64 of a joined device to be given its key: compare signal strengths",
)
def association_of_present_device(
    view: View, *, silent: float = 3600.0, after: float = 3600.0
) -> Iterator[Evidence]:
    """An association request carries the EUI-64 of a device that sent secured data just before and goes on
    with rising counters just after: it has no reason to join again, so somebody else uses its name."""
    secured = _inside(view)
    for row in mac_commands(view, ASSOCIATION).itertuples():
        if pd.isna(row.mac_src):
            continue
        mine = secured[mask(secured["sender"] == row.mac_src)]
        gap = mine["seconds"] - row.seconds
        before, later = mine[mask((gap < 0) & (gap > -silent))], mine[mask((gap > 0) & (gap < after))]
        counters = pd.concat([before["nwk_counter"], later["nwk_counter"]]).dropna()
        subject = Subject.device(row.mac_src)
        if not (len(before) and len(later) and counters.is_monotonic_increasing):
            yield kept(subject, f"asks to associate at frame {row.frame}, was not on the network")
        elif left_before(view, int(row.mac_src), row.seconds, silent):
            yield kept(subject, f"asks to associate at frame {row.frame}, having left before")
        elif mask(
            (later["aps_profile"] == DEVICE_PROFILE) & (later["aps_cluster"] == DEVICE_ANNCE)
        ).any() or _moved(before, later):
            yield kept(
                subject, f"asks to associate at frame {row.frame} and announces itself: it joined again"
            )
        else:
            text = f"asks to associate at frame {row.frame} while it sends secured frames before and after"
            readable = mask(later["nwk_security"] == "ok").any()
            yield broken(subject, text, [row.frame, *view.frames_of(later[:3])], None if readable else "info")


def _moved(before: Frame, later: Frame) -> bool:
    """Whether the device has another short address than before: it did join again."""
    old, new = before["nwk_src"].dropna(), later["nwk_src"].dropna()
    return bool(len(old) and len(new) and old.iloc[-1] != new.iloc[0])


@rule(
    "association-fails",
    "A device asks to associate and does not come in",
    severity="warning",
    source="IEEE 802.15.4-2011 5.3.1, 5.3.2; ZigBee PRO 05-3474 3.6.1.4",
    confidence="recalled",
    cause="silence",
    unseen="MAC association requests, and two minutes after them",
    advice=(
        "Refused: capacity, or joining is closed (CCS01). Unanswered: too far, or the wrong hub. Answered but without a "
        "key: not in the hub's device log, or a wrong install code"
    ),
)
def association_fails(view: View, *, seconds: float = 120.0, strangers: int = 10) -> Iterator[Evidence]:
    """A joiner asks a parent to associate, is given a short address, and is then sent the network key. One that asks and
    never sends a secured frame got stuck on the way: refused, never answered, or associated and left without a key. One
    request of an unknown device only informs; many unknown ones are a flood, and another rule's finding."""
    asked = mac_commands(view, ASSOCIATION)
    asked = asked[mask(asked["mac_src"].notna()) & mask(asked["mac_src_mode"] == "extended")]
    if asked.empty:
        return
    known = {*_members(view), *view.roles}
    lost = sum(int(eui) not in known for eui in asked["mac_src"].dropna().unique())
    for eui, part in asked.groupby("mac_src", sort=False):
        first = float(part["seconds"].iloc[0])
        subject = Subject.device(eui)
        if view.duration - first < seconds:
            continue
        if _came_in(view, int(eui), first):
            yield kept(subject, f"{plural(len(part), 'request')}, and came in")
        elif int(eui) in known or lost < strangers:
            stuck, grave = _stuck(view, int(eui), first)
            grave = grave or len(part) > 1 or int(eui) in known
            text = f"{plural(len(part.drop_duplicates('mac_seq')), 'request')}, {stuck}"
            silent = (int(eui), float(part["seconds"].iloc[-1]))
            yield broken(subject, text, part["frame"], None if grave else "info", silent)


def _came_in(view: View, eui: int, since: float) -> bool:
    return bool(mask(_inside(view).only(nwk_sender=eui)["seconds"] > since).any())


def _stuck(view: View, eui: int, since: float) -> tuple[str, bool]:
    """How far a joiner came, and whether that alone is worth a warning."""
    answers = mac_commands(view, ANSWER)
    answers = answers[mask(answers["mac_dst"] == eui) & mask(answers["seconds"] > since)]
    if answers.empty:
        return "no answer", False
    told = view.command_rows("mac", [ANSWER])
    told = told[mask(told["frame"].isin(answers["frame"])) & mask(told["field"] == ANSWER_STATUS)]
    refused = told[mask(told["number"] > 0) & mask(told["number"] < FAST_ASSOCIATION)]
    if len(refused) and len(refused) == len(told):
        row = refused.iloc[0]
        return f"refused: {row['meaning'] or row['value']}", True
    return "associated, and no secured frame from it", True


@rule(
    "association-answer-rogue",
    "Two devices answer one association",
    severity="error",
    source="ZigBee PRO 05-3474 3.6.1.4",
    confidence="recalled",
    merges=("rules:N24",),
    cause="join attack",
    unseen="MAC association responses",
    advice="Only the chosen parent answers: the other one is a rogue or a cloned parent",
)
def association_answer_rogue(view: View, *, seconds: float = 5.0) -> Iterator[Evidence]:
    """A device asks one parent to associate, and that parent answers. Answers of two EUI-64s to one joiner
    at one time mean that somebody plays the parent."""
    rows = mac_commands(view, ANSWER)
    for joiner, part in rows.groupby("mac_dst", sort=False):
        near = part[mask(part["seconds"].diff() < seconds) | mask(part["seconds"].diff(-1) > -seconds)]
        if near["mac_src"].nunique() > 1:
            names = ", ".join(view.label(s) for s in near["mac_src"].dropna().unique())
            yield broken(Subject.device(joiner), f"was answered by {names}", near["frame"])
        else:
            yield kept(Subject.device(joiner), f"{plural(len(part), 'association response')} of one parent")


@rule(
    "key-request-polls",
    "A new joiner polls for the key in a row",
    severity="info",
    source="KillerBee zbkey",
    confidence="secondary",
    merges=("attacks:A04",),
    cause="join attack",
    unseen="a MAC association",
    advice="Ordinary joins poll a few times; a tool polls at once and without pause",
)
def key_request_polls(view: View, *, polls: int = 10, seconds: float = 2.0) -> Iterator[Evidence]:
    """After an association response the joiner polls its parent for the key. More than ten polls within two
    seconds are the handwriting of a tool, or of a device whose polls stay unanswered."""
    sent = repeats(view)
    requests = sent[mask(sent["mac_command"] == DATA_REQUEST) & ~mask(sent["retry"])]
    for row in mac_commands(view, ANSWER).itertuples():
        after = requests[
            mask((requests["seconds"] > row.seconds) & (requests["seconds"] < row.seconds + seconds))
        ]
        mine = after[mask(after["mac_dst"].notna())]
        if len(mine) > polls:
            yield broken(
                Subject.device(row.mac_dst), f"{count(mine)} of polling within {seconds:.0f} s", mine["frame"]
            )
        else:
            yield kept(Subject.device(row.mac_dst), f"{plural(len(mine), 'poll')} after its association")


@rule(
    "join-fails",
    "A device is given keys again and again, and never comes in",
    severity="warning",
    source="ZSE 1.2a 5.4 (install codes)",
    confidence="secondary",
    merges=("rules:Z04", "rules:Z05", "rules:N05", "spec:R137"),
    cause="silence",
    unseen="Transport-Key commands, or enciphered APS commands without NWK security, to a joiner",
    advice="Wrong install code at the hub, or a weak link: compare the code with the label",
)
def join_fails(view: View, *, times: int = 2, seconds: float = 120.0) -> Iterator[Evidence]:
    """The last hop of a join brings the network key under the joiner's own link key. If the hub repeats it
    to one address and that device never sends a secured frame, the two do not agree about the install
    code."""
    packets = view.good
    rows = packets.only(nwk_security="none")
    shut = mask(rows["aps_type"] == "command") & mask(rows["aps_security"] == "no_key")
    rows = rows[(mask(rows["aps_command"] == TRANSPORT_KEY) | shut) & mask(rows["nwk_dst"] < NO_SHORT)]
    if rows.empty:
        return
    secured = _inside(view)
    for (pan, short), part in rows.groupby(["pan", "nwk_dst"], sort=False):
        first = float(part["seconds"].iloc[0])
        came = (
            mask(secured["nwk_src"] == short) & mask(secured["pan"] == pan) & mask(secured["seconds"] > first)
        )
        tries = part.drop_duplicates(["mac_seq", "mac_src"])
        target = part["target"].iloc[0]
        subject = Subject.device(target if pd.notna(target) else int(pan) << 16 | int(short))
        if came.any():
            yield kept(subject, "came in after it was given a key")
        elif len(tries) >= times and view.duration - first > seconds:
            text = f"{plural(len(tries), 'key')} sent to it, no secured frame from it"
            silent = None if pd.isna(target) else (int(target), float(part["seconds"].iloc[-1]))
            yield broken(subject, text, part["frame"], silent=silent)
