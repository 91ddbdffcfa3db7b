"""What is learnt from verified frames: which EUI-64 has which short address, and keys.

Sources: ZigBee 05-3474 R22 clauses 3.6.1.10 (address assignment), 2.4.3.1.11 (device announce), 4.4.10.1
(Transport-Key), 3.4.10 (network update).
"""

from __future__ import annotations

from dissectors.keyring import Key
from dissectors.layout import Layer
from dissectors.reading import Reading
from dissectors.security.counters import FrameCounters
from dissectors.zigbee.aps_commands import APP_LINK, HIGH_SECURITY_NETWORK, NETWORK, TC_LINK
from dissectors.zigbee.nwk import AuxHeader, NwkHeader

__all__ = ["assume_addresses", "learn_addresses", "learn_announced", "learn_key", "learn_pan_change"]


def learn_addresses(reading: Reading, header: NwkHeader, aux: AuxHeader | None) -> None:
    """A verified NWK frame: who sent the hop, who sent the frame, whom it is for."""
    if not reading.trusted or reading.pan is None:
        return
    learn = reading.context.addresses.learn
    source = aux.get("source") if aux is not None else None
    if source is not None and reading.sender_short is not None:
        learn(reading.pan, reading.sender_short, source)
    for short, eui64 in (("src", "src_eui64"), ("dst", "dst_eui64")):
        if header.get(eui64) is not None:
            learn(reading.pan, header.get(short), header.get(eui64))


def assume_addresses(reading: Reading, header: NwkHeader, aux: AuxHeader | None) -> None:
    """An unverified frame: believed only where nothing better is known."""
    if not reading.trusted or reading.pan is None:
        return
    addresses = reading.context.addresses
    pairs = [(header.get("src"), header.get("src_eui64")), (header.get("dst"), header.get("dst_eui64"))]
    if aux is not None:
        pairs.append((reading.sender_short, aux.get("source")))
    for short, eui64 in pairs:
        if short is not None and eui64 is not None and addresses.eui64(reading.pan, short) is None:
            addresses.learn(reading.pan, short, eui64)


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
    if not any(k.kind == key.kind and covers(k, key) for k in [k for k in keyring.keys if k.value == value]):
        keyring.add(key)


def covers(held: Key, new: Key) -> bool:
    """Whether `held` serves wherever `new` would."""
    if held.pan not in (None, new.pan) or held.sequence not in (None, new.sequence):
        return False
    return held.devices is None or set(held.devices) == set(new.devices or ())


def learn_pan_change(reading: Reading, pan: int) -> None:
    """A network update: the keys of this PAN serve the new PAN ID too."""
    if not reading.trusted:
        return
    keyring = reading.context.keyring
    for key in [k for k in keyring.keys if k.kind == "network" and k.pan == reading.pan]:
        keyring.add(Key("network", key.value, key.origin, pan, key.sequence, first_frame=key.first_frame))
