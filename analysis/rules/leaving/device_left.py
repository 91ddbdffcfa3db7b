from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import NWK_COMMANDS
from analysis.features.judging import mask
from analysis.features.presence import heard_rows
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, commands, kept, packets, rule

LEAVE = NWK_COMMANDS["Leave"]
TO_ANOTHER, COMES_BACK = (NWK_COMMANDS.field("Leave", name) for name in ("request", "rejoin"))
LEAVES = packets.where(c.nwk_command == LEAVE, c.nwk_security == "ok")[
    c.frame, c.seconds, c.origin, c.target, c.pan
]
BITS = commands.where(
    c.layer == "nwk", c.command == LEAVE, c.field.isin(TO_ANOTHER, COMES_BACK), c.number == 1
)[c.frame, c.field]


@rule(
    "device-left",
    "A device left, and did not come back",
    finds="Leave commands in which a device says that it goes, after which neither it nor another in its place is heard.",
    matters="A meter that left is not read, a display shows nothing: somebody must join it again.",
    example="""Electricity meter (90b3d5fffe0000a0): left the network at frame 812, by itself; not heard for 2,803 s
    since, and no other came into its place""",
    source="ZigBee PRO 05-3474 3.2.2.16, 3.6.1.10 (leaving)",
    advice="""Ask whether it was removed on purpose (device log of the hub, CCS02); if not, join it again, and see its
    event log for why it went""",
    family="anomaly", area="leaving", severity="warning", confidence="derived", cause="silence",
    requires="a readable NWK Leave command of a device that goes", reads=[LEAVES, BITS],
    broken_by="home: the meter leaves and does not come back",
)  # fmt: skip
def device_left(
    view: View, leaves: Frame, bits: Frame, *, seconds: float = 600.0, portable: str = "IHD CAD PPMID"
) -> Iterator[Evidence]:
    """Each device by its last Leave. One that was told to go, that may be carried about, or in whose place another came,
    only informs."""
    ordered = set(bits["frame"][mask(bits["field"] == TO_ANOTHER)])
    back = set(bits["frame"][mask(bits["field"] == COMES_BACK)])
    told = set(leaves["target"][leaves["frame"].isin(ordered)].dropna().astype("uint64").tolist())
    rows, may_go = heard_rows(view), view.with_role(*portable.split())
    senders, times = rows["sender"], rows["seconds"].to_numpy(dtype=float)
    own = leaves[~leaves["frame"].isin(ordered) & leaves["origin"].notna()]
    for origin, part in own.groupby("origin", sort=False):
        went, frame = float(part["seconds"].iloc[-1]), int(part["frame"].iloc[-1])
        later = times[mask(senders == origin) & (times > went + 5)]
        subject = Subject.device(origin)
        silent = view.duration - (float(later[-1]) if len(later) else went)
        if len(later) or silent < seconds or _heirs(view, int(origin), went):
            yield kept(subject, f"left at frame {frame}, and came back or was replaced")
            continue
        how = "as it was told" if int(origin) in told else "by itself"
        how += ", and said that it comes back" if frame in back else ""
        text = f"left the network at frame {frame}, {how}; not heard for {silent:,.0f} s since"
        text += ", and no other came into its place"
        light = int(origin) in may_go or int(origin) in told
        yield broken(subject, text, part["frame"], "info" if light else None, silent=(int(origin), went))


def _heirs(view: View, station: int, went: float) -> bool:
    """Whether a device of its role is heard for the first time behind its leaving."""
    role = view.roles.get(station)
    if role is None:
        return False
    rows = heard_rows(view)
    others = rows[mask(rows["sender"].isin(list(view.with_role(role) - {station})))]
    first = others.groupby("sender", sort=False)["seconds"].min().to_numpy(dtype=float)
    return bool(np.any(first >= went - 60))
