from collections.abc import Iterator

import numpy as np

from analysis.features.judging import events, plural
from analysis.rules.declare import NETWORK, Evidence, Frame, View, broken, c, kept, packets, rule

LEAVES = (c.nwk_command == "Leave") | (c.mac_command == "Disassociation Notification")
OF_AN_EVENT = (c.pan, c.nwk_src, c.nwk_seq, c.mac_src, c.mac_dst, c.mac_seq)


@rule(
    "leave-flood",
    "Many devices are told to leave",
    finds="Several Leave commands or disassociations within a minute.",
    matters="That is not how a network is run: somebody throws devices out.",
    example="network: 12 commands to leave within 60 s",
    source="Zillner (2015); Zigator injection set",
    advice="Unless the hub removes devices on purpose: see who sends the commands and whether devices obey",
    family="anomaly", area="leaving", severity="error", confidence="secondary", cause="forged command",
    covers=("attacks:A21",), requires="NWK Leave commands or MAC disassociations",
    reads=[packets.where(LEAVES)[c.frame, c.seconds, *OF_AN_EVENT]],
    broken_by="planted: one child is told to leave, over and over", kept_by="planted: a display tells others to leave",
)  # fmt: skip
def leave_flood(view: View, leaves: Frame, *, commands: int = 5, window: float = 60.0) -> Iterator[Evidence]:
    """The most that were sent within a window; a command that is repeated on its way counts once."""
    if leaves.empty:
        return
    seconds = leaves["seconds"].to_numpy(dtype=float)
    within = np.searchsorted(seconds, seconds + window, side="right") - np.arange(len(seconds))
    at = int(within.argmax())
    burst = leaves.iloc[at : at + int(within[at])]
    most = events(burst)
    if most >= commands:
        yield broken(NETWORK, f"{plural(most, 'command')} to leave within {window:.0f} s", burst["frame"])
    else:
        yield kept(NETWORK, f"{plural(events(leaves), 'command')} to leave, at most {most} in {window:.0f} s")
