"""A sniffer: three Lid Reports, as if they had been heard. A real one reads a device (captures/sniffers has some)."""

from collections.abc import Iterator

from captures import CapturedFrame, TrailerKind
from captures.sniffers import Settings
from dissectors.ieee802154.build import build_frame
from dissectors.ieee802154.headers import MacHeader
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.nwk.headers import NwkHeader

METER = 0x90B3D5FFFE0000A0
LID_REPORT = bytes.fromhex(
    "1d c31a 01 01"
)  # cluster-specific, to the client, Acme's; sequence number, command


class AcmeSniffer:
    """Frames with their time, None when nothing came for a moment."""

    def __init__(self, settings: Settings) -> None:
        self.name = f"Acme, channel {settings.channel}"

    def frames(self) -> Iterator[CapturedFrame | None]:
        for number in range(3):
            aps = bytes(ApsHeader(cluster=0xFD33, profile=0x0109, counter=number))
            nwk = bytes(NwkHeader(dst=0, src=0x1234, src_eui64_present=1, src_eui64=METER))
            mac = MacHeader(frame_type=1, pan_id_compression=1, dst_mode=2, src_mode=2, dst_pan=0x1A62)
            mac.dst_short, mac.src_short, mac.sequence = 0, 0x1234, number
            octets = build_frame(mac, nwk + aps + LID_REPORT + bytes([1, 60 * number, 0]))
            yield CapturedFrame(octets, 10**18 + number * 10**9, trailer=TrailerKind.FCS16)

    def close(self) -> None:
        """Stop the device."""


SNIFFER = (AcmeSniffer, "Acme's stick: acme:")
