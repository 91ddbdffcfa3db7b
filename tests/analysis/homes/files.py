"""A home's frames as a sniffer of one make leaves them, and its keys as somebody wrote them down."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from captures.fcs import fcs16
from tests.analysis.homes.air import Heard
from tests.analysis.homes.days import FORMER
from tests.analysis.homes.life import Home
from tests.analysis.homes.remote import gbcs_lines

__all__ = ["DRAWN", "FORMATS", "KNOWN", "Ear", "heard_by", "key_text", "write", "write_several"]

LITTLE_NANO = 0xA1B23C4D
LITTLE_MICRO = 0xA1B2C3D4


@dataclass(frozen=True, slots=True)
class Ear:
    """What a sniffer does to what is on the air: shares that it misses or damages; whether it leaves acknowledgements
    out; the seconds for which it is on the home's channel, and for which it listens elsewhere; whether a second sniffer
    stands in another room; at which second its clock is set, and by how many seconds; whether it has an interface for each of
    several radios, of which others hear the neighbours; the share of frames that stand in the capture twice, as two sniffers
    on one channel leave them when their files are joined; seconds by which its clock gains in each second; roles whom it is too far away from
    to hear; whether its times begin at nothing; which of two bands it hears ("2.4 GHz", "below 1 GHz"), both where empty; the
    second at which whoever listens falls asleep, and for how long."""

    missed: float = 0.0
    damaged: float = 0.0
    no_acks: bool = False
    noise: float = 0.0
    hops: tuple[float, float] | None = None
    second: bool = False
    clock: tuple[float, float] | None = None
    radios: bool = False
    twice: float = 0.0
    drift: float = 0.0
    deaf: tuple[str, ...] = ()
    no_date: bool = False
    band: str = ""
    asleep: tuple[float, float] = (0.0, 0.0)


def heard_by(frames: list[Heard], ear: Ear, seed: str) -> list[Heard]:
    """The frames as an ear hears them."""
    rng = random.Random(seed)
    out = []
    for one in frames:
        if ear.hops is not None and one.seconds % sum(ear.hops) > ear.hops[0]:
            continue
        if one.by and one.by in ear.deaf:
            continue
        if 0 <= one.seconds - ear.asleep[0] < ear.asleep[1]:
            continue
        if ear.band and (one.band is None) != (ear.band == "2.4 GHz"):
            continue
        if rng.random() < ear.missed or (ear.no_acks and len(one.octets) == 5):
            continue
        if rng.random() < ear.damaged and len(one.octets) > 5:
            octets = bytearray(one.octets)
            octets[rng.randrange(len(octets) - 2)] ^= rng.randrange(1, 256)
            one = replace(one, octets=bytes(octets), good=False)
        if ear.clock is not None and one.seconds > ear.clock[0]:
            one = replace(one, seconds=one.seconds + ear.clock[1])
        if ear.drift:
            one = replace(one, seconds=one.seconds * (1 + ear.drift))
        out.append(replace(one, rssi=max(-100, round(one.rssi + rng.gauss(0, ear.noise)))))
        if ear.twice and rng.random() < ear.twice:
            later, level = one.seconds + rng.uniform(2e-6, 4e-4), max(-100, one.rssi + rng.randrange(-9, 9))
            out.append(replace(out[-1], seconds=later, rssi=level))
    return sorted(out, key=lambda each: each.seconds) if ear.twice else out


def _tap(one: Heard, channel: int) -> bytes:
    """IEEE 802.15.4 TAP (link type 283): kind of check sequence, channel and page, strength."""
    page, channel = one.band or (0, channel)
    tags = (
        struct.pack("<HHI", 0, 1, 1)
        + struct.pack("<HHHBB", 3, 3, channel, page, 0)
        + struct.pack("<HHf", 1, 4, one.rssi)
    )
    return struct.pack("<BBH", 0, 0, 4 + len(tags)) + tags + one.octets


def _texas(one: Heard, channel: int) -> bytes:
    """Link type 195 with the two octets that a TI radio puts where the check sequence was."""
    return one.octets[:-2] + struct.pack(
        "<bB", max(-128, one.rssi + 73), (one.good << 7) | min(107, 40 + one.rssi + 100)
    )


def _bare_tap(one: Heard, channel: int) -> bytes:
    """TAP of a radio that keeps no check sequence, and tells when a frame began in its own time, too."""
    tags = struct.pack("<HHI", 0, 1, 0) + struct.pack("<HHHBB", 3, 3, channel, 0, 0)
    tags += struct.pack("<HHQ", 5, 8, round(one.seconds * 1e9)) + struct.pack("<HHf", 1, 4, one.rssi)
    return struct.pack("<BBH", 0, 0, 4 + len(tags)) + tags + one.octets[:-2]


def _zep(one: Heard, channel: int) -> bytes:
    """Version 2 of the ZigBee Encapsulation Protocol with the check sequence, in a datagram on Ethernet."""
    quality = max(0, min(255, 255 + 2 * (one.rssi + 30)))
    stamp = struct.pack(">QI", round((one.seconds + 3_900_000_000) * 2**32), round(one.seconds * 1000))
    head = b"EX\x02\x01" + struct.pack(">BHBB", channel, 0x0101, 1, quality) + stamp
    body = head + bytes(10) + bytes([len(one.octets)]) + one.octets
    udp = struct.pack(">HHHH", 17754, 17754, 8 + len(body), 0) + body
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes(
        (192, 168, 7, 2, 192, 168, 7, 9)
    )
    return bytes.fromhex("0200000000010200000000020800") + ip + udp


FORMATS: dict[str, tuple[int, int, Callable[[Heard, int], bytes]]] = {
    "tap": (283, LITTLE_NANO, _tap),
    "with check sequence": (195, LITTLE_MICRO, lambda one, channel: one.octets),
    "without check sequence": (230, LITTLE_MICRO, lambda one, channel: one.octets[:-2]),
    "with TI's trailer": (195, LITTLE_NANO, _texas),
    "tap without check sequence": (283, LITTLE_MICRO, _bare_tap),
    "zep": (1, LITTLE_MICRO, _zep),
}
"""Link type, magic number of the file, and what a record holds."""
DRAWN = tuple(FORMATS)[:4]
"""Forms that are drawn where a kind says none."""
BARE = ("without check sequence", "tap without check sequence")
KNOWN = ("the network key", "keys of parties", "link keys", "some names", "half of the link keys")
"""What is in the keys where not all are there."""


def write(path: Path, frames: list[Heard], form: str, start: int, channel: int) -> None:
    """A pcap file by hand (libpcap's format): damaged frames are left out where nothing would tell them."""
    link_type, magic, record = FORMATS[form]
    unit = 1_000_000_000 if magic == LITTLE_NANO else 1_000_000
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, link_type))
        for one in frames:
            if form in BARE and not one.good:
                continue
            octets = record(one, channel)
            whole, rest = divmod(round(one.seconds * unit), unit)
            file.write(struct.pack("<IIII", start + whole, rest, len(octets), len(octets)) + octets)


