"""Frames from the air: one file a device family, all giving the same `CapturedFrame`.

A new sniffer is a decoder (octets in, frames out) in a file of its own, and an entry in `SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captures.errors import CaptureError
from captures.sniffers.event import SniffedFrame, SnifferTrouble
from captures.sniffers.source import FileStream, SerialStream, Sniffer, StreamSniffer, UsbSniffer
from dissectors.modules import PlugInError, plug_ins

__all__ = ["SCHEMES", "Settings", "SniffedFrame", "Sniffer", "open_sniffer", "schemes"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person chose for a sniffer.

    Attributes:
        place: what follows the scheme: a serial port, an address, an interface, a path.
        baud: serial speed; None for the device's usual one.
        speed, seed: of the simulated HAN: simulated seconds a second (0: as fast as possible), random seed.
    """

    place: str
    channel: int
    page: int
    frequency_khz: float | None
    baud: int | None
    speed: float
    seed: int
    trouble: SnifferTrouble


def _nordic(settings: Settings) -> Sniffer:
    from captures.sniffers.nordic import NordicDecoder

    decoder = NordicDecoder(settings.channel, settings.trouble)
    stream = SerialStream(settings.place, settings.baud or 115_200)
    return StreamSniffer(f"nRF sniffer at {settings.place}", stream, decoder)


def _smartrf(settings: Settings) -> Sniffer:
    from captures.sniffers.ti_smartrf import SmartRfDecoder

    decoder = SmartRfDecoder(settings.page, settings.channel, settings.trouble, settings.frequency_khz)
    stream = SerialStream(settings.place, settings.baud or 3_000_000)
    return StreamSniffer(f"TI SmartRF sniffer at {settings.place}", stream, decoder)


def _cc2531(settings: Settings) -> Sniffer:
    from captures.sniffers.ti_cc2531 import PRODUCTS, VENDOR, Cc2531Decoder, Cc2531Device

    decoder = Cc2531Decoder(settings.channel, settings.trouble)
    try:
        import usb.core
    except ImportError:
        raise CaptureError(
            "cc2531", None, "USB sniffers need pyusb", hint="pip install 'hanscope[sniffers]'"
        ) from None
    try:
        found: Any = usb.core.find(find_all=True, idVendor=VENDOR)
        device = next((d for d in found if d.idProduct in PRODUCTS), None)
    except usb.core.NoBackendError:
        raise CaptureError(
            "cc2531", None, "no USB library on this machine", hint="install libusb-1.0"
        ) from None
    if device is None:
        raise CaptureError("cc2531", None, "no CC2531, CC2530 or CC2540 dongle found", hint="lsusb -d 0451:")
    return UsbSniffer("TI CC2531", Cc2531Device(device), decoder, settings.channel)


def _ezsp(settings: Settings) -> Sniffer:
    from captures.sniffers.ezsp import EzspDecoder

    return StreamSniffer(
        f"EmberZNet stick through {settings.place}", FileStream(settings.place), EzspDecoder(settings.trouble)
    )


def _zep(settings: Settings) -> Sniffer:
    from captures.sniffers.zep import PORT, ZepSniffer

    host, _, port = settings.place.rpartition(":")
    if not port.isdigit() and settings.place:
        raise CaptureError(
            f"zep:{settings.place}", None, "an address and a UDP port are needed", hint="zep:0.0.0.0:17754"
        )
    return ZepSniffer(host.strip("[]") or "0.0.0.0", int(port or PORT), settings.trouble)


def _wpan(settings: Settings) -> Sniffer:
    from captures.sniffers.wpan import WpanSniffer

    return WpanSniffer(settings.place, settings.channel, settings.page)


def _pipe(settings: Settings) -> Sniffer:
    from captures.sniffers.pipe import PipeSniffer

    return PipeSniffer(settings.place or "-")


def _simulated(settings: Settings) -> Sniffer:
    from captures.sniffers.simulated import SimulatedSniffer

    return SimulatedSniffer(settings.place, settings.speed, settings.seed)


SCHEMES: dict[str, tuple[Callable[[Settings], Sniffer], str]] = {
    "nrf": (_nordic, "Nordic nRF 802.15.4 sniffer: nrf:/dev/ttyACM0"),
    "zephyr": (_nordic, "Zephyr 802.15.4 sniffer sample: zephyr:/dev/ttyACM0"),
    "cc2531": (_cc2531, "TI CC2531 USB dongle: cc2531:"),
    "smartrf": (_smartrf, "TI SmartRF packet sniffer 2, 2.4 GHz and sub-GHz: smartrf:/dev/ttyACM0"),
    "ezsp": (_ezsp, "zigpy-cli packet-capture --interleave, JSON lines: ezsp:- or ezsp:FIFO"),
    "zep": (_zep, "ZEP over UDP: zep:0.0.0.0:17754"),
    "wpan": (_wpan, "Linux IEEE 802.15.4 interface: wpan:monitor0"),
    "pipe": (_pipe, "pcap or pcapng from a pipe: pipe:- or pipe:FIFO"),
    "simulated": (_simulated, "the simulated HAN: simulated:install-day, simulated:ordinary-day+replay"),
}
"""How to open each kind of sniffer, and how a person names it."""


def schemes() -> dict[str, tuple[Callable[[Settings], Sniffer], str]]:
    """`SCHEMES`, and those of plug-ins.

    Raises:
        PlugInError: one of them is no such pair.
    """
    known = dict(SCHEMES)
    for one in plug_ins("hanscope.sniffers"):
        if not (isinstance(one.value, tuple) and len(one.value) == 2 and callable(one.value[0])):
            raise PlugInError(one.entry, "it is no pair of a function and a text")
        known.setdefault(one.name, one.value)
    return known


def open_sniffer(
    source: str,
    *,
    channel: int = 11,
    page: int = 0,
    frequency_khz: float | None = None,
    baud: int | None = None,
    speed: float = 1.0,
    seed: int = 1,
    trouble: SnifferTrouble = lambda text: None,
) -> Sniffer:
    """Open the sniffer that `source` names: ``scheme:place`` (see `SCHEMES`), or a path or ``-`` for a pipe.

    Args:
        channel, page: where to listen (IEEE 802.15.4 numbers; GB sub-GHz pages are 28 to 31).
        frequency_khz: centre frequency when the channel number is not enough (SmartRF).
        trouble: told in a sentence what was received that is no frame.

    Raises:
        CaptureError: no such device, no permission, or a library is missing (says which).
        ValueError: the device has no such channel.
    """
    scheme, colon, place = source.partition(":")
    if len(scheme) == 1:  # a drive of Windows
        scheme, colon, place = source, "", ""
    known = SCHEMES if scheme in SCHEMES else schemes()
    if not colon and scheme in known and not Path(source).exists():
        raise CaptureError(source, None, "the name of a sniffer needs a colon", hint=known[scheme][1])
    if not colon or scheme not in known:
        if colon and not source.startswith(("/", ".")) and "/" not in scheme:
            names = ", ".join(known)
            raise CaptureError(source, None, f"no sniffer is called {scheme!r}", hint=f"known are {names}")
        scheme, place = "pipe", source
    opener, _ = known[scheme]
    return opener(Settings(place, channel, page, frequency_khz, baud, speed, seed, trouble))
