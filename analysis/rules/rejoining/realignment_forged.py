from collections.abc import Iterator

import numpy as np

from analysis.features.judging import judge
from analysis.rules.declare import Evidence, Frame, View, c, packets, rule


@rule(
    "realignment-forged",
    "A coordinator realignment that nobody asked for",
    finds="Coordinator realignments without an orphan notification just before.",
    matters="""A coordinator realigns a device that reported to be an orphan; without such a report the command tries to
    drag devices away.""",
    example="""Communications hub (90b3d5fffe00000f): 3 frames without an orphan notification before (from frame 592 to
    628)""",
    source="KillerBee zbrealign",
    advice="Devices that obeyed have moved to the PAN or channel it names: look for them there",
    family="anomaly", area="rejoining", severity="error", confidence="secondary", cause="forged command", absent=1,
    covers=("attacks:A09",), requires="MAC coordinator realignments",
    reads=[
        packets.where(c.mac_command == "Coordinator Realignment")[c.frame, c.seconds, c.sender],
        packets.where(c.mac_command == "Orphan Notification")[c.seconds],
    ],
    broken_by="ordinary-day --fault realignment-spoof --seconds 1500",
)  # fmt: skip
def realignment_forged(
    view: View, realignments: Frame, orphans: Frame, *, seconds: float = 1.0
) -> Iterator[Evidence]:
    """Each realignment beside the orphans of the second before it."""
    lost = orphans["seconds"].to_numpy(dtype=float)
    asked = [bool(((at - lost >= 0) & (at - lost <= seconds)).any()) for at in realignments["seconds"]]
    yield from judge(
        view, realignments, ~np.array(asked, bool), "{bad} without an orphan notification before"
    )