def _interface(link_type: int, digits: int) -> bytes:
    """An interface of pcapng whose times have so many digits behind the second."""
    options = struct.pack("<HHBxxxHH", 9, 1, digits, 0, 0)
    size = 20 + len(options)
    return struct.pack("<IIHHI", 1, size, link_type, 0, 65535) + options + struct.pack("<I", size)


def write_several(
    path: Path, sniffers: list[list[Heard]], start: int, channels: list[int], ahead: float = 0.0, forms: tuple[str, ...] = ("tap",)
) -> None:  # fmt: skip
    """A pcapng file by hand with an interface for each sniffer, of the forms in turn; each clock is `ahead` seconds before
    the one before it."""
    used = [(*FORMATS[forms[number % len(forms)]], 9 - 3 * (number % 2)) for number in range(len(sniffers))]
    all_heard = [
        (one.seconds + ahead * number, number, one) for number, heard in enumerate(sniffers) for one in heard
    ]
    with path.open("wb") as file:
        file.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
        file.writelines(_interface(link_type, digits) for link_type, _, _, digits in used)
        for seconds, number, one in sorted(all_heard, key=lambda each: each[0]):
            record = used[number][2](one, channels[number])
            padded = record + bytes(-len(record) % 4)
            unit = 10 ** used[number][3]
            time = start * unit + round(seconds * unit)
            size = 32 + len(padded)
            head = struct.pack(
                "<IIIIIII", 6, size, number, time >> 32, time & 0xFFFFFFFF, len(record), len(record)
            )
            file.write(head + padded + struct.pack("<I", size))


def key_text(home: Home, *, roles: bool = True, only: str = "") -> str:
    """keys.toml of the home; without `roles` nothing but keys; `only`: one of `KNOWN`."""
    if only == "keys of parties":
        return "\n".join(gbcs_lines(home, roles)) + "\n"
    other = home.more.get("beside")
    beside = (
        ()
        if other is None
        else [*_key_lines(other, roles), *([] if home.remote else gbcs_lines(other, roles))]
    )
    return (
        "\n".join(
            [
                *_key_lines(home, roles, only),
                *beside,
                *(gbcs_lines(home, roles) if not only or "name" in only else []),
            ]
        )
        + "\n"
    )


def _key_lines(home: Home, roles: bool, only: str = "") -> Iterator[str]:
    named = home.air.devices[::2] if only == "some names" else home.air.devices
    for one in named if roles else ():
        role = "ESME" if one.role == FORMER else one.role
        yield f'[[device]]\neui64 = "{one.eui64:016x}"\nname = "{one.name}"\nrole = "{role}"\n'
    for sequence, key in home.more["network keys"].items() if only != "link keys" else ():
        yield f'[[network_key]]\nkey = "{key.hex()}"\nsequence = {sequence}\n'
    told = set()
    if only == "the network key":
        return
    for one in home.air.devices[::2] if only.startswith("half") else home.air.devices:
        for other, key in one.links.items():
            pair = (min(one.eui64, other), max(one.eui64, other), key)
            if key and key not in home.more.get("unknown keys", ()) and pair not in told:
                told.add(pair)
                yield f'[[link_key]]\nkey = "{key.hex()}"\ndevices = ["{pair[0]:016x}", "{pair[1]:016x}"]\n'
    for key, one, other in home.more.get("former keys", ()):
        yield f'[[link_key]]\nkey = "{key.hex()}"\ndevices = ["{one:016x}", "{other:016x}"]\n'


def repaired(one: Heard) -> Heard:
    """The frame with the check sequence that belongs to it."""
    return replace(one, octets=one.octets[:-2] + fcs16(one.octets[:-2]))
