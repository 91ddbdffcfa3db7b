"""Steps of the scenarios: prices, messages, top-ups, firmware, hub swap, pairing."""

from __future__ import annotations

import hashlib
import struct

from captures.simulated.air.exchanges import begin
from captures.simulated.air.medium import Place, Wait
from captures.simulated.air.truth import ImageNote, LinkKey, NetworkKey
from captures.simulated.devices import behaviour, gas_mirror, home, metering
from captures.simulated.devices.equipment import IMAGE_TYPE, MANUFACTURER, equip
from captures.simulated.devices.han import Han
from captures.simulated.stack import attributes, discovery, joining, key_establishment, tunnels
from captures.simulated.stack.attributes import say
from captures.simulated.stack.clusters import (
    DEVICE_MANAGEMENT,
    EVENTS,
    MESSAGING,
    OTA,
    PREPAYMENT,
    PRICE,
    TIME,
)
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from dissectors.crypto import aes_mmo
from dissectors.zcl import build_payload

__all__ = ["display_message", "publish_tariff", "swap_hub", "top_up", "upgrade"]

OTA_MAGIC = 0x0BEEF11E


def display_message(hub: Node, display: Node, text: str, number: int) -> Wait:
    """Display Message, and the confirmation that the person pressed the button."""
    now = hub.han.utc
    values = {
        "message_id": number, "message_control": 0x82, "start_time": 0, "duration_in_minutes": 1440,
        "message": text, "optional_extended_message_control": 0,
    }  # fmt: skip
    arrived, _ = yield from say(hub, display, MESSAGING, 0x00, values, truth={"message_text": text})
    if arrived:
        yield hub.han.wait(20)
        payload = struct.pack("<II", number, now + 20)
        yield from display.send_zcl(hub, MESSAGING, 0x01, payload)


def publish_tariff(meter: Node, display: Node) -> Wait:
    """Tariff information, price, block thresholds do not change: what a display asks for after a new tariff."""
    now = meter.han.utc
    account = meter.part(metering.Account)
    account.tariff += 1
    account.price = 26_500
    request = struct.pack("<IIBB", 0, 0, 1, 0)
    _, seq = yield from display.send_zcl(meter, PRICE, 0x06, request, asks=True)
    values = {
        "provider_id": 0x00010000, "issuer_event_id": account.tariff, "issuer_tariff_id": 7,
        "start_time": now, "tariff_type_charging_scheme": 0, "tariff_label": b"Fixed 2027",
        "number_of_price_tiers_in_use": 1, "number_of_block_thresholds_in_use": 0, "unit_of_measure": 0,
        "currency": 826, "price_trailing_digit": 0x50, "standing_charge": 53_270, "tier_block_mode": 0xFF,
        "block_threshold_multiplier": 1, "block_threshold_divisor": 1,
    }  # fmt: skip
    yield from say(meter, display, PRICE, 0x04, values, seq=seq)
    yield from metering.publish_price(meter, display)


def change_supplier(hub: Node, display: Node) -> Wait:
    """Publish Change of Supplier and its acknowledgement."""
    values = {
        "current_provider_id": 0x00010000, "issuer_event_id": 9, "tariff_type": 0, "proposed_provider_id": 0x00030000,
        "provider_change_implementation_time": hub.han.utc + 60, "provider_change_control": 0,
        "proposed_provider_name": b"Another Supplier", "proposed_provider_contact_details": b"0800 000 000",
    }  # fmt: skip
    yield from say(hub, display, DEVICE_MANAGEMENT, 0x01, values)


def top_up(display: Node, meter: Node, code: str, pence: int) -> Wait:
    """The person types the 20 digits of a token; the meter answers with the new credit."""
    payload = build_payload(
        PREPAYMENT, "to-server", 0x04, {"originating_device": 2, "top_up_code": code.encode()}
    )
    arrived, seq = yield from display.send_zcl(
        meter, PREPAYMENT, 0x04, payload, asks=True, truth={"top_up": "code"}
    )
    if not arrived:
        return
    added = pence * metering.PER_PENNY
    account = meter.part(metering.Account)
    account.credit += added
    attributes.hold(meter, PREPAYMENT, {0x0001: (0x2B, account.credit)})
    values = {
        "result_type": 0,
        "top_up_value": added,
        "source_of_top_up": 2,
        "credit_remaining": account.credit,
    }
    yield meter.han.wait(0.4)
    yield from say(meter, display, PREPAYMENT, 0x03, values, seq=seq, truth={"credit": account.credit})


def event(hub: Node, display: Node, event_id: int) -> Wait:
    """Publish Event."""
    values = {
        "log_id": 3,
        "event_id": event_id,
        "event_time": hub.han.utc,
        "event_control": 0,
        "event_data": b"",
    }
    yield from say(hub, display, EVENTS, 0x00, values)


def _firmware(han: Han, version: int) -> bytes:
    """The manufacturer image of a version: what the header and the signature of the file enclose."""
    code: bytes = han.octets(f"firmware {version:08x}", han.profile.whole("ota.image"))
    return code


