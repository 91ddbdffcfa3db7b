"""One frame of every kind, built with the project's own layers: what the tests of this folder run over."""

from collections.abc import Iterator
from typing import Any

from dissectors.ieee802154.beacon import BeaconInfo, GtsDescriptor
from dissectors.ieee802154.build import build_frame, seal_frame
from dissectors.ieee802154.commands import COMMANDS, WITHOUT_FIELDS, CommandId
from dissectors.ieee802154.headers import AuxSecurity2006, MacHeader
from dissectors.ieee802154.information_elements import (
    ZIGBEE_OUI,
    EnhancedBeaconFilterIE,
    EnhancedBeaconPayloadIE,
    HeaderIE,
    HeaderIEs,
    MlmeIE,
    PayloadIE,
    PayloadIEs,
    ShortNestedIE,
    VendorPayloadIE,
    ZigbeeIE,
)
from dissectors.ieee802154.zigbee_beacon import ZigbeeBeacon
from dissectors.layout import Layer
from dissectors.model.frame import RawFrame
from dissectors.zigbee.aps.commands import APS_COMMANDS, ApsCommandId
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.green_power.headers import GreenPowerHeader
from dissectors.zigbee.nwk.commands import NWK_COMMANDS, LinkEntry, NwkCommandId, PowerEntry
from dissectors.zigbee.nwk.headers import InterPanHeader, NwkHeader
from dissectors.zigbee.security.sealing import seal_aps, seal_nwk
from dissectors.zigbee.zdp.read import zdp_layer, zdp_names
from dissectors.zigbee.zdp.records import RECORDS

PAN = 0x1A62
NWK_KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
LINK_KEY = bytes.fromhex("101112131415161718191a1b1c1d1e1f")
MAC_KEY = bytes(range(0xC0, 0xD0))
HUB, METER = 0x00DB123456789000, 0x00DB1234567890A1
METER_SHORT = 0x5A3C


def mac(payload: bytes, seq: int = 1) -> bytes:
    """A MAC data frame from the meter to the hub, with its FCS."""
    header = MacHeader(
        frame_type=1,
        ack_request=1,
        pan_id_compression=1,
        dst_mode=2,
        src_mode=2,
        sequence=seq & 0xFF,
        dst_pan=PAN,
        dst_short=0,
        src_short=METER_SHORT,
    )
    return build_frame(header, payload)


def nwk(payload: bytes, *, counter: int, command: bool = False, key: bytes = NWK_KEY, **fields: Any) -> bytes:
    """A secured frame from the meter to the hub."""
    values = {"src_eui64_present": 1, "src_eui64": METER, "sequence": counter & 0xFF} | fields
    header = NwkHeader(frame_type=int(command), dst=0, src=METER_SHORT, **values)
    return mac(seal_nwk(header, payload, key, eui64=METER, counter=counter), counter)


def aps(payload: bytes, *, counter: int, **fields: Any) -> bytes:
    """An APS data payload in a secured NWK frame."""
    return nwk(bytes(ApsHeader(counter=counter & 0xFF, **fields)) + payload, counter=counter)


ADDRESSING: dict[int, dict[str, Any]] = {
    6: {"dst_mode": 2, "src_mode": 3, "src_eui64": METER, "pan_id_compression": 1, "dst_pan": 0xFFFF},
    7: {"dst_mode": 2, "dst_pan": 0xFFFF},
    8: {"dst_mode": 3, "dst_eui64": METER, "src_mode": 3, "src_eui64": HUB, "dst_pan": 0xFFFF},
    9: {"src_mode": 2, "src_short": METER_SHORT, "ack_request": 1},
}
"""Addresses that the standard prescribes for some commands (802.15.4-2015 clause 7.5)."""


def zigbee_beacon_ie() -> Layer:
    """What a sub-GHz router says of its network."""
    content = EnhancedBeaconPayloadIE(beacon_payload=ZigbeeBeacon(extended_pan_id=HUB), sender=METER_SHORT)
    return ZigbeeIE(zigbee_id=2, zigbee_length=len(bytes(content)), content=content)


def enhanced(frame_type: int, content: Layer, ie_id: int, rest: bytes = b"") -> bytes:
    """A frame of version 2 with one payload IE."""
    header = MacHeader(
        frame_type=frame_type, version=2, ie_present=1, src_mode=3, src_eui64=METER, sequence=5
    )
    header.src_pan = PAN
    headers = HeaderIEs(ies=[HeaderIE(ie_id=0x7E)])
    payload = PayloadIEs(
        ies=[
            PayloadIE(ie_id=ie_id, ie_length=len(bytes(content)), ie_type=1, content=content),
            PayloadIE(ie_id=0xF, ie_type=1),
        ]
    )
    return build_frame(header, bytes(headers) + bytes(payload) + rest)


