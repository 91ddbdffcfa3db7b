"""NWK and APS layers of a captured frame opened, so that they can be closed again with other counters.

Sources: IEEE 802.15.4-2006 clause 7.2; ZigBee PRO 05-3474 clauses 2.2.5, 3.3, 4.5."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

__all__ = ["Secured", "opened", "reopened", "sealed"]

LEVEL, MIC = 5, 4
KEY_LINK = 0


@dataclass(frozen=True, slots=True)
class Aux:
    """An auxiliary header as it stands on the air, and the key that opens what follows."""

    control: int
    source: int
    tail: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Secured:
    """A MAC data frame whose NWK layer is opened, and its APS layer too where a link key opens it.

    Attributes:
        head: octets up to the NWK auxiliary header.
        aps_counter: None without APS security, or where no link key opens it; then `apdu` is the whole APDU.
    """

    head: bytes
    mac_octets: int
    aux: Aux
    counter: int
    apdu: bytes
    aps_head: bytes = b""
    aps_aux: Aux | None = None
    aps_counter: int | None = None

    @property
    def sender(self) -> int:
        return self.aux.source

    @property
    def aps_sender(self) -> int:
        return self.aps_aux.source if self.aps_aux is not None else 0

    def closed(self, counter: int, aps_counter: int = 0) -> bytes:
        """The frame again, under these counters."""
        apdu = self.apdu
        if self.aps_aux is not None:
            apdu = sealed(self.aps_head, self.aps_aux, aps_counter, self.apdu)
        mac, nwk = self.head[: self.mac_octets], self.head[self.mac_octets :]
        return mac + sealed(nwk, self.aux, counter, apdu)


def sealed(head: bytes, aux: Aux, counter: int, clear: bytes) -> bytes:
    live = bytes([aux.control & 0xF8 | LEVEL])
    rest = struct.pack("<I", counter) + aux.tail
    nonce = struct.pack("<QI", aux.source, counter) + live
    cipher = AESCCM(aux.key, tag_length=MIC).encrypt(nonce, clear, head + live + rest)
    return head + bytes([aux.control]) + rest + cipher


def opened(head: bytes, aux: Aux, counter: int, cipher: bytes) -> bytes | None:
    """The clear text, or None where the key is another."""
    live = bytes([aux.control & 0xF8 | LEVEL])
    nonce = struct.pack("<QI", aux.source, counter) + live
    try:
        known = head + live + struct.pack("<I", counter) + aux.tail
        return AESCCM(aux.key, tag_length=MIC).decrypt(nonce, cipher, known)
    except InvalidTag:
        return None


def reopened(
    octets: bytes, network_keys: Mapping[int, bytes], link_keys: Mapping[frozenset[int], bytes]
) -> Secured | None:
    """The opened layers of a frame without check sequence; None for all that is no secured NWK frame."""
    mac = _mac_octets(octets)
    if mac is None or len(octets) < mac + 8 + 14 + MIC:
        return None
    control = struct.unpack_from("<H", octets, mac)[0]
    if not control & 0x0200 or control & 0x0003 > 1:
        return None
    end = _nwk_end(octets, mac, control)
    security, counter, source, sequence = struct.unpack_from("<BIQB", octets, end)
    key = network_keys.get(sequence)
    if key is None or security & 0x38 != 0x28:
        return None
    aux = Aux(security, source, octets[end + 5 : end + 14], key)
    clear = opened(octets[mac:end], aux, counter, octets[end + 14 :])
    if clear is None:
        return None
    found = Secured(octets[:end], mac, aux, counter, clear)
    return found if control & 3 else _with_aps(found, link_keys)


def _with_aps(found: Secured, link_keys: Mapping[frozenset[int], bytes]) -> Secured:
    """With its APS layer opened too, where it has one under a link key that names its source."""
    apdu = found.apdu
    control = apdu[0]
    if not control & 0x20 or control & 3 == 1:
        return found
    end = 8
    if control & 0x80:
        end += 1 + (apdu[end] & 3 != 0) + (apdu[end] & 3 != 0 and control & 3 == 2)
    security, counter, source = struct.unpack_from("<BIQ", apdu, end)
    if security & 0x38 != 0x20 or control & 0x0C:
        return found
    for pair, key in link_keys.items():
        if source not in pair:
            continue
        aux = Aux(security, source, apdu[end + 5 : end + 13], key)
        clear = opened(apdu[:end], aux, counter, apdu[end + 13 :])
        if clear is not None:
            return Secured(
                found.head, found.mac_octets, found.aux, found.counter, clear, apdu[:end], aux, counter
            )
    return found


def _mac_octets(octets: bytes) -> int | None:
    """Where the payload of a version 0 or 1 data frame begins."""
    if len(octets) < 9:
        return None
    control = struct.unpack_from("<H", octets)[0]
    if control & 7 != 1 or control & 0x2008:
        return None
    sizes = {0: 0, 2: 2, 3: 8}
    destination, source = control >> 10 & 3, control >> 14
    at = 3 + (2 + sizes[destination] if destination else 0)
    return at + (sizes[source] + (0 if control & 0x40 else 2) if source else 0)


def _nwk_end(octets: bytes, start: int, control: int) -> int:
    end = start + 8 + 8 * bool(control & 0x0800) + 8 * bool(control & 0x1000) + bool(control & 0x0100)
    return end + 2 + 2 * octets[end] if control & 0x0400 else end