def image(han: Han, version: int) -> bytes:
    """A firmware image: OTA header, an upgrade element, and inside it payload and signature (GBCS 4.4 s.11).

    The signature is random: no device of the simulation checks it, and none of ours may sign firmware.
    """
    body: bytes = _firmware(han, version) + b"\x00\x40" + han.octets(f"signature {version:08x}", 64)
    element = struct.pack("<HI", 0, len(body)) + body
    header = struct.pack(
        "<IHHHHHIH32sI", OTA_MAGIC, 0x0100, 56, 0, MANUFACTURER, IMAGE_TYPE, version, 2, b"hanscope",
        56 + len(element),
    )  # fmt: skip
    return header + element


def upgrade(han: Han, device: Node, version: int = 0x00020000) -> Wait:
    """Notify, query, all blocks in order, upgrade end: a firmware download that works."""
    hub = han.hub
    octets = image(han, version)
    han.image_hash = hashlib.sha256(_firmware(han, version)).digest()
    block = han.profile.whole("ota.block")
    han.note(ImageNote(device.address, version, len(octets), hashlib.sha256(octets).hexdigest()))
    file = struct.pack("<HHI", MANUFACTURER, IMAGE_TYPE, version)
    notify = struct.pack("<BB", 3, 100) + file
    yield from device.awake_for(hub.send_zcl(device, OTA, 0x00, notify, to_client=True))
    query = b"\x00" + struct.pack("<HHI", MANUFACTURER, IMAGE_TYPE, 0x00010000)
    exchange = begin(han, "ota", device.address, hub.address)
    _, seq = yield from device.send_zcl(hub, OTA, 0x01, query, asks=True)
    found = b"\x00" + file + struct.pack("<I", len(octets))
    yield from device.awake_for(hub.send_zcl(device, OTA, 0x02, found, to_client=True, seq=seq))
    offset = 0
    while offset < len(octets):
        size = min(block, len(octets) - offset)
        ask = b"\x00" + file + struct.pack("<IB", offset, size)
        arrived, seq = yield from device.send_zcl(hub, OTA, 0x03, ask, ack=False, asks=True)
        piece = octets[offset : offset + size]
        answer = b"\x00" + file + struct.pack("<IB", offset, size) + piece
        if arrived:
            back = hub.send_zcl(device, OTA, 0x05, answer, to_client=True, seq=seq, ack=False)
            arrived, _ = yield from device.awake_for(back)
        if arrived:
            offset += size
        yield han.wait(0.25)
    exchange.ended("ok")
    _, seq = yield from device.send_zcl(hub, OTA, 0x06, b"\x00" + file, asks=True)
    end = file + struct.pack("<II", han.utc, 0xFFFFFFFF)
    yield from device.awake_for(hub.send_zcl(device, OTA, 0x07, end, to_client=True, seq=seq))


def swap_hub(han: Han) -> Wait:
    """The hub is replaced: devices lose it, find the new one, rejoin under their hashed link keys, agree anew."""
    old = han.hub
    yield han.wait(30)
    old.up = False
    yield han.wait(120)
    hub = han.add("New communications hub", Role.CHF, old.eui64 ^ 0x0F00, old.place)
    old.role, hub.second = Role.FORMER_CHF, old.second
    equip(hub)
    han.key, han.key_seq = han.octets("network key of the new hub", 16), 0
    han.note(NetworkKey(han.key, han.pan, 0))
    hub.short, hub.joined, hub.key, hub.key_seq = 0x0000, True, han.key, 0
    yield from joining.scan(hub)
    behaviour.live(hub)
    for node in han.nodes:
        if node in (hub, old) or not node.joined:
            continue
        node.joined, node.parent = False, hub
        yield han.wait(20)
        node.nwk_counter = 0  # the new hub's network key is another key (05-3474 clause 4.4.3.2)
        hashed = aes_mmo(node.link_keys[old.eui64])
        han.note(LinkKey(hashed, (node.eui64, hub.eui64), "hashed"))
        if not (yield from joining.rejoin(node, secured=False, link_key=hashed)):
            continue
        yield han.wait(1)
        yield from key_establishment.establish(node, hub)
        if node.role == Role.GSME:
            yield from gas_mirror.request_mirror(hub, node)
        if node.role in (Role.ESME, Role.HCALCS, Role.PPMID):  # the hub opens their tunnels (GBCS 10.2.2.1)
            yield from tunnels.open_tunnel(node, hub)
        yield from attributes.read(node, hub, TIME, (0, 1))


def pair_cad(han: Han) -> Wait:
    """A further consumer access device is paired by the person at home."""
    node = han.add("Second access device", Role.CAD, 0x90B3D5FFFE0000B6, Place(5.0, -1.0))
    equip(node)
    yield from joining.open_joining(han.hub, 180)
    yield han.wait(5)
    yield from home.install(node)
    yield from discovery.describe(node, han.hub)
