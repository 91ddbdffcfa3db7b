"""Secured layers closed again after a change, each under the key that stands for its own.

Strategy: the layers of a dissection name, in order, every auxiliary header and every integrity code; the n-th
integrity code belongs to the n-th layer that was opened, and its clear text is the n-th opened buffer. So the
innermost layer is closed first and becomes part of the clear text of the one around it.
Source: ZigBee 05-3474 R22 clauses 4.3.1, 4.4.1, 4.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.redaction.pseudonyms import Pseudonyms
from dissectors import Dissection
from dissectors.crypto import ccm_seal
from dissectors.layout import Mic
from dissectors.zigbee import DERIVED, ApsHeader, AuxHeader, NwkHeader, levels_of

__all__ = ["Seal", "seals"]

MIC_OCTETS = (0, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Seal:
    """How one opened layer is closed again.

    Attributes:
        outer, inner: the buffer that holds the sealed octets, and the one of the clear text.
        header, control, payload, end: where the authenticated header begins, the security control octet, the
            sealed octets, and their end behind the integrity code.
        mic: octets of the integrity code.
        key: the key that stands for the original one, derived where the frame says so.
        sender: EUI-64 of the nonce, already replaced.
        counter, level: of the nonce.
    """

    outer: str
    inner: str
    header: int
    control: int
    payload: int
    end: int
    mic: int
    key: bytes
    sender: int
    counter: int
    level: int

    def close(self, buffers: dict[str, bytearray]) -> None:
        """Write the sealed octets of `inner` into `outer`."""
        outer = buffers[self.outer]
        sealed = _sealed(self, bytes(outer), bytes(buffers[self.inner]), self.key, self.sender, self.level)
        outer[self.payload : self.end] = sealed


def _sealed(seal: Seal, outer: bytes, clear: bytes, key: bytes, sender: int, level: int) -> bytes:
    control = bytes([outer[seal.control] & 0xF8 | level])
    header = outer[seal.header : seal.control] + control + outer[seal.control + 1 : seal.payload]
    nonce = sender.to_bytes(8, "little") + seal.counter.to_bytes(4, "little") + control
    if level < 4:
        return clear + ccm_seal(key, nonce, header + clear, b"", seal.mic)[1]
    body, mic = ccm_seal(key, nonce, header, clear, seal.mic)
    return body + mic


def seals(found: Dissection, names: Pseudonyms) -> list[Seal]:
    """All opened ZigBee layers of a frame, innermost first."""
    return list(_outside_in(found, names))[::-1]


def _outside_in(found: Dissection, names: Pseudonyms) -> Iterator[Seal]:
    opened = [
        (f"decrypted-{index}", *one) for index, one in enumerate(found.opened)
    ]  # buffers are opened in this order
    closed = [one for one in opened if one[1] != "mac"]
    header: NwkHeader | ApsHeader | None = None
    aux: AuxHeader | None = None
    for buffer, layer in found.layers:
        if isinstance(layer, NwkHeader | ApsHeader):
            header, aux = layer, None
        elif isinstance(layer, AuxHeader):
            aux = layer
        elif isinstance(layer, Mic) and header is not None and aux is not None:
            if not closed:
                return
            inner, kind, key = closed.pop(0)
            sender = aux.get("source")
            if sender is None:
                sender = found.columns.get("nwk_sender" if kind == "nwk" else "aps_sender")
            derive = DERIVED.get(aux.bit("key_id")) if kind == "aps" else None
            seal = Seal(
                buffer, inner, header.start, aux.start, aux.end, layer.end, layer.end - layer.start,
                b"", int(sender or 0), aux.frame_counter, 0,
            )  # fmt: skip
            level = _level(seal, found, aux, derive(key.value) if derive else key.value)
            other = names.key(key.value)
            yield Seal(
                buffer, inner, seal.header, seal.control, seal.payload, seal.end, seal.mic,
                derive(other) if derive else other, names.eui64(seal.sender), seal.counter, level,
            )  # fmt: skip
            aux = None


def _level(seal: Seal, found: Dissection, aux: AuxHeader, key: bytes) -> int:
    """The level that gave the octets that were captured."""
    outer, clear = found.buffers[seal.outer], found.buffers[seal.inner]
    levels = [level for level in levels_of(aux) if MIC_OCTETS[level & 3] == seal.mic]
    for level in levels[:-1]:
        if _sealed(seal, outer, clear, key, seal.sender, level) == outer[seal.payload : seal.end]:
            return level
    return levels[-1]
