from collections.abc import Iterator

import pandas as pd

from analysis.features.judging import mask
from analysis.features.membership import DEVICE_ANNCE, left_before, secured_frames
from analysis.features.view import DEVICE_PROFILE
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule


@rule(
    "association-of-present-device",
    "A device that is present asks to associate",
    finds="""Association requests with the EUI-64 of a device that sent secured data just before and goes on with rising
    counters just after.""",
    matters="It has no reason to join again, so somebody else uses its name.",
    example="""In-home display (90b3d5fffe0000a2): asks to associate at frame 592 while it sends secured frames before
    and after""",
    source="KillerBee zbkey",
    advice="Somebody may use the EUI-64 of a joined device to be given its key: compare signal strengths",
    family="anomaly", area="joining", severity="warning", confidence="secondary", cause="join attack", absent=1,
    covers=("attacks:A04",), requires="MAC association requests",
    reads=[
        packets.where(c.mac_command == "Association Request", c.mac_src.known)[c.frame, c.seconds, c.mac_src],
    ],
    broken_by="ordinary-day --fault cloned-join --seconds 1500", kept_by="install-day --seconds 1500",
)  # fmt: skip
def association_of_present_device(
    view: View, asked: Frame, *, silent: float = 3600.0, after: float = 3600.0
) -> Iterator[Evidence]:
    """Each request beside what its device says around it; `silent`, `after`: seconds before and after it."""
    secured = secured_frames(view)
    for row in asked.itertuples():
        mine = secured[mask(secured["sender"] == row.mac_src)]
        gap = mine["seconds"] - row.seconds
        before, later = mine[mask((gap < 0) & (gap > -silent))], mine[mask((gap > 0) & (gap < after))]
        counters = pd.concat([before["nwk_counter"], later["nwk_counter"]]).dropna()
        subject, asks = Subject.device(row.mac_src), f"asks to associate at frame {row.frame}"
        if not (len(before) and len(later) and counters.is_monotonic_increasing):
            yield kept(subject, f"{asks}, was not on the network")
        elif left_before(view, int(row.mac_src), row.seconds, silent):
            yield kept(subject, f"{asks}, having left before")
        elif _announced(later) or _moved(before, later):
            yield kept(subject, f"{asks} and announces itself: it joined again")
        else:
            readable = mask(later["nwk_security"] == "ok").any()
            text = f"{asks} while it sends secured frames before and after"
            yield broken(subject, text, [row.frame, *view.frames_of(later[:3])], None if readable else "info")


def _announced(later: Frame) -> bool:
    return bool(mask((later["aps_profile"] == DEVICE_PROFILE) & (later["aps_cluster"] == DEVICE_ANNCE)).any())


def _moved(before: Frame, later: Frame) -> bool:
    """Whether the device has another short address than before: it did join again."""
    old, new = before["nwk_src"].dropna(), later["nwk_src"].dropna()
    return bool(len(old) and len(new) and old.iloc[-1] != new.iloc[0])
