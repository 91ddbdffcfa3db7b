"""What devices of a recording say besides, and what strangers say in their name.

`say`, `tell` and `carry` make honest frames (fresh counters, acknowledged); `forge` makes one under the network
key with a counter of the forger's choice; `shout` puts octets on the air as they are."""

from __future__ import annotations

import struct
from typing import Any

from dissectors.zigbee import assemble
from tests.analysis.planted.recording import SECOND, Record, Recording, Station

__all__ = ["BROADCAST", "carry", "forge", "say", "shout", "tell", "tunnel_of", "zcl"]

BROADCAST = 0xFFFD
FRAGMENT = 60
TUNNEL = 0x0704
ACK_AFTER = 900_000


def zcl(
    command: int, payload: bytes = b"", *, to_client: bool = False, general: bool = False, sequence: int = 0
) -> bytes:
    """A ZCL frame (ZCL 07-5123 clause 2.4.1)."""
    return bytes([(not general) | to_client << 3 | 0x10, sequence & 0xFF, command]) + payload


def say(
    recording: Recording, sender: Station, receiver: Station, time_ns: int, cluster: int, asdu: bytes, *,
    profile: int = 0x0109, endpoints: tuple[int, int] = (1, 1), link: bool = True, key_id: int = assemble.KEY_LINK,
    key: bytes | None = None, fragment: tuple[int, int] | None = None, counter: int | None = None,
    rssi: int | None = None, planted: bool = True, acked: bool = True,
) -> Record:  # fmt: skip
    """One APS data frame of a device to another; under their link key when they have one and `link` says so."""
    link_key = key or recording.link_key(sender, receiver)
    secured = link and link_key is not None and profile != 0
    number = recording.rng.randrange(256) if counter is None else counter
    header = assemble.aps_data(
        cluster, profile, *endpoints, number, secured=secured, fragment=fragment, ack=fragment is not None
    )

    def apdu(aps_counter: int) -> bytes:
        if not secured:
            return header + asdu
        assert link_key is not None
        return assemble.secure_aps(
            header, asdu, link_key, counter=aps_counter, source=sender.eui64, key_id=key_id
        )

    return _hop(
        recording, sender, receiver.short, time_ns, apdu, secured, receiver if acked else None, rssi, planted
    )


def tell(
    recording: Recording, sender: Station, to: int, time_ns: int, payload: bytes, *, command: bool = True,
    receiver: Station | None = None, rssi: int | None = None, planted: bool = True,
) -> Record:  # fmt: skip
    """A NWK payload (a command, or a ready APDU) of a device to a short address or to all."""
    return _hop(
        recording, sender, to, time_ns, lambda _: payload, False, receiver, rssi, planted, command=command
    )


def _hop(
    recording: Recording, sender: Station, to: int, time_ns: int, apdu: Any, secured: bool,
    receiver: Station | None, rssi: int | None, planted: bool, *, command: bool = False,
) -> Record:  # fmt: skip
    rng = recording.rng
    header = assemble.nwk_header(to, sender.short, rng.randrange(256), command=command)
    number, group = rng.randrange(256), to >= 0xFFF8

    def build(nwk_counter: int, aps_counter: int) -> bytes:
        npdu = assemble.secure_nwk(
            header, apdu(aps_counter), recording.key, counter=nwk_counter, source=sender.eui64,
            key_seq=recording.key_sequence,
        )  # fmt: skip
        mac_to = 0xFFFF if group else to
        return assemble.mac_data(number, recording.pan, mac_to, sender.short, npdu, ack=receiver is not None)

    level = sender.rssi if rssi is None else rssi
    frame = recording.captured(b"", time_ns, level)
    record = recording.add(Record(frame, planted, build, sender.eui64, secured))
    if receiver is not None:
        octets = assemble.mac_ack(number)
        recording.add(Record(recording.captured(octets, time_ns + ACK_AFTER, receiver.rssi)))
    return record


def forge(
    recording: Recording, alias: Station, to: int, time_ns: int, payload: bytes, counter: int, *,
    command: bool = False, rssi: int = -75, secured: bool = True, mac_source: int | None = None,
) -> Record:  # fmt: skip
    """A frame in the name of `alias` from somebody who holds the network key (or, unsecured, from anybody)."""
    rng = recording.rng
    header = assemble.nwk_header(
        to,
        alias.short,
        rng.randrange(256),
        command=command,
        secured=secured,
        src_eui64=None if secured else alias.eui64,
    )
    npdu = header + payload
    if secured:
        npdu = assemble.secure_nwk(
            header,
            payload,
            recording.key,
            counter=counter,
            source=alias.eui64,
            key_seq=recording.key_sequence,
        )
    group = to >= 0xFFF8
    source = alias.short if mac_source is None else mac_source
    octets = assemble.mac_data(
        rng.randrange(256), recording.pan, 0xFFFF if group else to, source, npdu, ack=not group
    )
    return recording.put(octets, time_ns, rssi)


def shout(
    recording: Recording, time_ns: int, octets: list[bytes], pause: tuple[float, float], rssi: int = -70
) -> list[Record]:
    """Frames as they are, one after the other with pauses of so many seconds."""
    out = []
    for one in octets:
        out.append(recording.put(one, time_ns, rssi))
        time_ns += round(recording.rng.uniform(*pause) * SECOND)
    return out


def tunnel_of(recording: Recording, device: Station) -> int:
    """The number of the device's tunnel in the clean capture, as its answer gave it."""
    rows = recording.commands
    rows = rows[(rows["cluster"] == TUNNEL) & (rows["field"] == "tunnel_id")]
    mine = rows[(rows["source"] == device.eui64) | (rows["destination"] == device.eui64)]
    return int(mine["number"].iloc[-1])


def carry(
    recording: Recording, sender: Station, receiver: Station, time_ns: int, octets: bytes, *,
    tunnel: int | None = None, skip: frozenset[int] = frozenset(), planted: bool = True,
) -> int:  # fmt: skip
    """A message through the tunnel of a mains device, in fragments; returns when it is through."""
    hub = recording["CHF"]
    device = receiver if sender is hub else sender
    number = tunnel_of(recording, device) if tunnel is None else tunnel
    by_client = sender is hub
    body, sequence = struct.pack("<H", number) + octets, recording.rng.randrange(256)
    asdu = zcl(2 if by_client else 1, body, to_client=not by_client, sequence=sequence)
    blocks = [asdu[i : i + FRAGMENT] for i in range(0, len(asdu), FRAGMENT)]
    counter = recording.rng.randrange(256)
    for index, block in enumerate(blocks):
        fragment = (index, len(blocks)) if len(blocks) > 1 else None
        if index not in skip:
            say(
                recording,
                sender,
                receiver,
                time_ns,
                TUNNEL,
                block,
                fragment=fragment,
                counter=counter,
                planted=planted,
            )
        time_ns += 12_000_000
    return time_ns
