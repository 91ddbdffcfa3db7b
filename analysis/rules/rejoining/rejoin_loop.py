from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.judging import mask, plural
from analysis.features.membership import announcements, members
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

HOUR = 3600.0
AT_ONCE = 10.0  # seconds; request, answer and announcement of one rejoin, and tries of one association
ASSOCIATION = MAC_COMMANDS["Association Request"]
TRIED_AGAIN = "associations"
Event = tuple[float, list[int], str]


@rule(
    "rejoin-loop",
    "A device comes into the network again and again",
    finds="""Several rejoin requests, announcements or associations of one device within minutes, or one every few minutes
    for an hour.""",
    matters="""It restarts, does not get an answer, or does not get it whole; one that goes on for an hour cannot stay in
    the network.""",
    example="In-home display (90b3d5fffe0000a2): came in 5 times within 300 s (rejoin requests, announcements)",
    source="atusb-attacks 05, 06, 09; ZigBee PRO 05-3474 2.4.3.1.11 (Device_annce)",
    advice="See whether it gets answers and keeps power: weak link, lost key, restarts, or answers that are jammed",
    family="anomaly", area="rejoining", severity="warning", confidence="secondary", cause="silence",
    covers=("attacks:A14",), requires="NWK Rejoin Requests, or announcements or associations of a device that is in",
    reads=[
        packets.where(c.nwk_command == "Rejoin Request")[
            c.frame, c.seconds, c.origin, c.mac_src, c.mac_dst, c.mac_seq
        ],
    ],
    broken_by="ordinary-day --fault rejoin-loop --seconds 1500", kept_by="security-review --seconds 7200",
)  # fmt: skip
def rejoin_loop(
    view: View, asked: Frame, *, requests: int = 3, window: float = 300.0, hourly: int = 5
) -> Iterator[Evidence]:
    """How often each device came in within a window; a retry of a hop, and the announcement of a rejoin, are no other
    time."""
    for station, events in _events(view, asked).items():
        once = _once(sorted(events))
        seconds, subject = np.array([when for when, _, _ in once]), Subject.device(station)
        most, in_hour = (
            int((np.searchsorted(seconds, seconds + span) - np.arange(len(seconds))).max())
            for span in (window, HOUR)
        )
        kinds = " and ".join(sorted({kind for _, _, kind in events}))
        if most >= requests or in_hour >= hourly:
            number, span = (most, window) if most >= requests else (in_hour, HOUR)
            frames = sorted({frame for _, some, _ in events for frame in some})
            yield broken(subject, f"came in {plural(number, 'time')} within {span:.0f} s ({kinds})", frames)
        else:
            yield kept(
                subject, f"came in {plural(len(once), 'time')} ({kinds}), {most} within {window:.0f} s"
            )


def _events(view: View, asked: Frame) -> dict[int, list[Event]]:
    """By device: when it asked to rejoin, announced itself, or associated."""
    out: dict[int, list[Event]] = {}
    rows = asked.drop_duplicates(["mac_src", "mac_dst", "mac_seq"])
    for station, part in rows.groupby("origin", sort=False):
        events = zip(part["seconds"], part["frame"], strict=True)
        out[int(station)] = [(float(when), [int(frame)], "rejoin requests") for when, frame in events]
    for told in announcements(view):
        out.setdefault(told.eui64, []).append((told.seconds, told.frames, "announcements"))
    joined = view.good.only(mac_command=ASSOCIATION)
    joined = joined[mask(joined["sender"].isin(list(members(view))))]
    for station, when, frame in zip(joined["sender"], joined["seconds"], joined["frame"], strict=True):
        out.setdefault(int(station), []).append((float(when), [int(frame)], TRIED_AGAIN))
    return out


def _once(events: list[Event]) -> list[Event]:
    """Events that are not of the same time of coming in."""
    out: list[Event] = []
    last: tuple[float, str] = (-np.inf, "")
    for event in events:
        when, _, kind = event
        if when - last[0] > AT_ONCE or (kind == last[1] and kind != TRIED_AGAIN):
            out.append(event)
        last = when, kind
    return out