def mac_examples() -> Iterator[tuple[str, bytes]]:
    values: dict[int, dict[str, Any]] = {
        8: {"channel_page": b"\x00", "channel": 15, "pan": PAN},
        9: {"gts_type": 1},
    }
    for command in [*COMMANDS, *sorted(WITHOUT_FIELDS)]:
        body = bytes(CommandId(command=command))
        if command in COMMANDS:
            layer = COMMANDS[command](**values.get(command, {}))
            body += bytes(layer) + (b"vendor" if command == 0x24 else b"")
        addressing = ADDRESSING.get(
            command, {"dst_mode": 3, "dst_eui64": HUB, "src_mode": 3, "src_eui64": METER}
        )
        header = MacHeader(frame_type=3, sequence=command, **({"dst_pan": PAN, "src_pan": PAN} | addressing))
        yield f"mac command {command}", build_frame(header, body)
    yield "mac ack", build_frame(MacHeader(frame_type=2, sequence=9))
    beacon = MacHeader(frame_type=0, src_mode=2, src_pan=PAN, src_short=0)
    info = BeaconInfo(association_permit=1)
    yield "beacon", build_frame(beacon, bytes(info) + bytes(ZigbeeBeacon(extended_pan_id=HUB)))
    full = BeaconInfo(
        gts_count=1,
        gts_list=[GtsDescriptor(device=5, starting_slot=9, slot_length=2)],
        short_count=1,
        extended_count=1,
        pending_short=[7],
        pending_extended=[METER],
    )
    yield "beacon with lists", build_frame(beacon, bytes(full) + bytes(ZigbeeBeacon()))
    yield (
        "enhanced beacon",
        enhanced(0, VendorPayloadIE(vendor_oui=ZIGBEE_OUI, zigbee=[zigbee_beacon_ie()]), 2),
    )
    wanted = ShortNestedIE(nested_id=0x1E, nested_length=1, content=EnhancedBeaconFilterIE(permit_joining=1))
    yield "enhanced beacon request", enhanced(3, MlmeIE(nested=[wanted]), 1, bytes(CommandId(command=7)))
    for level in range(1, 8):
        header = MacHeader(frame_type=1, version=1, dst_mode=3, src_mode=3, pan_id_compression=1)
        header.dst_pan, header.dst_eui64, header.src_eui64 = PAN, HUB, METER
        aux = AuxSecurity2006(level=level, key_id_mode=1, frame_counter=level, key_index=1)
        yield f"mac level {level}", seal_frame(header, aux, MAC_KEY, METER, payload=b"\x41payload")


def nwk_command_layers() -> Iterator[tuple[int, Layer]]:
    values: dict[int, dict[str, Any]] = {
        0x01: {"target_eui64_present": 1, "target_eui64": HUB, "many_to_one": 1},
        0x02: {"originator_eui64_present": 1, "originator_eui64": HUB, "responder_eui64_present": 1},
        0x03: {"status": 0x0B, "target": 0x1234},
        0x04: {"rejoin": 1},
        0x05: {"relays": [0x1111, 0x2222]},
        0x08: {"link_count": 2, "links": [LinkEntry(neighbour=1, incoming_cost=1), LinkEntry(neighbour=2)]},
        0x09: {"information_count": 2, "pans": [PAN, 0x2222], "extended_pan_id": HUB},
        0x0A: {"information_count": 1, "pans": [PAN], "extended_pan_id": HUB, "update_id": 1},
        0x0D: {"power_type": 1, "powers": [PowerEntry(device=METER_SHORT, power_delta=-3)]},
    }
    for command, kind in NWK_COMMANDS.items():
        yield command, kind(**values.get(command, {}))


def aps_command_layers() -> Iterator[tuple[str, int, Layer]]:
    kinds = APS_COMMANDS
    for key_type in range(6):
        layer = kinds[5](
            key_type=key_type, key=bytes(range(16, 32)), destination=METER, source=HUB, partner=HUB
        )
        yield f"transport key {key_type}", 5, layer
    values: dict[int, dict[str, Any]] = {8: {"key_type": 2, "partner": HUB}, 0x0A: {"key_type": 1}}
    values |= {0x0C: {"data": bytes(4)}, 0x0D: {"data": bytes(4)}}
    for command, kind in kinds.items():
        if command not in (5, 0x0E):
            yield f"aps command {command}", command, kind(**values.get(command, {}))


