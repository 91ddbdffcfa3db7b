from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.features.judging import plural, spread
from analysis.features.membership import members
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

HOUR = 3600.0
STARTS_LOOKED_AT = 5000


@rule(
    "association-flood",
    "Many strangers ask to associate",
    finds="""Association requests of ever new EUI-64s within a minute, or many a second; or strangers that ask within
    an hour and never come in.""",
    matters="They fill the neighbour tables of a hub, so that true devices cannot join.",
    example="PAN 0x0a41: 40 devices within 60 s, up to 8 requests a second (from frame 592 to 677)",
    source="KillerBee zbassocflood",
    advice="Unless many devices are being installed: locate the sender, it makes up addresses to fill the hub's tables",
    family="anomaly", area="joining", severity="error", confidence="secondary", cause="join attack",
    covers=("attacks:A05",), requires="MAC association requests",
    reads=[packets.where(c.mac_command == "Association Request")[c.frame, c.seconds, c.mac_dst_pan, c.mac_src]],
    broken_by="ordinary-day --fault association-flood --seconds 1500", kept_by="install-day --seconds 1500",
)  # fmt: skip
def association_flood(
    view: View,
    asked: Frame,
    *,
    strangers: int = 10,
    window: float = 60.0,
    rate: float = 5.0,
    hourly: int = 20,
) -> Iterator[Evidence]:
    """The window with the most askers, for each network."""
    for pan, part in asked.groupby("mac_dst_pan", sort=False):
        subject = Subject.network(pan)
        seconds, who = part["seconds"].to_numpy(dtype=float), _numbers(part["mac_src"])
        most, start, end = _most_distinct(seconds, who, window)
        fast = int((np.searchsorted(seconds, seconds + 1.0) - np.arange(len(seconds))).max())
        outside = part[~np.isin(who, list(members(view)))]
        slow, first, last = _most_distinct(
            outside["seconds"].to_numpy(dtype=float), _numbers(outside["mac_src"]), HOUR
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
            text = f"{plural(len(part), 'association request')}, {most} devices in {window:.0f} s"
            yield kept(subject, text)


def _numbers(who: Frame) -> npt.NDArray[np.uint64]:
    return np.asarray(who.astype("UInt64").to_numpy(dtype="uint64", na_value=0))


def _most_distinct(
    seconds: npt.NDArray[np.float64], who: npt.NDArray[np.uint64], window: float
) -> tuple[int, int, int]:
    """The window with the most distinct values: how many, and its bounds."""
    if not len(seconds):
        return 0, 0, 0
    ends = np.searchsorted(seconds, seconds + window, side="right")
    counts = [len(np.unique(who[i:e])) for i, e in enumerate(ends[:STARTS_LOOKED_AT])]
    at = int(np.argmax(counts))
    return counts[at], at, int(ends[at])
