"""The homes that scenarios play in: which devices, where they stand, how they come into the network."""

from __future__ import annotations

from dataclasses import dataclass

from captures.simulated.air.medium import Place, Receiver, Wait
from captures.simulated.devices import behaviour, gas_mirror
from captures.simulated.devices.equipment import equip
from captures.simulated.devices.han import Han
from captures.simulated.stack import attributes, discovery, joining, key_establishment
from captures.simulated.stack.clusters import KEEP_ALIVE, METERING, PRICE, TIME
from captures.simulated.stack.network import DISPLAYS, Role
from captures.simulated.stack.node import Node

__all__ = ["HOME", "Furnishing", "furnish", "install", "installed_long_ago", "settle"]


@dataclass(frozen=True, slots=True)
class Furnishing:
    """One device of a home. EUI-64s are of a test block that no real device carries."""

    name: str
    role: Role
    eui64: int
    place: Place
    rx_on: bool = True
    router: bool = False


HOME = (
    Furnishing("Communications hub", Role.CHF, 0x90B3D5FFFE0000A2, Place(0.0, 0.0)),
    Furnishing("Electricity meter", Role.ESME, 0x90B3D5FFFE0000A0, Place(0.4, 0.3), router=True),
    Furnishing("Gas meter", Role.GSME, 0x90B3D5FFFE0000A1, Place(6.0, 3.0, walls=1), rx_on=False),
    Furnishing("Prepayment display", Role.PPMID, 0x90B3D5FFFE0000A4, Place(4.0, -2.0)),
    Furnishing("In-home display", Role.IHD, 0x90B3D5FFFE0000A5, Place(5.0, 1.0)),
    Furnishing("Consumer access device", Role.CAD, 0x90B3D5FFFE0000A6, Place(3.0, 4.0)),
    Furnishing("Load control switch", Role.HCALCS, 0x90B3D5FFFE0000A7, Place(2.0, 5.0), router=True),
)


ELSEWHERE = (Place(6.0, 4.0, walls=1), Place(-4.0, 3.0, walls=1), Place(9.0, -6.0, walls=2))
"""Where further sniffers stand."""
BEFORE = "installed before"


def furnish(han: Han, *, without: tuple[Role, ...] = ()) -> None:
    """Put the devices of the home in place, with their attributes, not joined; and a sniffer in the hallway."""
    for piece in HOME:
        if piece.role in without:
            continue
        node = han.add(
            piece.name, piece.role, piece.eui64, piece.place, rx_on=piece.rx_on, router=piece.router
        )
        equip(node)
    if han.profile.whole("gsme.sub_ghz"):
        _sub_ghz(han)
    if not han.medium.sniffers:
        han.sniffer(Place(1.5, 1.0))
    for index in range(1, han.profile.whole("sniffer.count")):
        drift = han.profile.number("sniffer.drift_ppm") * (1 if index % 2 else -1)
        offset = round(han.profile.number("sniffer.offset") * 1e9) * index
        place = ELSEWHERE[(index - 1) % len(ELSEWHERE)]
        han.sniffer(place, drift_ppm=drift, offset_ns=offset)


def _sub_ghz(han: Han) -> None:
    """The gas meter on the 868 MHz band, the hub with a second radio there, and a sniffer that hears it."""
    page, channel = han.profile.whole("radio.sub_ghz_page"), han.profile.whole("radio.sub_ghz_channel")
    hub, meter = han.hub, han.having(Role.GSME)
    hub.second = Receiver(f"{hub.name} sub-GHz", hub.place, channel, page, 10.0, -105.0)
    if meter is not None:
        meter.page, meter.channel, meter.tx_dbm, meter.sensitivity_dbm = page, channel, 10.0, -105.0
    han.sniffer(Place(1.5, 1.0))
    han.sniffer(Place(1.5, 1.0), channel=channel, page=page, sensitivity_dbm=-105.0)


def install(node: Node) -> Wait:
    """One device comes in: joins, establishes its link key, reads the time, makes its binds."""
    han, hub = node.han, node.han.hub
    if not (yield from joining.join(node)):
        return False
    yield han.wait(0.5)
    yield from key_establishment.establish(node, hub)
    yield han.wait(0.5)
    yield from settle(node)
    return True


def settle(node: Node) -> Wait:
    """What a device does once it has its link key."""
    han, hub = node.han, node.han.hub
    yield from attributes.read(node, hub, TIME, (0, 1))
    yield from attributes.read(node, hub, KEEP_ALIVE, (0, 1))
    meter = han.having(Role.ESME)
    if node.role in DISPLAYS and meter is not None and meter.joined:
        yield from discovery.find_server(node, METERING, meter)
        yield from discovery.describe(node, meter)
        yield from joining.application_link_key(node, meter)
        yield from discovery.bind(node, meter, METERING)
        yield from discovery.bind(node, meter, PRICE)
    if node.role == Role.GSME:
        yield from gas_mirror.request_mirror(hub, node)
    behaviour.live(node)


def installed_long_ago(han: Han) -> None:
    """All devices in the network at once, with link keys, as if installed long ago; nothing goes over the air."""
    hub = han.hub
    hub.short, hub.joined, hub.key, hub.key_seq = 0x0000, True, han.key, han.key_seq
    han.epid = hub.eui64
    for node in han.nodes:
        if node is hub:
            continue
        node.short = joining.new_short(node)
        node.parent, node.joined, node.key, node.key_seq = hub, True, han.key, han.key_seq
        key = han.octets(f"link {hub.name} {node.name}", 16)
        node.join_key = key
        han.share_link_key(hub, node, key, origin=BEFORE)
    meter = han.having(Role.ESME)
    for node in han.nodes:
        if meter is not None and node.role in DISPLAYS:
            key = han.octets(f"link {meter.name} {node.name}", 16)
            han.share_link_key(meter, node, key, origin=BEFORE)
    if han.having(Role.GSME) is not None:
        gas_mirror.hold_mirror(hub)
    for node in han.nodes:
        behaviour.live(node)