def filled(kind: type[Layer]) -> Layer:
    """A ZDP layer or structure with every field set, and two entries in every list."""
    values: dict[str, Any] = {}
    for part in kind.parts:
        name = type(part).__name__
        if name == "ListOf":
            values[part.name] = [1, 2]
        elif name == "Records":
            values[part.name] = [filled(part.kind), filled(part.kind)]
        elif name == "Inline":
            values[part.name] = filled(part.record)
        elif name == "Nested":
            values[part.name] = filled(RECORDS["simple"])
        elif name == "Octets":
            values[part.name] = b"" if part.size is None else b"text"
        elif part.default is None:
            continue
        else:
            values[part.name] = 0 if part.name == "status" else 3
    return kind(**values)


def zdp_examples() -> Iterator[tuple[int, str, bytes]]:
    for cluster, name in zdp_names().items():
        kind = zdp_layer(cluster)
        assert kind is not None
        layer = filled(kind)
        if name == "Extended_Active_EP_rsp":
            layer.start_index, layer.endpoint_count = 0, len(layer.endpoints)
        for part in kind.parts:
            if type(part).__name__ == "UInt" and part.count_of and part.name not in layer.fields:
                layer.fields[part.name] = None
        yield cluster, name, bytes([7]) + bytes(layer)


def examples() -> Iterator[tuple[str, bytes]]:
    """Every frame, in the order of a capture."""
    yield from mac_examples()
    yield from stub_examples()
    counter = 100
    for command, layer in nwk_command_layers():
        counter += 1
        yield (
            f"nwk {layer.name}",
            nwk(bytes(NwkCommandId(command=command)) + bytes(layer), counter=counter, command=True),
        )
    for name, command, layer in aps_command_layers():
        counter += 1
        body = bytes(ApsCommandId(command=command)) + bytes(layer)
        key_id = {5: "key-transport"}.get(command, "link")
        header = ApsHeader(frame_type=1, counter=counter & 0xFF)
        sealed = seal_aps(header, body, LINK_KEY, key_id=key_id, eui64=METER, counter=counter)
        yield name, nwk(sealed, counter=counter)
    for cluster, name, payload in zdp_examples():
        counter += 1
        yield (
            f"zdp {name}",
            aps(payload, counter=counter, cluster=cluster, profile=0, dst_endpoint=0, src_endpoint=0),
        )
    yield (
        "source route",
        nwk(bytes(ApsHeader(frame_type=2)), counter=counter + 1, source_route=1, relays=[1, 2]),
    )
    yield "multicast", aps(b"", counter=counter + 2, delivery_mode=3, group=5, cluster=0, profile=0x0104)


def stub_examples() -> Iterator[tuple[str, bytes]]:
    """Frames without a NWK header proper."""
    far = MacHeader(frame_type=1, dst_mode=2, src_mode=3, dst_pan=0xFFFF, dst_short=0xFFFF, src_pan=PAN)
    far.src_eui64 = METER
    stub = bytes(InterPanHeader())
    touch = ApsHeader(frame_type=3, delivery_mode=2, cluster=0x1000, profile=0xC05E)
    scan = bytes.fromhex("11 01 00 78563412 05 12")
    yield "touchlink scan", build_frame(far, stub + bytes(touch) + scan)
    price = ApsHeader(frame_type=3, cluster=0x0700, profile=0x0109)
    yield "inter-PAN price", build_frame(far, stub + bytes(price) + bytes.fromhex("01 02 00 00"))
    near = MacHeader(frame_type=1, dst_mode=2, dst_pan=0xFFFF, dst_short=0xFFFF)
    plain = GreenPowerHeader(extension=1, src_id=0x12345678)
    yield "green power data", build_frame(near, bytes(plain) + b"\x20")
    secured = GreenPowerHeader(extension=1, security_level=2, src_id=0x12345678, frame_counter=7)
    yield "green power secured", build_frame(near, bytes(secured) + b"\x20" + bytes(4))
    beacon = MacHeader(frame_type=0, src_mode=2, src_pan=PAN, src_short=0)
    yield "thread beacon", build_frame(beacon, bytes(BeaconInfo()) + b"\x03\x91" + bytes(24))


def raw(octets: bytes, number: int = 0, time_ns: int = 0) -> RawFrame:
    """A frame with an FCS, `number` ms into the capture unless a time is given."""
    return RawFrame(octets, "fcs16", number, time_ns or number * 1_000_000)
