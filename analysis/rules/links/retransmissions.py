"""Frames that were sent again (`analysis.features.repeats`): on which links, how often, how many times."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.judging import judge, longest_run, mask, plural
from analysis.features.polls import POLL
from analysis.features.presence import heard_at, to_the_absent
from analysis.features.repeats import repeats
from analysis.features.view import Frame
from analysis.rules.declare import Evidence, Subject, View, broken, kept, rule
from analysis.tables.lazy import numbers_of

ACKED = "frames that ask for an acknowledgement, and acknowledgements"
RETRY_STORM = "ordinary-day --fault retry-storm --seconds 1500"
SHARED: dict[str, Any] = {"family": "anomaly", "area": "links", "kept_by": "ordinary-day --seconds 1500"}


def sent(view: View) -> Frame:
    """What was transmitted to devices that are there, without what only a second sniffer heard again."""
    rows = repeats(view)
    return rows[~rows["heard"].to_numpy(dtype=bool) & ~to_the_absent(view)]


@rule(
    "missing-acknowledgements",
    "Frames stay unacknowledged",
    finds="""Links on which many frames were retried, up to three times, and in the end not acknowledged. Without a retry
    the sniffer simply did not hear the acknowledgement. Each is sent up to four times, so several different ones must be
    lost.""",
    matters="A frame that asks for an acknowledgement and gets none is lost: the receiver may never have had it.",
    example="""Device 90b3d5fffe0000a6 to In-home display (90b3d5fffe0000a2): 56 of 70 frames are retries without an
    acknowledgement""",
    source="IEEE 802.15.4 6.7.4; KillerBee zbjammer",
    advice=(
        "Retries with no acknowledgement: the receiver does not hear the sender, or the sniffer not "
        "the receiver"
    ),
    severity="warning", confidence="secondary", cause="weak link", covers=("attacks:A10",), requires=ACKED,
    broken_by=RETRY_STORM, **SHARED,
)  # fmt: skip
def missing_acknowledgements(
    view: View, *, share: float = 0.3, least: int = 20, several: int = 4
) -> Iterator[Evidence]:
    """The share of lost ones of each link; of each lost frame the first retry is counted among the `several`."""
    rows = sent(view)
    if rows.empty or not rows["acked"].any():
        return
    acked = mask(rows["acked"])
    lost_ones = mask(rows["retry"]) & ~acked
    first_retry = lost_ones & (rows["copies"].to_numpy() == 2)
    frames = numbers_of(rows["frame"])[0]
    for (sender, receiver), places in rows.groupby(["sender", "receiver"], sort=False).places():
        if len(places) < least:
            continue
        lost = places[lost_ones[places]]
        subject, every = Subject.pair(sender, receiver), plural(len(places), "frame")
        if len(lost) > share * len(places) and first_retry[places].sum() >= several:
            text = f"{len(lost)} of {every} are retries without an acknowledgement"
            yield broken(subject, text, frames[lost])
        else:
            yield kept(subject, f"{acked[places].mean():.0%} of {every} acknowledged")


@rule(
    "retries",
    "Many retries on a link",
    finds="Devices with a large share of transmissions that are repeats of the frame before.",
    matters="Up to a few percent is normal; more says that a link is weak or disturbed.",
    example="Device 90b3d5fffe0000a6: 57 of 123 transmissions are retries (46%)",
    source="IEEE 802.15.4 6.7.4.3",
    advice="Look at the signal strength of both ends; a router between them may help",
    severity="info", confidence="secondary", cause="weak link", covers=("rules:N21",), requires=ACKED,
    broken_by="ordinary-day --fault weak-link --seconds 3000", **SHARED,
)  # fmt: skip
def retries(view: View, *, share: float = 0.15, least: int = 30) -> Iterator[Evidence]:
    """The share of each sender that sent enough."""
    for sender, part in sent(view).groupby("sender", sort=False):
        if len(part) < least:
            continue
        again, subject = part[part["retry"]], Subject.device(sender)
        of_all = f"{len(part):,} transmissions are retries"
        if len(again) > share * len(part):
            text = f"{len(again)} of {of_all} ({len(again) / len(part):.0%})"
            yield broken(subject, text, again["frame"])
        else:
            yield kept(subject, f"{len(again) / len(part):.1%} of {of_all}")


@rule(
    "retry-copies",
    "More copies of a frame than the MAC allows",
    finds="More copies of one frame in a row than the MAC and the NWK layer above it send.",
    matters="""The MAC sends a frame at most four times (some stacks let the NWK layer start over once): more are a fault
    or an injection.""",
    example="Device 90b3d5fffe0000a6: 3 frames beyond the 8th copy (from frame 661 to 787)",
    source="IEEE 802.15.4 macMaxFrameRetries; ZigBee PRO defaults",
    advice="A stuck transmitter, or somebody who injects copies: compare the signal strength of the copies",
    severity="warning", confidence="recalled", cause="interference", covers=("rules:N21", "attacks:A41"),
    requires="frames that ask for an acknowledgement", broken_by=RETRY_STORM, **SHARED,
)  # fmt: skip
def retry_copies(view: View, *, copies: int = 8) -> Iterator[Evidence]:
    """Each transmission by how many there were of its frame so far."""
    rows = sent(view)
    rows = rows[mask(rows["nwk_type"].notna()) | mask(rows["mac_type"] == "command")]
    many = mask(rows["copies"] > copies)
    text = f"{{bad}} beyond the {copies}th copy"
    yield from judge(view, rows, many, text, good=f"sent at most {copies} times")


@rule(
    "polls-unacknowledged",
    "A sleeping device asks in vain for what waits for it",
    finds="""Polls (MAC data requests) of a device that it sent again and that its parent did not acknowledge, several in
    a row, while the parent was heard. Without a retry the sniffer simply did not hear the acknowledgement.""",
    matters="""Nothing that waits for the device reaches it; it drains its battery, takes its parent for lost and seeks
    another.""",
    example="""Gas meter (90b3d5fffe0000a1): 12 of 30 polls of Communications hub (90b3d5fffe0000a2) sent again and not
    acknowledged, 9 in a row, though it was heard""",
    source="IEEE 802.15.4-2011 5.1.6.4 (acknowledgement, retries), 5.3.4 (data request)",
    advice="The parent does not hear it or no longer knows it: measure at the device, let it rejoin",
    severity="warning", confidence="derived", cause="weak link", requires="polls (MAC data requests)",
    broken_by="ordinary-day --fault polls-unheard --seconds 4800", family="anomaly", area="links",
    kept_by="ordinary-day --seconds 9000",
)  # fmt: skip
def polls_unacknowledged(view: View, *, times: int = 5, near: float = 30.0) -> Iterator[Evidence]:
    """The longest run of each device and parent; what was sent while the parent was silent is left out."""
    rows = sent(view).only(mac_command=POLL)
    heard = heard_at(view)
    for (sender, receiver), part in rows.groupby(["sender", "receiver"], sort=False):
        seconds, copies = part["seconds"].to_numpy(dtype=float), part["copies"].to_numpy()
        last = np.append(copies[1:] == 1, True)
        polls = part[last]
        lost = ~mask(polls["acked"]) & (copies[last] > 1)
        own = heard.get(int(receiver), np.zeros(0))
        there = _near(own, seconds[last], near)
        run = longest_run(lost[there])
        subject = Subject.device(sender)
        if run < times:
            yield kept(subject, f"{plural(int((~lost).sum()), 'poll')} of {view.label(receiver)} in order")
            continue
        frames = numbers_of(polls["frame"])[0][there]
        often = f"{int(lost[there].sum())} of {plural(int(there.sum()), 'poll')} of {view.label(receiver)}"
        text = f"{often} sent again and not acknowledged, {run} in a row, though it was heard"
        yield broken(subject, text, frames[lost[there]])


def _near(times: np.ndarray, moments: np.ndarray, seconds: float) -> np.ndarray:
    """Which moments have one of the rising `times` within so many seconds."""
    edges = np.r_[-np.inf, times, np.inf]
    at = np.searchsorted(edges, moments)
    return np.asarray(np.minimum(edges[at] - moments, moments - edges[at - 1]) <= seconds)
