from collections.abc import Iterator

from analysis.features.judging import count
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule


@rule(
    "weak-signal",
    "A device is received at the edge",
    finds="Devices whose median signal strength, where the sniffer stands, is below a limit.",
    matters="""The sniffer misses many of their frames: then silence and missing answers in this capture say little about
    the device itself.""",
    example="Gas meter (90b3d5fffe0000a1): median -93 dBm over 120 frames",
    source="IEEE 802.15.4 receiver sensitivity (-85 dBm at 2.4 GHz)",
    advice="The sniffer stands far from this device; its neighbours may hear it better",
    family="anomaly", area="links", severity="info", confidence="secondary", cause="weak link",
    requires="frames with a signal strength",
    reads=[packets.where(c.rssi.known, c.mac_type != "ack")[c.frame, c.sender, c.rssi]],
    kept_by="ordinary-day --seconds 1500",
)  # fmt: skip
def weak_signal(view: View, heard: Frame, *, dbm: float = -90.0, least: int = 10) -> Iterator[Evidence]:
    """The median of each sender with enough frames."""
    for sender, part in heard.groupby("sender", sort=False):
        if len(part) < least:
            continue
        median, subject = float(part["rssi"].median()), Subject.device(sender)
        text = f"median {median:.0f} dBm over {count(part)}"
        yield broken(subject, text, part["frame"][:20]) if median < dbm else kept(subject, text)
