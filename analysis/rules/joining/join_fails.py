from collections.abc import Iterator

import pandas as pd

from analysis.features.judging import mask, plural
from analysis.features.membership import secured_frames
from analysis.features.stations import NO_SHORT
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

SHUT = (c.aps_type == "command") & (c.aps_security == "no_key")
"""An APS command that no held key opens: to a joiner, a Transport-Key."""


@rule(
    "join-fails",
    "A device is given keys again and again, and never comes in",
    finds="""Transport-Key commands, repeated by the hub to one address, whose device never sends a secured frame.""",
    matters="""The last hop of a join brings the network key under the joiner's own link key. Here the two do not agree
    about the install code.""",
    example="Device 00158d0001a2b3c4: 4 keys sent to it, no secured frame from it",
    source="ZSE 1.2a 5.4 (install codes)",
    advice="Wrong install code at the hub, or a weak link: compare the code with the label",
    family="anomaly", area="joining", severity="warning", confidence="secondary", cause="silence",
    covers=("rules:Z04", "rules:Z05", "rules:N05", "spec:R137"),
    requires="Transport-Key commands, or enciphered APS commands without NWK security, to a joiner",
    reads=[
        packets.where(c.nwk_security == "none", (c.aps_command == "Transport Key") | SHUT, c.nwk_dst < NO_SHORT)[
            c.frame, c.seconds, c.pan, c.nwk_dst, c.target, c.mac_seq, c.mac_src
        ],
    ],
    broken_by="install-day --fault wrong-install-code --seconds 1500", kept_by="install-day --seconds 1500",
)  # fmt: skip
def join_fails(view: View, keys: Frame, *, times: int = 2, seconds: float = 120.0) -> Iterator[Evidence]:
    """The keys that were sent to each address; a retry of a hop is no other key."""
    if keys.empty:
        return
    secured = secured_frames(view)
    for (pan, short), part in keys.groupby(["pan", "nwk_dst"], sort=False):
        first = float(part["seconds"].iloc[0])
        came = mask(secured["nwk_src"] == short) & mask(secured["pan"] == pan)
        came &= mask(secured["seconds"] > first)
        tries = part.drop_duplicates(["mac_seq", "mac_src"])
        target = part["target"].iloc[0]
        subject = Subject.device(target if pd.notna(target) else int(pan) << 16 | int(short))
        if came.any():
            yield kept(subject, "came in after it was given a key")
        elif len(tries) >= times and view.duration - first > seconds:
            text = f"{plural(len(tries), 'key')} sent to it, no secured frame from it"
            silent = None if pd.isna(target) else (int(target), float(part["seconds"].iloc[-1]))
            yield broken(subject, text, part["frame"], silent=silent)
