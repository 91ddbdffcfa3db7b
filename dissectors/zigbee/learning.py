"""What is learnt from verified frames: which EUI-64 has which short address, and keys.

Sources: ZigBee 05-3474 R22 clauses 3.6.1.10 (address assignment), 2.4.3.1.11 (device announce), 4.4.9.1
(Transport-Key), 3.4.10 (network update).
"""

from __future__ import annotations

from typing import NamedTuple

from dissectors.layout import Layer
from dissectors.layout.reading import Reading
from dissectors.model.keyring import Key
from dissectors.security.counters import FrameCounters
from dissectors.zigbee.aps.commands import APP_LINK, HIGH_SECURITY_NETWORK, NETWORK, TC_LINK
from dissectors.zigbee.nwk.headers import AuxHeader, NwkHeader

__all__ = [
    "ADDRESS_PAIRS",
    "AddressPair",
    "learn_addresses",
    "learn_announced",
    "learn_key",
    "learn_pan_change",
]


class AddressPair(NamedTuple):
    """A short address and an EUI-64 that stand in the headers of one frame, and belong to one device.

    `verified`: only frames that were verified show it, or (False) only the others; None: all do.
    """

    short: str
    eui64: str
    verified: bool | None = None


ADDRESS_PAIRS = (
    AddressPair("hop", "sender", True),
    AddressPair("src", "src_eui64"),
    AddressPair("dst", "dst_eui64"),
    AddressPair("hop", "sender", False),
)
"""What a NWK frame shows of addresses, in the order in which it counts: the sender of the hop (short address of the
MAC source, EUI-64 of the auxiliary header), source, destination. An unverified frame is believed only where nothing is
known, and last in what it says of the hop; a replay shows nothing."""


def learn_addresses(reading: Reading, header: NwkHeader, aux: AuxHeader | None, verified: bool) -> None:
    """What one NWK frame shows of addresses; for many see `dissectors.zigbee.nwk.address_columns`."""
    if not reading.trusted or reading.pan is None:
        return
    shown = {"hop": reading.sender_short, "sender": aux.get("source") if aux is not None else None}
    shown |= {name: header.get(name) for name in ("src", "src_eui64", "dst", "dst_eui64")}
    for pair in ADDRESS_PAIRS:
        short, eui64 = shown[pair.short], shown[pair.eui64]
        if pair.verified in (None, verified) and short is not None and eui64 is not None:
            reading.context.addresses.learn(reading.pan, short, eui64, verified)


def learn_announced(reading: Reading, short: int, eui64: int) -> None:
    """A device announces its addresses."""
    if reading.trusted and reading.pan is not None:
        reading.context.addresses.learn(reading.pan, short, eui64)


def learn_key(reading: Reading, command: Layer) -> None:
    """A Transport-Key command: a network key, or a link key for a pair of devices. All zeros is no key."""
    value = command.get("key")
    if not reading.trusted or command.error is not None or not value or not any(value):
        return
    number = reading.raw.number
    origin = f"Transport-Key in frame {number}"
    kind = command.key_type
    first = number or None
    if kind in (NETWORK, HIGH_SECURITY_NETWORK):
        key = Key("network", value, origin, reading.pan, command.key_sequence, first_frame=first)
        reading.context.state(FrameCounters).restart("nwk", command.destination, value)
    elif kind == TC_LINK:
        pair = (command.destination, command.source)
        key = Key("link", value, origin, reading.pan, devices=pair, first_frame=first)
    elif kind == APP_LINK:
        # Whom it is sent to may be known by a short address only: then it serves any pair.
        ends = None if reading.destination is None else (reading.destination, command.partner)
        key = Key("link", value, origin, reading.pan, devices=ends, first_frame=first)
    else:
        return
    reading.out.learnt.append(key)
    keyring = reading.context.keyring
    if not any(held.serves_as(key) for held in [one for one in keyring.keys if one.value == value]):
        keyring.add(key)


def learn_pan_change(reading: Reading, pan: int) -> None:
    """A network update: the keys of this PAN serve the new PAN ID too."""
    if not reading.trusted:
        return
    keyring = reading.context.keyring
    for key in [k for k in keyring.keys if k.kind == "network" and k.pan == reading.pan]:
        keyring.add(Key("network", key.value, key.origin, pan, key.sequence, first_frame=key.first_frame))
