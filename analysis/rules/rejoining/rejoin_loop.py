from collections.abc import Iterator

import numpy as np

from analysis.features.judging import plural
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

HOUR = 3600.0


@rule(
    "rejoin-loop",
    "A device asks to rejoin again and again",
    finds="Several rejoin requests of one device within minutes, or one every few minutes for an hour.",
    matters="""It does not get an answer, or does not get it whole; one that goes on for an hour cannot stay in the
    network.""",
    example="In-home display (90b3d5fffe0000a2): 5 requests within 300 s",
    source="atusb-attacks 05, 06, 09",
    advice="See whether it gets answers: weak link, lost key, or answers that are jammed",
    family="anomaly", area="rejoining", severity="warning", confidence="secondary", cause="silence",
    covers=("attacks:A14",), requires="NWK Rejoin Requests",
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
    """The most requests of each device within a window; a retry of a hop counts once."""
    rows = asked.drop_duplicates(["mac_src", "mac_dst", "mac_seq"])
    for sender, part in rows.groupby("origin", sort=False):
        seconds, subject = part["seconds"].to_numpy(dtype=float), Subject.device(sender)
        most, in_hour = (
            int((np.searchsorted(seconds, seconds + span) - np.arange(len(seconds))).max())
            for span in (window, HOUR)
        )
        if most >= requests or in_hour >= hourly:
            number, span = (most, window) if most >= requests else (in_hour, HOUR)
            yield broken(subject, f"{plural(number, 'request')} within {span:.0f} s", part["frame"])
        else:
            yield kept(subject, f"{plural(len(part), 'rejoin request')}, {most} within {window:.0f} s")
